"""The collectors that are made from the catalogue: what exists from the start, and what goes."""

from __future__ import annotations

import pytest

from streamer.telemetry import Metrics
from streamer.telemetry.metrics import KEPT_S, observe


def text(metrics: Metrics) -> str:
    body, content_type = metrics.exposition()
    assert content_type.startswith("text/plain")
    return body.decode()


def test_two_workers_in_one_process_do_not_share_counts() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.alerts.labels("high").inc()
    one.lag_records.set(7, "0")
    assert 'streamer_alerts_total{severity="high"} 1.0' in text(one)
    assert 'streamer_alerts_total{severity="high"} 0.0' in text(other)
    assert "streamer_lag_records{" not in text(other)


def test_series_with_known_labels_exist_before_their_first_event() -> None:
    exposed = text(
        Metrics(
            "1.0.0rc1",
            dead_letter_reasons=["malformed_json"],
            feature_names=["amount"],
            passed_over_reasons=["refund"],
            input_topics=["transactions"],
        )
    )
    for series in (
        'streamer_build_info{version="1.0.0rc1"} 1.0',
        'streamer_dead_letters_total{reason="malformed_json",topic="transactions"} 0.0',
        'streamer_records_passed_over_total{reason="refund"} 0.0',
        'streamer_verdicts_received_total{verdict="fraud"} 0.0',
        'streamer_alerts_judged_total{verdict="legitimate"} 0.0',
        'streamer_dependency_up{name="redis"} 0.0',
        'streamer_checkpoint_failures_total{cause="fenced"} 0.0',
        'streamer_alert_budget_achieved{unit="share"} 0.0',
        'streamer_feature_drift_psi{feature="amount"} 0.0',
        'streamer_stage_seconds_bucket{le="+Inf",stage="look_up"} 0.0',
        'streamer_gc_pause_seconds_count{generation="2"} 0.0',
        'streamer_redis_calls_total{outcome="not tried"} 0.0',
        "streamer_drift_reference_settled 0.0",
        "streamer_distance_drift_total 0.0",
    ):
        assert f"\n{series}\n" in exposed


@pytest.mark.parametrize("openmetrics", [False, True])
def test_there_are_no_series_of_when_a_series_began(openmetrics: bool) -> None:
    assert b"_created" not in Metrics("1").exposition(openmetrics=openmetrics)[0]


def test_a_new_partition_begins_at_zero() -> None:
    """So that ``increase()`` sees its first records."""
    metrics = Metrics("1")
    metrics.keep_partitions({3}, now_s=0.0)
    assert 'streamer_transactions_scored_total{partition="3"} 0.0' in text(metrics)
    assert 'streamer_records_skipped_total{partition="3"} 0.0' in text(metrics)


def test_gauges_of_a_lost_partition_go_at_once_and_its_counters_when_everybody_has_seen_them() -> (
    None
):
    """Partition 3 goes at 100 s, 30 stays: the counters of 3 are there until 400 s."""
    metrics = Metrics("1")
    metrics.keep_partitions({3, 30}, now_s=0.0)
    metrics.lag_records.replace({"3": 900, "30": 900})
    metrics.transactions_scored.labels("3").inc(7)
    metrics.transactions_scored.labels("30").inc(8)
    metrics.records_lost.labels("3", "retention").inc(2)
    text(metrics)
    metrics.lag_records.replace({"30": 900})
    metrics.keep_partitions({30}, now_s=100.0)
    metrics.keep_partitions({30}, now_s=99.0 + KEPT_S)
    exposed = text(metrics)
    assert 'streamer_lag_records{partition="3"}' not in exposed
    assert 'streamer_lag_records{partition="30"} 900.0' in exposed
    assert 'streamer_transactions_scored_total{partition="3"} 7.0' in exposed
    metrics.keep_partitions({30}, now_s=100.0 + KEPT_S)
    exposed = text(metrics)
    assert 'partition="3"' not in exposed
    assert 'streamer_transactions_scored_total{partition="30"} 8.0' in exposed


def test_a_partition_that_comes_back_goes_on_where_it_was() -> None:
    metrics = Metrics("1")
    metrics.keep_partitions({3}, now_s=0.0)
    metrics.transactions_scored.labels("3").inc(7)
    metrics.keep_partitions(set(), now_s=10.0)
    metrics.keep_partitions({3}, now_s=20.0)
    metrics.keep_partitions({3}, now_s=20.0 + 2 * KEPT_S)
    assert 'streamer_transactions_scored_total{partition="3"} 7.0' in text(metrics)


@pytest.mark.parametrize(("seconds", "bucket"), [(0.004, "0.005"), (0.19, "0.2"), (599.0, "600.0")])
def test_alert_latency_is_resolved_from_milliseconds_to_an_outage(
    seconds: float, bucket: str
) -> None:
    """With a bound at the objective, 0.2 s."""
    metrics = Metrics("1")
    metrics.alert_latency_seconds.observe(seconds)
    assert f'streamer_alert_latency_seconds_bucket{{le="{bucket}"}} 1.0' in text(metrics)


def test_a_traced_value_leaves_its_trace_with_its_bucket_in_openmetrics_only() -> None:
    metrics = Metrics("1")
    observe(metrics.batch_seconds, 0.003, trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    observe(metrics.batch_seconds, 0.2)
    body, content_type = metrics.exposition(openmetrics=True)
    assert content_type.startswith("application/openmetrics-text")
    lines = [line for line in body.decode().splitlines() if "trace_id" in line]
    assert [line.rpartition(" ")[0] for line in lines] == [
        'streamer_batch_seconds_bucket{le="0.005"} 1.0 '
        '# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.003'
    ]
    assert "trace_id" not in text(metrics)
