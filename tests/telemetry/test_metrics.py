"""Metrics: names and labels are a contract with the dashboards and alert rules."""

from __future__ import annotations

import re

import pytest

from streamer.telemetry import Metrics

NAMES = """
alert_budget_achieved alert_budget_requested alert_fuse_blown alert_latency_seconds
alerts_overflowed_total alerts_suppressed_total alerts_total assigned_partitions batch_records
batch_seconds build_info checkpoint_age_seconds checkpoint_failures_total checkpoint_seconds
dead_letters_total dependency_up distance_drift_total drift_reference_settled entities_evicted_total
entities_evicted_unsaved_total entities_tracked feature_drift_ks feature_drift_psi feedback_total
fields_left_out_total
head_active head_average_precision key_mismatches_total labels_dropped_total labels_learned_total
labels_waiting lag_records late_events_total ledger_imbalance model_age_seconds model_merges_total
model_threshold_distance model_transactions_seen partition_faulted partition_stalled_seconds
publish_queue_bytes
publish_queue_messages records_lost_total records_passed_over_total records_skipped_total
revivals_total transactions_consumed_total transactions_repeated_total
transactions_scored_total verdicts_applied_total verdicts_lost_total warming_total
"""


def text(metrics: Metrics) -> str:
    body, content_type = metrics.exposition()
    assert content_type.startswith("text/plain")
    return body.decode()


def test_the_names_are_those_of_the_dashboards_and_each_has_a_help_text() -> None:
    exposed = dict(re.findall(r"^# HELP streamer_(\w+) (.+)$", text(Metrics("1")), re.MULTILINE))
    names = {name for name in exposed if not name.endswith("_created")}
    assert names == set(NAMES.split())
    assert all(help_text.endswith(".") for help_text in exposed.values())


def test_two_workers_in_one_process_do_not_share_counts() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.alerts.labels("high").inc()
    assert 'streamer_alerts_total{severity="high"} 1.0' in text(one)
    assert 'streamer_alerts_total{severity="high"} 0.0' in text(other)


def test_series_with_known_labels_exist_before_their_first_event() -> None:
    exposed = text(
        Metrics(
            "0.1.0",
            dead_letter_reasons=["malformed_json"],
            feature_names=["amount"],
            input_topics=["transactions"],
        )
    )
    for series in (
        'streamer_build_info{version="0.1.0"} 1.0',
        'streamer_dead_letters_total{reason="malformed_json",topic="transactions"} 0.0',
        'streamer_feedback_total{verdict="fraud"} 0.0',
        'streamer_dependency_up{name="redis"} 0.0',
        'streamer_checkpoint_failures_total{cause="fenced"} 0.0',
        'streamer_alert_budget_achieved{unit="share"} 0.0',
        'streamer_alert_budget_requested{unit="share"} 0.0',
        'streamer_feature_drift_psi{feature="amount"} 0.0',
        'streamer_feature_drift_ks{feature="amount"} 0.0',
        "streamer_drift_reference_settled 0.0",
        "streamer_distance_drift_total 0.0",
    ):
        assert series in exposed


def test_a_partition_given_away_leaves_no_stale_gauges_behind() -> None:
    metrics = Metrics("1")
    for partition in (3, 30):
        metrics.lag_records.labels(partition).set(900)
        metrics.checkpoint_age_seconds.labels(partition).set(60)
        metrics.transactions_scored.labels(partition).inc(7)
    metrics.forget_partition(3)
    metrics.forget_partition(4)
    exposed = text(metrics)
    assert 'streamer_lag_records{partition="3"}' not in exposed
    assert 'streamer_checkpoint_age_seconds{partition="3"}' not in exposed
    assert 'streamer_lag_records{partition="30"} 900.0' in exposed
    assert 'streamer_transactions_scored_total{partition="3"} 7.0' in exposed


@pytest.mark.parametrize(("seconds", "bucket"), [(0.004, "0.005"), (599.0, "600.0")])
def test_alert_latency_is_resolved_from_milliseconds_to_an_outage(
    seconds: float, bucket: str
) -> None:
    metrics = Metrics("1")
    metrics.alert_latency_seconds.observe(seconds)
    assert f'streamer_alert_latency_seconds_bucket{{le="{bucket}"}} 1.0' in text(metrics)
