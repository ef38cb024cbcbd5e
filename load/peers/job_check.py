"""Whether a peer did the job: its alerts say what the payments come to, and are about as many as asked.

The truth is counted by the same simulator that filled the topic; a card's payments are in one partition
and so in its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from streamer.errors import InvariantError
from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["PeerAlert", "Truth", "check_alerts", "payments_of"]

_CHUNK: Final = 5_000
# Thresholds are set for half a percent of the payments; centers that have just begun alert fewer.
_SHARES: Final = (0.0002, 0.03)
_TOLERANCE: Final = 1e-6


class PeerAlert(msgspec.Struct):
    """What every peer sends (`load.peers.common.job.alert_of`)."""

    transaction_id: str
    card_id: str
    score: float
    payments_of_card: int
    mean_amount: float


@dataclass(slots=True)
class Truth:
    """By payment: how many its card had by then, itself included, and their mean amount."""

    _of: dict[str, tuple[int, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, payments: Iterable[tuple[str, str, float]]) -> Truth:
        """Return what payments come to, each an id, a card and an amount, in their order.

        >>> Truth.of([("a", "card", 1.0), ("b", "card", 3.0)]).at("b")
        (2, 2.0)
        """
        truth = cls()
        sums: dict[str, tuple[int, float]] = {}
        for transaction_id, card_id, amount in payments:
            n, total = sums.get(card_id, (0, 0.0))
            n, total = sums[card_id] = n + 1, total + amount
            truth._of[transaction_id] = (n, total / n)
        return truth

    def at(self, transaction_id: str) -> tuple[int, float] | None:
        """Return count and mean at a payment; None for one that was not sent."""
        return self._of.get(transaction_id)


def payments_of(n: int, cards: int, seed: int) -> Iterable[tuple[str, str, float]]:
    """Yield what `load.generator` sends, as `Truth` wants it."""
    simulator = Simulator(SimulatorConfig(seed=seed, n_customers=cards))
    for first in range(0, n, _CHUNK):
        made = simulator.generate(min(_CHUNK, n - first))
        yield from zip(made.transaction_ids, made.card_ids, map(float, made.amounts), strict=True)


def check_alerts(name: str, alerts: Sequence[PeerAlert], truth: Truth, n_done: int) -> None:
    """Raise InvariantError unless the alerts of a peer that has done so many payments are right."""
    least, most = (share * n_done for share in _SHARES)
    if not least <= len(alerts) <= most:
        raise InvariantError(
            f"{name} must alert {least:.0f} to {most:.0f} of {n_done} payments, got {len(alerts)}"
        )
    for alert in alerts:
        known = truth.at(alert.transaction_id)
        if known is None:
            raise InvariantError(f"{name} must alert what was sent, got {alert}")
        n, mean = known
        if alert.payments_of_card != n or abs(alert.mean_amount - mean) > _TOLERANCE * mean:
            raise InvariantError(
                f"{name} must count {n} payments with a mean of {mean} there, got {alert}"
            )
    if len({alert.transaction_id for alert in alerts}) < len(alerts):
        raise InvariantError(f"{name} must alert a payment once in an undisturbed run")
