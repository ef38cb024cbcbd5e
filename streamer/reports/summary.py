"""What a run amounted to: the object that `demo` and `replay` print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from streamer.contract.ledger import Ledger
from streamer.datafiles import UNLABELLED
from streamer.model import ModelConfig, Sums, achieved_per_hour

__all__ = ["Summary", "Tally", "alerts_per_hour", "percentiles_ms"]


@dataclass(slots=True)
class Tally:
    """Who was alerted, held against what is known of the payments.

    Only frauds and what is unlabelled are remembered by id; a label is as in a `FileBatch`.
    """

    sent: Counter[str | None] = field(default_factory=Counter)
    alerted: Counter[str | None] = field(default_factory=Counter)
    alerts: int = 0
    duplicate_alerts: int = 0
    is_labelled: bool = True
    _pattern_of: dict[str, str] = field(default_factory=dict)
    _seen_ids: set[str] = field(default_factory=set)

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

    def add_alert(self, alert_id: str, transaction_id: str) -> bool:
        """Note an alert; False when its id was there already."""
        if alert_id in self._seen_ids:
            self.duplicate_alerts += 1
            return False
        self._seen_ids.add(alert_id)
        self.alerts += 1
        self.alerted[self._pattern_of.get(transaction_id)] += 1
        return True


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
        return result


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
