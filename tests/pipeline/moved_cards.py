"""What is lost where cards go to partitions that are added: their histories, and the merchants' there.

A card that moves is on its new partition one that was never seen, among merchants that were never seen.
So the same payments are scored twice: as they are, and with card and merchant of each card that moves
named anew from one day on.  Two partitions become four, by the hash of Kafka's Java clients.

``python -m tests.pipeline.moved_cards 1`` prints, for cards that move and week by week, the share of
payments that alert and of frauds that do, with their histories and without.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from typing import Final, NamedTuple

from load.stages import batches_of
from streamer.offline.offline_partition import OfflinePartition
from streamer.serving.partitioners import murmur2
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.simulator.payments import Payments
from streamer.starting.wiring import pipeline_config

__all__ = ["Week", "moved", "weeks"]

PER_DAY: Final = 6_000
DAYS_BEFORE: Final = 28
_BUDGET: Final = "0.01"
_FRAUD_SHARE: Final = 0.01


class Week(NamedTuple):
    """Of a week after the change, and of payments with cards that moved: what alerted."""

    alerted: float
    caught: float


def moved(card: str, n_before: int = 2, n_after: int = 4) -> bool:
    """Whether a card is on another partition than before, by the hash of its id."""
    number = murmur2(card.encode()) & 0x7FFFFFFF
    return number % n_before != number % n_after


def weeks(seed: int, n_weeks: int, *, keep_histories: bool) -> list[Week]:
    """Return what alerts of cards that move, week by week after the change."""
    config = SimulatorConfig(seed=seed, n_customers=PER_DAY // 3, fraud_share=_FRAUD_SHARE)
    simulator = Simulator(config)
    settings = load_settings({"STREAMER_ALERT_BUDGET": _BUDGET})
    partition = OfflinePartition(pipeline_config(settings), 100_000, 100_000, 2_000)
    found = [Counter[str]() for _ in range(n_weeks)]
    for day in range(DAYS_BEFORE + 7 * n_weeks):
        payments = simulator.generate(PER_DAY)
        is_after = day >= DAYS_BEFORE
        told = payments if keep_histories or not is_after else _without_histories(payments)
        alerted = {
            alert.transaction.transaction_id
            for batch in batches_of(told, 1_000, day * PER_DAY)
            for part in partition.run(batch, now_ms=batch.received_at_ms)
            for alert in part.outcome.alerts
        }
        if is_after:
            _count(found[(day - DAYS_BEFORE) // 7], payments, alerted)
    return [Week(f["alerts"] / f["all"], f["caught"] / f["frauds"]) for f in found]


def _without_histories(payments: Payments) -> Payments:
    new = [moved(card) for card in payments.card_ids]
    cards = [f"{c}-new" if is_new else c for c, is_new in zip(payments.card_ids, new, strict=True)]
    merchants = [
        f"{name}-new" if is_new and name is not None else name
        for name, is_new in zip(payments.merchant_ids, new, strict=True)
    ]
    return replace(payments, card_ids=cards, merchant_ids=merchants)


def _count(found: Counter[str], payments: Payments, alerted: set[str]) -> None:
    for name, card, pattern in zip(
        payments.transaction_ids, payments.card_ids, payments.patterns, strict=True
    ):
        if moved(card):
            found["all"] += 1
            found["alerts"] += name in alerted
            found["frauds"] += pattern is not None
            found["caught"] += pattern is not None and name in alerted


def main(seed: int) -> None:
    """Print both, for eight weeks."""
    both = [weeks(seed, 8, keep_histories=keeps) for keeps in (True, False)]
    for n, (kept, lost) in enumerate(zip(*both, strict=True), 1):
        print(
            f"seed {seed} week {n}: with histories {kept.alerted:.4f} alert, {kept.caught:.3f} of the "
            f"frauds; without {lost.alerted:.4f} and {lost.caught:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
