"""What a run amounted to: the object that `demo` and `replay` print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from streamer.contract.ledger import Ledger
from streamer.datafiles import UNLABELLED
from streamer.model import Census, ModelConfig, Sums, achieved_per_hour, census_of
from streamer.reports.census_report import describe_estimate
from streamer.reports.over_time import OverTime

__all__ = [
    "Known",
    "Summary",
    "Tally",
    "VerdictCount",
    "alerts_per_hour",
    "percentiles_ms",
]


# As what waits for its verdict keeps it (`streamer.model.lanes`).
_ALERTED: Final = 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """What a payment's label says: ``pattern`` is None for a genuine payment."""

    is_labelled: bool
    pattern: str | None

    @property
    def is_fraud(self) -> bool:
        """Whether the label says that it is one."""
        return self.is_labelled and self.pattern is not None


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """Verdicts that were published, and what became of them.

    ``learned`` are those whose payment still waited for them; of the others card and merchant are told.
    """

    reviews: int
    chargebacks: int
    stored: int
    learned: int

    @property
    def is_whole(self) -> bool:
        """Whether every verdict has been stored once, and none was learned twice."""
        return self.stored == self.n and self.learned <= self.n

    @property
    def n(self) -> int:
        """Of reviewers and chargebacks together."""
        return self.reviews + self.chargebacks


@dataclass(slots=True)
class Tally:
    """Who was alerted, held against what is known of the payments.

    Only frauds and what is unlabelled are remembered by id; a label is as in a `FileBatch`.  An alert
    that was drawn from below the line is among ``sampled``, any other among ``alerted``.
    """

    sent: Counter[str | None] = field(default_factory=Counter)
    alerted: Counter[str | None] = field(default_factory=Counter)
    sampled: Counter[str | None] = field(default_factory=Counter)
    alerts: int = 0
    duplicate_alerts: int = 0
    is_labelled: bool = True
    _pattern_of: dict[str, str] = field(default_factory=dict)
    _seen_ids: set[str] = field(default_factory=set)
    _stakes: list[tuple[float, bool]] = field(default_factory=list)

    def add_sent(self, transaction_ids: Iterable[str], labels: Sequence[str | None] | None) -> None:
        """Note payments that were sent, with their labels where there are any."""
        ids = list(transaction_ids)
        if labels is None:
            self.is_labelled = False
            self.sent[None] += len(ids)
            return
        self.sent.update(labels)
        pairs = zip(ids, labels, strict=True)
        self._pattern_of.update({i: label for i, label in pairs if label is not None})

    def add_alert(
        self, alert_id: str, transaction_id: str, sample_weight: float | None = None
    ) -> bool:
        """Note an alert; False when its id was there already.

        ``sample_weight`` is that of an alert that was drawn, else None.
        """
        if alert_id in self._seen_ids:
            self.duplicate_alerts += 1
            return False
        self._seen_ids.add(alert_id)
        self.alerts += 1
        label = self._pattern_of.get(transaction_id)
        (self.alerted if sample_weight is None else self.sampled)[label] += 1
        if label != UNLABELLED:
            self._stakes.append((sample_weight or _ALERTED, label is not None))
        return True

    def known_of(self, transaction_id: str) -> Known:
        """Return what is known of a payment that was sent."""
        pattern = self._pattern_of.get(transaction_id)
        return Known(self.is_labelled and pattern != UNLABELLED, pattern)

    @property
    def census(self) -> Census:
        """What the labels of the alerts alone say, as verdicts on all of them would."""
        stakes, frauds = np.array(self._stakes, dtype=float).reshape(-1, 2).T
        return census_of(stakes, frauds, np.ones(len(stakes)))


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run.  Rates per second of wall time, latencies in milliseconds."""

    ledger: Ledger
    tally: Tally
    model_versions: int
    transactions_seen: int
    alert_budget: float
    elapsed_s: float
    latencies_ms: dict[str, float | None]
    worker_restarts: int | None = None
    """None where there is no worker, in a replay; then latencies are of the batch alone."""
    alerts_per_hour: tuple[float, float | None] | None = None
    """Per hour of event time, requested and recently achieved; None where it is not the budget."""
    verdicts: Census | None = None
    """What verdicts taught the last version, for payments without labels."""
    over_time: OverTime | None = None
    """How precision and recall went, where that was followed."""
    verdict_count: VerdictCount | None = None
    """None where nobody judges, in a replay."""

    @property
    def achieved_budget(self) -> float | None:
        """Share of payments alerted, of those that were scored after the warm-up."""
        n = self.ledger.scored - self.ledger.warming
        return self.ledger.alerted / n if n else None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost or counted twice, and every alert was read exactly once."""
        return (
            self.ledger.imbalance == 0
            and self.tally.duplicate_alerts == 0
            and self.tally.alerts == self.ledger.alerted
            and self.transactions_seen == self.ledger.scored
            and self.ledger.consumed - self.ledger.skipped == self.tally.sent.total()
            and (self.verdict_count is None or self.verdict_count.is_whole)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        ledger, tally = self.ledger, self.tally
        fraud = {name: n for name, n in tally.sent.items() if name not in (None, UNLABELLED)}
        result: dict[str, Any] = {
            "consumed": ledger.consumed,
            "scored": ledger.scored,
            "dead_lettered": ledger.dead_lettered,
            "alerts": tally.alerts,
            "duplicate_alerts": tally.duplicate_alerts,
            "ledger_imbalance": ledger.imbalance,
            "model_versions": self.model_versions,
            "transactions_seen": self.transactions_seen,
            "throughput_per_s": round(ledger.consumed / self.elapsed_s, 1),
            "latency_ms": self.latencies_ms,
            "fraud": {
                "injected": sum(fraud.values()),
                "alerted": sum(tally.alerted[name] for name in fraud),
            },
            "sampled": {
                "alerts": tally.sampled.total(),
                "fraud": sum(tally.sampled[name] for name in fraud),
            },
            "found": self._found(),
            "normal": {"sent": tally.sent[None], "alerted": tally.alerted[None]},
            "unlabelled": {"sent": tally.sent[UNLABELLED], "alerted": tally.alerted[UNLABELLED]},
            "patterns": {
                name: {"injected": n, "alerted": tally.alerted[name]}
                for name, n in sorted(fraud.items(), key=str)
            },
            "alert_budget": {"requested": self.alert_budget, "achieved": self.achieved_budget},
            "ledger": asdict(ledger),
            "worker_restarts": self.worker_restarts or 0,
            "sent": tally.sent.total(),
            "sound": self.is_sound,
        }
        if self.alerts_per_hour is not None:
            requested, achieved = self.alerts_per_hour
            result["alerts_per_hour"] = {"requested": requested, "achieved": achieved}
        if self.verdict_count is not None:
            result["verdicts"] = asdict(self.verdict_count)
        if self.over_time is not None:
            result["over_time"] = self.over_time.to_dict()
        return result

    def _found(self) -> dict[str, Any]:
        """Return what labels, or else verdicts, say of recall and precision."""
        known = self.tally.census if self.tally.is_labelled else self.verdicts
        return describe_estimate(known or census_of(*np.zeros((3, 0))))


def alerts_per_hour(sums: Sums, config: ModelConfig) -> tuple[float, float | None] | None:
    """Return what `Summary.alerts_per_hour` says of the last version."""
    if config.alerts_per_hour is None:
        return None
    return config.alerts_per_hour, achieved_per_hour(sums)


def percentiles_ms(latencies_ms: Sequence[float]) -> dict[str, float | None]:
    """Return p50, p95 and p99, None when there is nothing to measure.

    >>> percentiles_ms([1.0, 2.0, 3.0])["p50"]
    2.0
    """
    if not latencies_ms:
        return {"p50": None, "p95": None, "p99": None}
    values = np.percentile(np.asarray(latencies_ms), [50, 95, 99])
    return {name: round(float(v), 3) for name, v in zip(("p50", "p95", "p99"), values, strict=True)}
