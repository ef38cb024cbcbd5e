"""Which payments are judged, by whom and when: all of them, or as an operator has it.

Selective: what reviewers got as an alert is judged soon after; of the other frauds a share comes back
as chargebacks, spread over months; of the rest nobody ever hears.  Whether and when a fraud comes back
is drawn from its transaction id: the same in every run of a seed, however the file is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal, get_args

from streamer.contract.messages import Origin
from streamer.durations import DAY_MS

__all__ = ["LABELS", "NO_LABELS", "Chargebacks", "LabelPlan", "Which"]

Which = Literal["all", "selective", "none"]
LABELS: Final[tuple[Which, ...]] = get_args(Which)


@dataclass(frozen=True, slots=True)
class Chargebacks:
    """A ``share`` of the frauds that did not alert come back, uniformly between two delays."""

    share: float
    first_ms: int
    last_ms: int

    def delay_ms(self, transaction_id: str, seed: int) -> int | None:
        """Return how long after its payment a fraud comes back; None where it never does."""
        digest = blake2b(f"{seed}/{transaction_id}".encode(), digest_size=16).digest()
        comes, when = (int.from_bytes(half) / 2.0**64 for half in (digest[:8], digest[8:]))
        if comes >= self.share:
            return None
        return self.first_ms + int(when * (self.last_ms - self.first_ms))


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """``delay_ms`` is for all labels, ``judged_after_ms`` and ``chargebacks`` for selective ones."""

    which: Which = "all"
    delay_ms: int = 7 * DAY_MS
    judged_after_ms: int = DAY_MS
    chargebacks: Chargebacks | None = None
    seed: int = 0

    @property
    def teaches(self) -> bool:
        """Whether any label is ever told."""
        return self.which != "none"

    def judgement(
        self, transaction_id: str, *, is_fraud: bool, alerted: bool
    ) -> tuple[int, Origin] | None:
        """Return how long after its payment a label is known and by whom; None for never.

        ``alerted``: reviewers got it, so it was not held back by the fuse.
        """
        if self.which == "all":
            return self.delay_ms, "chargeback"
        if self.which == "none":
            return None
        if alerted:
            return self.judged_after_ms, "reviewer"
        if not is_fraud or self.chargebacks is None:
            return None
        delay_ms = self.chargebacks.delay_ms(transaction_id, self.seed)
        return None if delay_ms is None else (delay_ms, "chargeback")


NO_LABELS: Final = LabelPlan("none")
