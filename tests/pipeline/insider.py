"""A reviewer who lies: a share of all verdicts, for a month, given so that one fraud pattern passes.

The insider sees every alert before anybody else and chooses which to judge: frauds of his pattern, as
legitimate; with what is left of his share, the honest payments that the model finds most suspicious, as
fraud.  Everybody else judges the rest rightly a day later, and a bank reports frauds that nobody
alerted, `CHARGED_BACK` of them, ten days later, those of the pattern too; or no bank reports any.

``python -m tests.pipeline.insider 0.05 1`` prints what a share of the verdicts gains with seed 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from load.stages import batches_of
from streamer.contract.messages import Alert, Feedback, Origin, Verdict
from streamer.durations import DAY_MS
from streamer.offline.offline_partition import OfflinePartition
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.simulator.payments import Payments
from streamer.starting.wiring import pipeline_config

__all__ = ["Caught", "month"]

PER_DAY: Final = 6_000
HONEST_DAYS: Final = 21
ATTACK_DAYS: Final = 30
# Of the last days, by which the lies have done what they can.
COUNTED_DAYS: Final = 10
PATTERN: Final = "spending_spree"
CHARGED_BACK: Final = 0.8
CHARGED_BACK_AFTER: Final = 10
_BUDGET: Final = "0.01"
_FRAUD_SHARE: Final = 0.01


class Caught(NamedTuple):
    """Of the last days: what was alerted of the pattern and of all other frauds, and of alerts."""

    of_pattern: float
    of_others: float
    precision: float
    n_lies: int


@dataclass(slots=True)
class _Desk:
    """Who judges what, day by day."""

    share: float
    owed: float = 0.0
    n_lies: int = 0
    later: list[tuple[int, Feedback]] = field(default_factory=list)

    def judged(self, alerts: list[Alert], pattern_of: dict[str, str | None]) -> Iterator[Feedback]:
        """Yield the verdicts on a day's alerts, the insider's first."""
        self.owed += self.share * len(alerts)
        by_use = sorted(alerts, key=lambda alert: _use(alert, pattern_of))
        for alert in by_use:
            is_fraud = pattern_of[alert.transaction.transaction_id] is not None
            is_lie = self.owed >= 1.0 and _use(alert, pattern_of)[0] < 2
            if is_lie:
                self.owed -= 1.0
                self.n_lies += 1
            paid = alert.transaction
            yield _verdict(
                paid.transaction_id,
                paid.card_id,
                paid.merchant_id,
                _ms(alert) + DAY_MS,
                is_fraud=is_fraud != is_lie,
                origin="reviewer",
            )


def month(share: float, seed: int, *, with_bank: bool = True) -> Caught:
    """Return what is caught at the end of a month in which the insider gives ``share`` of verdicts."""
    simulator = Simulator(
        SimulatorConfig(seed=seed, n_customers=PER_DAY // 3, fraud_share=_FRAUD_SHARE)
    )
    settings = load_settings({"STREAMER_ALERT_BUDGET": _BUDGET})
    partition = OfflinePartition(pipeline_config(settings), 100_000, 100_000, 2_000)
    desk, n_days = _Desk(0.0), HONEST_DAYS + ATTACK_DAYS
    found: Counter[str] = Counter()
    for day in range(n_days):
        desk.share = share if day >= HONEST_DAYS else 0.0
        payments = simulator.generate(PER_DAY)
        pattern_of = dict(zip(payments.transaction_ids, payments.patterns, strict=True))
        alerts = [
            alert
            for batch in batches_of(payments, 1_000, day * PER_DAY)
            for part in partition.run(batch, now_ms=batch.received_at_ms)
            for alert in part.outcome.alerts
        ]
        if day >= n_days - COUNTED_DAYS:
            _count(found, alerts, pattern_of)
        verdicts = [*desk.judged(alerts, pattern_of)]
        if with_bank:
            alerted = {alert.transaction.transaction_id for alert in alerts}
            desk.later += [(day + CHARGED_BACK_AFTER, v) for v in _charged_back(payments, alerted)]
        verdicts += [verdict for due, verdict in desk.later if due == day]
        if not partition.version.is_warming:
            partition.teach(verdicts)
    return Caught(
        found["pattern, alerted"] / found["pattern"],
        found["others, alerted"] / found["others"],
        (found["pattern, alerted"] + found["others, alerted"]) / found["alerts"],
        desk.n_lies,
    )


def _use(alert: Alert, pattern_of: dict[str, str | None]) -> tuple[int, float]:
    """Return how useful a lie about an alert is, the smallest first."""
    pattern = pattern_of[alert.transaction.transaction_id]
    rank = 0 if pattern == PATTERN else 1 if pattern is None else 2
    return rank, -alert.score


def _count(found: Counter[str], alerts: list[Alert], pattern_of: dict[str, str | None]) -> None:
    for pattern in pattern_of.values():
        if pattern is not None:
            found["pattern" if pattern == PATTERN else "others"] += 1
    for alert in alerts:
        pattern = pattern_of[alert.transaction.transaction_id]
        found["alerts"] += 1
        if pattern is not None:
            found["pattern, alerted" if pattern == PATTERN else "others, alerted"] += 1


def _charged_back(payments: Payments, alerted: set[str]) -> Iterator[Feedback]:
    """Yield what the bank will report of a day's frauds that no reviewer has seen."""
    for i, name in enumerate(payments.transaction_ids):
        # By name, so that it is the same share of the same payments in every run.
        is_reported = int(name[-2:], 36) % 100 < 100 * CHARGED_BACK
        if payments.patterns[i] is not None and name not in alerted and is_reported:
            yield _verdict(
                name,
                payments.card_ids[i],
                payments.merchant_ids[i],
                int(payments.timestamps_ms[i]) + CHARGED_BACK_AFTER * DAY_MS,
                is_fraud=True,
                origin="chargeback",
            )


def _ms(alert: Alert) -> int:
    return int(datetime.fromisoformat(str(alert.transaction.timestamp)).timestamp() * 1000)


def _verdict(
    name: str, card: str, merchant: str | None, at_ms: int, *, is_fraud: bool, origin: Origin
) -> Feedback:
    said: Verdict = "fraud" if is_fraud else "legitimate"
    decided_at = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return Feedback(
        transaction_id=name,
        card_id=card,
        verdict=said,
        origin=origin,
        decided_at=decided_at,
        merchant_id=merchant,
    )


def main(share: float, seed: int) -> None:
    """Print what is caught without the insider and with him, with a bank's reports and without."""
    for with_bank in (True, False):
        for each in (0.0, share):
            caught = month(each, seed, with_bank=with_bank)
            bank = "with a bank" if with_bank else "without   "
            print(
                f"seed {seed} {bank} {each:5.0%} of verdicts: {PATTERN} {caught.of_pattern:.3f}, "
                f"others {caught.of_others:.3f}, precision {caught.precision:.3f}, "
                f"{caught.n_lies} lies",
                flush=True,
            )


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
