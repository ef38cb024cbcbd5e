"""What people find out about payments, and when: verdicts of reviewers, and chargebacks.

A reviewer judges an alert after a while, rightly.  A fraud that nobody alerted comes back as a
chargeback, later.  The times are whatever the caller counts in, seconds of a clock or of the payments.

Who was seen by a reviewer is not charged back.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["LateVerdict", "LateVerdicts"]

# Frauds of the last hours of traffic; older ones nobody alerts any more.
_REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class LateVerdict:
    """A message for the feedback topic, ``message`` under the key ``card_id``, and when it is due."""

    at: float
    transaction_id: str
    card_id: str
    message: dict[str, Any]

    @property
    def is_chargeback(self) -> bool:
        """Whether the card's owner complained, rather than a reviewer having looked."""
        return bool(self.message["origin"] == "chargeback")


class LateVerdicts:
    """Who finds out what, when; used from the thread that sends payments and the one that reads alerts.

    ``judged_after`` and ``charged_back_after`` are in the unit of the times that are given.
    """

    def __init__(self, judged_after: float, charged_back_after: float) -> None:
        self._judged_after = judged_after
        self._charged_back_after = charged_back_after
        self._lock = threading.Lock()
        self._frauds: dict[str, None] = {}
        self._judged: set[str] = set()
        self._reviews: deque[LateVerdict] = deque()
        self._chargebacks: deque[LateVerdict] = deque()

    def cheated(
        self, transaction_id: str, card_id: str, merchant_id: str | None, at: float
    ) -> None:
        """Note that a payment made at the time ``at`` is a fraud; before anybody can alert it."""
        message = {
            "transaction_id": transaction_id,
            "card_id": card_id,
            "merchant_id": merchant_id,
            "origin": "chargeback",
            "is_fraud": True,
        }
        due = LateVerdict(at + self._charged_back_after, transaction_id, card_id, message)
        with self._lock:
            self._frauds[transaction_id] = None
            while len(self._frauds) > _REMEMBERED:
                forgotten = next(iter(self._frauds))
                del self._frauds[forgotten]
                self._judged.discard(forgotten)
            self._chargebacks.append(due)

    def alerted(
        self,
        alert_id: str,
        transaction_id: str,
        card_id: str,
        merchant_id: str | None,
        at: float,
    ) -> None:
        """Let a reviewer see an alert at the time ``at``; what is decided comes later."""
        with self._lock:
            message = {
                "alert_id": alert_id,
                "transaction_id": transaction_id,
                "card_id": card_id,
                "merchant_id": merchant_id,
                "origin": "reviewer",
                "is_fraud": transaction_id in self._frauds,
            }
            self._judged.add(transaction_id)
            due = LateVerdict(at + self._judged_after, transaction_id, card_id, message)
            self._reviews.append(due)

    def due(self, now: float) -> list[LateVerdict]:
        """Return, once, what has become known up to the time ``now``."""
        with self._lock:
            chargebacks = _taken(self._chargebacks, now)
            return _taken(self._reviews, now) + [
                each for each in chargebacks if each.transaction_id not in self._judged
            ]


def _taken(waiting: deque[LateVerdict], now: float) -> list[LateVerdict]:
    taken = []
    while waiting and waiting[0].at <= now:
        taken.append(waiting.popleft())
    return taken
