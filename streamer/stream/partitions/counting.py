"""What came of a batch, into the counters."""

from __future__ import annotations

import time

from streamer.contract.batch import Batch
from streamer.contract.messages import Alert
from streamer.explaining.reasons import AT_STAKE
from streamer.pipeline import Outcome
from streamer.telemetry.metrics import Metrics, observe

__all__ = ["count_delivered", "count_outcome"]


def count_delivered(metrics: Metrics, sent_s: float, trace_id: str | None = None) -> None:
    """Count an alert that Kafka has just acknowledged, of a payment that came to Kafka at ``sent_s``.

    In seconds since the epoch: the two clocks are Kafka's and ours.
    """
    observe(metrics.alert_latency_seconds, max(time.time() - sent_s, 0.0), trace_id)


def count_outcome(metrics: Metrics, batch: Batch, outcome: Outcome) -> None:
    """Count a batch that has been processed."""
    ledger, partition = outcome.ledger, str(batch.partition)
    metrics.transactions_consumed.labels(partition).inc(ledger.consumed)
    metrics.transactions_scored.labels(partition).inc(ledger.scored)
    metrics.batch_records.observe(len(batch))
    # A microsecond each, of the half millisecond of a small batch: what did not happen is left out.
    for counter, n in (
        (metrics.records_skipped, ledger.skipped),
        (metrics.transactions_repeated, ledger.repeated),
    ):
        if n:
            counter.labels(partition).inc(n)
    for counter, n in (
        (metrics.transactions_warming, ledger.warming),
        (metrics.key_mismatches, outcome.n_key_mismatches),
        (metrics.late_events, outcome.n_late),
        (metrics.alerts_suppressed, outcome.n_suppressed),
    ):
        if n:
            counter.inc(n)
    for letter in outcome.dead_letters:
        metrics.dead_letters.labels(batch.topic, letter.reason).inc()
    for reason, n in outcome.passed_over.items():
        metrics.records_passed_over.labels(reason).inc(n)
    for (field, fault), n in outcome.left_out.items():
        metrics.fields_left_out.labels(field, fault).inc(n)
    for alert in outcome.alerts:
        metrics.alerts.labels(alert.severity).inc()
        metrics.alert_reasons.labels(_loudest(alert)).inc()
        if alert.expected_loss:
            metrics.expected_loss_alerted.inc(alert.expected_loss)
        if alert.wave_id is not None and alert.wave_sentence is not None:
            metrics.alerts_joined.labels(alert.wave_id.partition("-")[0]).inc()
    for alert in outcome.overflow:
        metrics.alerts_overflowed.labels(alert.severity).inc()


def _loudest(alert: Alert) -> str:
    """Return what the first of its reasons is about, behind what is at stake."""
    first = alert.reasons[0].feature
    return alert.reasons[1].feature if first == AT_STAKE and alert.reasons[1:] else first
