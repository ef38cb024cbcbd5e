"""Every Prometheus metric of the service, its name, its labels and what it tells an SRE.

Names carry base units.  Labels are bounded: a topic of the settings, a partition, or one of the values
listed here; never a card, a merchant or a message.  Series with listed values exist from the start at
0, so that ``increase()`` sees the very first event.  A registry belongs to one `Metrics`, and importing
this module registers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["Metrics"]

SEVERITIES: Final = ("medium", "high", "critical")
VERDICTS: Final = ("fraud", "legitimate")
# The entity tables of `streamer.features`.
ENTITY_KINDS: Final = ("cards", "spending", "merchants", "card_verdicts", "merchant_verdicts")
DEPENDENCIES: Final = ("kafka", "redis")
OUTCOMES: Final = ("standing", "ignored")
DETECTORS: Final = ("distance", "head")
# Redis did not answer, or another worker has the partition.
CHECKPOINT_FAILURE_CAUSES: Final = ("redis", "kafka", "fenced")

# A batch takes from half a millisecond to the few seconds after which readiness turns.
_BATCH_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_BATCH_RECORDS: Final = (1, 10, 50, 100, 250, 500, 1_000, 2_000, 4_000, 8_000)
# Up to ten minutes: after an outage the backlog's alerts are late by as much as the outage.
_LATENCY_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 600)
_CHECKPOINT_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one worker, registered in their own `CollectorRegistry`.

    The arguments beside ``version`` are the labels whose series exist from the start.
    """

    def __init__(
        self,
        version: str,
        dead_letter_reasons: Iterable[str] = (),
        feature_names: Iterable[str] = (),
        passed_over_reasons: Iterable[str] = (),
        input_topics: Iterable[str] = (),
    ) -> None:
        self.registry = CollectorRegistry()
        self._register_ledger()
        self._register_outcomes()
        self._register_batches()
        self._register_checkpoints()
        self._register_model()
        self._register_drift()
        self._register_service(version)
        for topic, reason in product(input_topics, dead_letter_reasons):
            self.dead_letters.labels(topic, reason)
        self._start_at_zero(self.records_passed_over, passed_over_reasons)
        for name in feature_names:
            self.feature_drift_psi.labels(name)
            self.feature_drift_ks.labels(name)
        ProcessCollector(registry=self.registry)

    def exposition(self) -> tuple[bytes, str]:
        """Return the body and the content type of an answer to ``GET /metrics``."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def forget_partition(self, partition: int) -> None:
        """Drop the gauges of a partition that another worker has now.

        Their last values would stand here for ever: a lag that nobody works off, an age that pages.
        Counters stay, since what was counted was counted.
        """
        for gauge in (
            self.ledger_imbalance,
            self.checkpoint_age_seconds,
            self.lag_records,
            self.alert_fuse_blown,
            self.partition_faulted,
        ):
            with suppress(KeyError):  # Of a partition that never had this gauge.
                gauge.remove(str(partition))

    def _register_ledger(self) -> None:
        self.transactions_consumed = self._counter(
            "transactions_consumed",
            "Records read from the transactions topic, good and bad.",
            "partition",
        )
        self.transactions_scored = self._counter(
            "transactions_scored", "Transactions that got a score, warming included.", "partition"
        )
        self.transactions_repeated = self._counter(
            "transactions_repeated",
            "Transactions that had been scored before: the same card and id again, passed over.",
            "partition",
        )
        self.dead_letters = self._counter(
            "dead_letters",
            "Records sent to a dead-letter topic, by input topic.",
            "topic",
            "reason",
        )
        self.ledger_imbalance = self._gauge(
            "ledger_imbalance",
            "Offsets of which nobody knows what became of them. Anything but 0 is a defect.",
            "partition",
        )

    def _register_outcomes(self) -> None:
        self.alerts = self._counter("alerts", "Alerts published, by severity.", "severity")
        self.alerts_suppressed = self._counter(
            "alerts_suppressed", "Alerts not published again: they were out before a crash."
        )
        self.alerts_overflowed = self._counter(
            "alerts_overflowed",
            "Alerts beyond twice the budget, on the overflow topic instead, by severity.",
            "severity",
        )
        self.alert_fuse_blown = self._gauge(
            "alert_fuse_blown",
            "1 while alerts of the last 5,000 payments were held back as too many, else 0.",
            "partition",
        )
        self.key_mismatches = self._counter(
            "key_mismatches", "Transactions whose Kafka key was not their card id."
        )
        self.late_events = self._counter(
            "late_events", "Transactions older than one already seen for the same card or merchant."
        )
        self.records_skipped = self._counter(
            "records_skipped",
            "Offsets without a payment: refunds, declines and the like, and those without a record.",
            "partition",
        )
        self.records_passed_over = self._counter(
            "records_passed_over",
            "Records that are no payments and no faults, by reason; a part of those skipped.",
            "reason",
        )
        self.fields_left_out = self._counter(
            "fields_left_out",
            "Optional fields that could not be used; the payment was scored without.",
            *("field", "reason"),
        )
        self.records_lost = self._counter(
            "records_lost",
            "Offsets declared lost: deleted unread, or gone from Redis.",
            "partition",
            "cause",
        )
        self.warming = self._counter(
            "warming", "Transactions scored before the model had centers; none of them alerts."
        )
        self.feedback = self._counter("feedback", "Verdicts read, by verdict.", "verdict")
        self.verdicts_applied = self._counter(
            "verdicts_applied",
            "Verdicts applied, once by each partition: standing, or ignored as repeated or overruled.",
            "outcome",
        )
        self.verdicts_lost = self._counter(
            "verdicts_lost",
            "Verdicts trimmed before a partition had learned from them, at most; counted by each. "
            "Raise STREAMER_FEEDBACK_MAX_ENTRIES.",
        )
        self.labels_learned = self._counter(
            "labels_learned", "Verdicts that found their payment, so that the head learned from it."
        )
        self.labels_waiting = self._gauge(
            "labels_waiting", "Scored payments that are kept until they are judged."
        )
        self.labels_dropped = self._counter(
            "labels_dropped", "Payments for which there was no room until they were judged."
        )
        self._start_at_zero(self.verdicts_applied, OUTCOMES)
        self._start_at_zero(self.alerts, SEVERITIES)
        self._start_at_zero(self.alerts_overflowed, SEVERITIES)
        self._start_at_zero(self.feedback, VERDICTS)

    def _register_batches(self) -> None:
        self.batch_seconds = self._histogram(
            "batch_seconds", "Seconds to process one batch, publishing excluded.", _BATCH_SECONDS
        )
        self.batch_records = self._histogram(
            "batch_records", "Records in one batch.", _BATCH_RECORDS
        )
        self.alert_latency_seconds = self._histogram(
            "alert_latency_seconds",
            "Seconds from a transaction's Kafka time until Kafka acknowledged its alert.",
            _LATENCY_SECONDS,
        )
        self.publish_queue_messages = self._gauge(
            "publish_queue_messages", "Messages that Kafka has not acknowledged yet."
        )
        self.publish_queue_bytes = self._gauge(
            "publish_queue_bytes", "Keys, values and headers of those messages."
        )
        self.lag_records = self._gauge(
            "lag_records", "Records in the partition that wait to be read.", "partition"
        )
        self.partition_stalled_seconds = self._gauge(
            "partition_stalled_seconds", "Seconds it stands still; 0 if well.", "topic", "partition"
        )

    def _register_checkpoints(self) -> None:
        self.checkpoint_seconds = self._histogram(
            "checkpoint_seconds", "Seconds to write one checkpoint to Redis.", _CHECKPOINT_SECONDS
        )
        self.checkpoint_failures = self._counter(
            "checkpoint_failures", "Checkpoints that were not written, by cause.", "cause"
        )
        self.checkpoint_age_seconds = self._gauge(
            "checkpoint_age_seconds",
            "Seconds since the last checkpoint: what a crash now would process again.",
            "partition",
        )
        self._start_at_zero(self.checkpoint_failures, CHECKPOINT_FAILURE_CAUSES)

    def _register_model(self) -> None:
        self.entities_tracked = self._gauge(
            "entities_tracked", "Cards or merchants held in memory.", "kind"
        )
        self.entities_evicted = self._counter(
            "entities_evicted", "Cards or merchants that made room for others.", "kind"
        )
        self.entities_evicted_unsaved = self._counter(
            "entities_evicted_unsaved",
            "Those of them of which something was lost, as Redis was away for too long.",
            "kind",
        )
        self.model_transactions_seen = self._gauge(
            "model_transactions_seen", "Distinct transactions that the current model has learned."
        )
        self.model_age_seconds = self._gauge(
            "model_age_seconds", "Seconds since the current model version was made."
        )
        self.model_merges = self._counter("model_merges", "Deltas merged into the model.")
        self.model_threshold_distance = self._gauge(
            "model_threshold_distance", "Distance to the nearest center above which we alert."
        )
        self.alert_budget_requested = self._gauge(
            "alert_budget_requested",
            "Alert budget: as a share of traffic, and per hour of event time where that is set.",
            "unit",
        )
        self.alert_budget_achieved = self._gauge(
            "alert_budget_achieved",
            "What recent payments made of the alert budget, in the same units.",
            "unit",
        )
        self.head_active = self._gauge(
            "head_active", "1 while verdicts rank payments, 0 while the distance alone does."
        )
        self.head_average_precision = self._gauge(
            "head_average_precision",
            "Average precision on recent labels, of the head and of the distance.",
            "detector",
        )
        self._start_at_zero(self.head_average_precision, DETECTORS)
        self.revivals = self._counter(
            "revivals", "Dying clusters that were re-seeded from the heaviest one."
        )
        self._start_at_zero(self.entities_tracked, ENTITY_KINDS)
        self._start_at_zero(self.entities_evicted, ENTITY_KINDS)
        self._start_at_zero(self.entities_evicted_unsaved, ENTITY_KINDS)
        self._start_at_zero(self.alert_budget_requested, ["share"])
        self._start_at_zero(self.alert_budget_achieved, ["share"])

    def _register_drift(self) -> None:
        self.feature_drift_psi = self._gauge(
            "feature_drift_psi",
            "Population stability index of a feature against the reference; above 0.2 it has moved.",
            "feature",
        )
        self.feature_drift_ks = self._gauge(
            "feature_drift_ks",
            "Kolmogorov-Smirnov statistic of a feature against the reference, 0 to 1.",
            "feature",
        )
        self.drift_reference_settled = self._gauge(
            "drift_reference_settled",
            "1 once the reference is frozen; before, features drift because histories are young.",
        )
        self.distance_drift = self._counter(
            "distance_drift", "Shifts of the mean log distance found by the Page-Hinkley test."
        )

    def _register_service(self, version: str) -> None:
        self.dependency_up = self._gauge(
            "dependency_up", "1 while Kafka or Redis answers, else 0.", "name"
        )
        self.assigned_partitions = self._gauge(
            "assigned_partitions", "Partitions that this worker has claimed and reads."
        )
        self.partition_faulted = self._gauge(
            "partition_faulted", "1 while it cannot be read on; /readyz says why.", "partition"
        )
        self.build_info = self._gauge("build_info", "Always 1; says which version runs.", "version")
        self._start_at_zero(self.dependency_up, DEPENDENCIES)
        self.build_info.labels(version).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        # The client appends _total.
        return Counter(f"streamer_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"streamer_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"streamer_{name}", text, buckets=buckets, registry=self.registry)

    @staticmethod
    def _start_at_zero(metric: Counter | Gauge, values: Iterable[str]) -> None:
        for value in values:
            metric.labels(value)
