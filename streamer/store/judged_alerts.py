"""What was judged, newest first: a bounded log that pages are computed from.

An entry is written in the step that closes its alert, so that each verdict is in it once; a correction
is an entry of its own, and stands in place of what it corrects (`standing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from streamer.contract.messages import Alert
from streamer.store.client import Client, Pipe
from streamer.store.keys import Keys

__all__ = ["JudgedAlert", "JudgedAlerts", "judged_alert", "queue_judged", "standing"]

_MOST: Final = 20_000


class JudgedAlert(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One verdict and what is compared of its alert.  Times are epoch milliseconds.

    ``rarity`` is the share of recent traffic that scored higher.  ``weight`` is for how many payments
    the alert stands: 1, or more where it was drawn from below the threshold.  A correction
    with ``is_ruling`` is a lead's, where two opinions differed; any other was taken back, or overruled.
    An earlier release's has no ``transaction_id``.
    """

    alert_id: str
    who: str
    verdict: Literal["fraud", "legitimate"]
    decided_ms: int
    scored_ms: int
    severity: str
    rarity: float
    amount: float
    currency: str
    weight: float = 1.0
    is_sampled: bool = False
    is_correction: bool = False
    is_ruling: bool = False
    transaction_id: str = ""

    @property
    def is_fraud(self) -> bool:
        return self.verdict == "fraud"


def judged_alert(
    alert: Alert,
    who: str,
    verdict: Literal["fraud", "legitimate"],
    decided_ms: int,
    *,
    is_correction: bool,
    is_ruling: bool = False,
) -> JudgedAlert:
    """Return the entry of a verdict on ``alert``."""
    return JudgedAlert(
        alert_id=alert.alert_id,
        who=who,
        verdict=verdict,
        decided_ms=decided_ms,
        scored_ms=round(alert.scored_at.timestamp() * 1000),
        severity=alert.severity,
        rarity=max(1.0 - alert.score, 0.0),
        amount=alert.transaction.amount,
        currency=alert.transaction.currency,
        weight=alert.sample_weight or 1.0,
        is_sampled=alert.sampled,
        is_correction=is_correction,
        is_ruling=is_ruling,
        transaction_id=alert.transaction.transaction_id,
    )


def standing(entries: Iterable[JudgedAlert]) -> list[JudgedAlert]:
    """Return of each alert the latest verdict, in the order of ``entries``, which are newest first."""
    latest: dict[str, JudgedAlert] = {}
    for entry in entries:
        latest.setdefault(entry.alert_id, entry)
    return list(latest.values())


def queue_judged(pipe: Pipe, keys: Keys, entry: JudgedAlert) -> None:
    """Add an entry in the transaction of ``pipe``; the oldest of 20,000 make room."""
    value = msgspec.json.encode(entry)
    pipe.execute_command("XADD", keys.review("judged"), "MAXLEN", _MOST, "*", "entry", value)


class JudgedAlerts:
    """Reads the log, each entry once; raises `UnavailableError` where Redis is away."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._reading = asyncio.Lock()
        self._ids: list[bytes] = []
        self._latest: list[JudgedAlert] = []

    async def latest(self) -> list[JudgedAlert]:
        """Return all entries, newest first; the same list while there is none that is new.

        Only what came since the last call is asked for.  Whoever has the list must not change it.
        """
        async with self._reading:
            key = self.client.keys.review("judged")
            last = self._ids[-1].decode() if self._ids else "0"
            commands = [
                ("XRANGE", key, f"({last}", "+"),
                ("XRANGE", key, "-", "+", "COUNT", 1),
                ("XLEN", key),
            ]
            new, first, n = await self.client.pipelined(commands, atomic=True)
            ids = [*self._ids, *(stream_id for stream_id, _ in new)][-_MOST:]
            if [stream_id for stream_id, _ in first] != ids[:1] or n != len(ids):
                # Redis was emptied, or is another one than it was, or a card was forgotten.
                self._ids, self._latest = [], []
                [new] = await self.client.pipelined([("XRANGE", key, "-", "+")], atomic=False)
                ids = [stream_id for stream_id, _ in new]
            if new:
                decode = msgspec.json.Decoder(JudgedAlert).decode
                decoded = [decode(fields[b"entry"]) for _, fields in reversed(new)]
                self._latest = [*decoded, *self._latest][:_MOST]
            self._ids = ids
            return self._latest
