"""Figures of all workers together, by hand."""

from __future__ import annotations

import pytest

from streamer.console.pages.operations_page import curve
from streamer.console.service.worker_figures import FIGURES, NAMES
from streamer.console.service.worker_scrapes import Point
from streamer.console.service.worker_window import Samples, Window, samples_of

BUCKETS = """
# TYPE streamer_alert_latency_seconds histogram
streamer_alert_latency_seconds_bucket{le="0.1"} %d
streamer_alert_latency_seconds_bucket{le="0.2"} %d
streamer_alert_latency_seconds_bucket{le="+Inf"} %d
"""


def told(text: str) -> Samples:
    return samples_of(text, NAMES)


def window(before: dict[str, str], now: dict[str, str], n_asked: int = 2) -> Window:
    earlier, later = ({url: told(text) for url, text in each.items()} for each in (before, now))
    return Window(earlier, later, 10.0, n_asked)


def test_a_quantile_is_of_what_came_meanwhile_over_all_workers() -> None:
    """20 below 0.1 and 20 from there to 0.2 since the scrape before: the median is the bound."""
    found = window(
        {"a": BUCKETS % (500, 500, 500), "b": BUCKETS % (0, 0, 0)},
        {"a": BUCKETS % (510, 520, 520), "b": BUCKETS % (10, 20, 20)},
    )
    assert found.quantile(0.5, "streamer_alert_latency_seconds") == pytest.approx(0.1)
    assert found.quantile(0.75, "streamer_alert_latency_seconds") == pytest.approx(0.15)
    silent = window({"a": BUCKETS % (5, 5, 5)}, {"a": BUCKETS % (5, 5, 5)})
    assert silent.quantile(0.5, "streamer_alert_latency_seconds") is None


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    found = window({"a": BUCKETS % (0, 0, 0)}, {"a": BUCKETS % (0, 0, 9)})
    assert found.quantile(0.95, "streamer_alert_latency_seconds") == 0.2


def test_a_counter_that_began_again_counts_from_zero_and_a_new_worker_not_at_all() -> None:
    line = 'streamer_transactions_consumed_total{partition="0"} %d\n'
    found = window(
        {"a": line % 900, "b": line % 100},
        {"a": line % 50, "b": line % 150, "c": line % 7_000},
    )
    assert found.rate("streamer_transactions_consumed_total") == (50 + 50) / 10


def test_of_a_partition_that_two_workers_tell_of_the_longer_wait_counts_once() -> None:
    line = 'streamer_lag_records{partition="0"} %d\nstreamer_lag_records{partition="1"} 4\n'
    assert window({}, {"a": line % 3, "b": line % 8}).waiting() == 12


def test_what_nobody_said_is_not_known_and_never_zero() -> None:
    """But for counts that begin with their first case, and how many answer."""
    nothing = window({}, {})
    assert {
        figure.title: figure.of(nothing) for figure in FIGURES if figure.of(nothing) is not None
    } == {"Workers that answer": 0.0}


@pytest.mark.parametrize(
    ("title", "text", "is_bad"),
    [
        ("Kafka", 'streamer_dependency_up{name="kafka"} 0', True),
        ("Kafka", 'streamer_dependency_up{name="kafka"} 1', False),
        ("Longest stand-still of a partition", "streamer_partition_stalled_seconds 31", True),
        ("Ledger out by", "streamer_ledger_imbalance -2", True),
        ("Workers that answer", "streamer_assigned_partitions 4", True),
        ("Oldest last checkpoint", "streamer_checkpoint_age_seconds 61", False),
    ],
)
def test_a_figure_is_bad_where_its_alert_rule_is(title: str, text: str, is_bad: bool) -> None:
    """Nobody is to look at an old checkpoint while no payments come."""
    found = window({}, {"a": f"{text}\n"})
    (figure,) = [figure for figure in FIGURES if figure.title == title]
    value = figure.of(found)
    assert value is not None
    assert figure.is_bad(value, found) is is_bad
    assert figure.told(value)


def test_a_curve_has_a_gap_where_nobody_answered() -> None:
    points = [Point(float(n), [value]) for n, value in enumerate((0.0, 2.0, None, 1.0, 1.0))]
    assert curve(points, 0) == "M0.0,36.0L45.0,0.0M135.0,18.0L180.0,18.0"
    assert curve(points[:1], 0) == ""


@pytest.mark.parametrize(
    "line",
    [
        "streamer_checkpoint_age_seconds NaN",
        "streamer_checkpoint_age_seconds +Inf",
        "streamer_checkpoint_age_seconds 1e300",
        'streamer_alert_latency_seconds_bucket{le="soon"} 4',
        'streamer_alert_latency_seconds_bucket{le="NaN"} 4',
        "streamer_alert_latency_seconds_bucket 4",
    ],
)
def test_what_no_worker_means_is_not_known_and_stops_no_figure(line: str) -> None:
    nothing, found = window({}, {"a": ""}), window({"a": "\n"}, {"a": f"{line}\n"})
    for figure in FIGURES:
        assert figure.of(found) == figure.of(nothing)
