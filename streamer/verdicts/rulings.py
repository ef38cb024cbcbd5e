"""Which verdict on a payment stands, whatever the order in which they come.

A chargeback overrules a reviewer; of two from one origin the later decision stands, and of two decided
at once the one that says fraud.  The same verdict again changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from streamer.contract.messages import Feedback
from streamer.errors import InvariantError
from streamer.indexing import fingerprints

__all__ = ["Rulings", "overrules"]

_ORIGINS: Final = {"reviewer": 0, "chargeback": 1}
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Feedback)


def overrules(verdict: Feedback, standing: Feedback) -> bool:
    """Return whether ``verdict`` takes the place of the one that stands; never for an equal one."""
    return _order(verdict) > _order(standing)


def _order(verdict: Feedback) -> tuple[int, float, int]:
    is_fraud = verdict.verdict == "fraud"
    return _ORIGINS[verdict.origin], verdict.decided_at.timestamp(), int(is_fraud)


class Rulings:
    """The verdicts that stand, by transaction; at most ``capacity``, the longest held go first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        # A plain dict searches for its first entry past all that were ever removed before it.
        self._standing: OrderedDict[str, Feedback] = OrderedDict()
        self._changed: set[str] = set()
        self._removed: set[str] = set()

    def __len__(self) -> int:
        return len(self._standing)

    def get(self, transaction_id: str) -> Feedback | None:
        """Return the verdict that stands, None without one."""
        return self._standing.get(transaction_id)

    def put(self, verdict: Feedback) -> None:
        """Let ``verdict`` stand."""
        key = verdict.transaction_id
        self._standing[key] = verdict
        self._changed.add(key)
        self._removed.discard(key)
        while len(self._standing) > self.capacity:
            oldest, _ = self._standing.popitem(last=False)
            self._changed.discard(oldest)
            self._removed.add(oldest)

    def erase(self, cards: Collection[str], payments: Collection[int]) -> int:
        """Let go of the verdicts on ``cards`` and on ``payments``, which are what stands for their
        transactions' ids; return how many there were."""
        prints = fingerprints(list(self._standing)).tolist()
        gone = [
            key
            for (key, verdict), one in zip(self._standing.items(), prints, strict=True)
            if one in payments or verdict.card_id in cards
        ]
        for key in gone:
            del self._standing[key]
        self._changed.difference_update(gone)
        self._removed.update(gone)
        return len(gone)

    def take_changed(self) -> dict[str, bytes]:
        """Return what was put since the last call, encoded."""
        changed = {key: _encoder.encode(self._standing[key]) for key in sorted(self._changed)}
        self._changed.clear()
        return changed

    def take_removed(self) -> list[str]:
        """Return the transactions that made room since the last call."""
        removed = sorted(self._removed)
        self._removed.clear()
        return removed

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned, the earliest decision first."""
        try:
            verdicts = [_decoder.decode(verdict) for verdict in stored.values()]
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvariantError(
                f"stored rulings must be verdicts, got something else ({type(error).__name__}); "
                "another release or something else has written them: start another "
                "STREAMER_NAMESPACE"
            ) from error
        for verdict in sorted(verdicts, key=lambda v: (v.decided_at, v.transaction_id)):
            self._standing[verdict.transaction_id] = verdict
