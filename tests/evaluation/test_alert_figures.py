"""Alerts counted against the budget in any block, and the threshold that knows nothing of later."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamer.durations import DAY_MS
from streamer.evaluation import alert_figures as figures_module
from streamer.evaluation.alert_figures import Value, alert_figures, causal_alerts, workload
from streamer.evaluation.alerting import alerts_of
from streamer.evaluation.protocols import window_of
from tests.evaluation.test_protocols import rows_of


def test_the_worst_block_is_any_in_a_row_and_not_one_of_a_grid() -> None:
    """1% of 5,000 is 50. A hundred alerts around row 5,000 are 50 and 50 of a grid, 100 in a row."""
    alerted = np.zeros(20_000, dtype=bool)
    alerted[4_950:5_050] = True
    figures = workload(alerted, 0.01)
    assert (figures.n, figures.budget_ratio) == (100, pytest.approx(100 / 200))
    assert figures.worst[0] == pytest.approx(2.0)
    assert math.isnan(figures.worst[1])


def test_the_worst_of_fifty_thousand_counts_the_first_and_the_last() -> None:
    """Of 50,001 payments both ends alert: no block of 50,000 holds both; a tenth of a percent is 50."""
    alerted = np.zeros(50_001, dtype=bool)
    alerted[[0, -1]] = True
    assert workload(alerted, 0.001).worst == (pytest.approx(1 / 5), pytest.approx(1 / 50))


def test_precision_and_recall_are_of_the_measured_and_the_workload_is_of_all() -> None:
    """Alerted 0, 1, 2 and 5, measured all but 0: one of three alerts is right, of two frauds one."""
    alerted = np.array([True, True, True, False, False, True])
    measured = np.array([False, True, True, True, True, True])
    frauds = np.array([True, True, False, True, False, False])
    figures = alert_figures(alerted, measured, frauds, budget=0.5)
    assert (figures.workload.n, figures.workload.budget_ratio) == (4, pytest.approx(4 / 3))
    assert (figures.precision, figures.recall) == (pytest.approx(1 / 3), 0.5)


def test_what_frauds_were_worth_is_divided_by_whether_they_alerted() -> None:
    """Frauds of 100, 40 and 60 measured, of which the first alerted; one of 1,000 is not measured."""
    alerted = np.array([True, True, False, False, True])
    measured = np.array([True, True, True, True, False])
    frauds = np.array([True, False, True, True, True])
    stakes = np.array([100.0, 7.0, 40.0, 60.0, 1_000.0])
    figures = alert_figures(alerted, measured, frauds, budget=0.5, stakes=stakes)
    assert figures.value == Value(100.0, 100.0, 0.5)
    assert alert_figures(alerted, measured, frauds, budget=0.5).value is None


def test_without_an_alert_there_is_no_precision_and_without_a_fraud_no_recall() -> None:
    nothing = np.zeros(3, dtype=bool)
    figures = alert_figures(nothing, ~nothing, nothing, budget=0.5)
    assert math.isnan(figures.precision)
    assert math.isnan(figures.recall)


def test_the_causal_threshold_is_set_anew_where_a_period_begins() -> None:
    """A fifth of what came before: nothing before day 1; of 1 2 3 4 5 none above 4 but 5; of ten two.

    Day 1 begins with five scores known, the fifth of them is one: above 4.  Day 2 with ten, two: above
    9, the third of 10 11 9 5 5.
    """
    scores = np.array([1, 2, 3, 5, 4, 9, 3, 10, 4, 11, 9, 12, 10.0])
    periods = np.array([-1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 2, 2, 2])
    alerted = causal_alerts(scores, periods, 0.2)
    assert np.flatnonzero(alerted).tolist() == [5, 7, 9, 11, 12]


def test_the_causal_threshold_needs_as_many_scores_as_make_one_alert() -> None:
    scores, periods = np.arange(8.0), np.array([0, 1, 2, 3, 4, 5, 6, 7])
    assert np.flatnonzero(causal_alerts(scores, periods, 0.2)).tolist() == [5, 6, 7]


def test_the_causal_threshold_is_that_of_the_last_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector's scale fell from 100 to 1: of the last four scores the highest is 3, of all 103."""
    monkeypatch.setattr(figures_module, "RECENT", 4)
    scores = np.array([100.0, 101, 102, 103, 3, 2, 2, 1, 2, 3, 4])
    periods = np.array([-1] * 8 + [5] * 3)
    assert causal_alerts(scores, periods, 0.25)[8:].tolist() == [False, True, True]


def test_a_day_that_comes_back_late_renews_no_threshold() -> None:
    """Without the running maximum the second day 1 would have the 9 in its threshold."""
    scores = np.array([1.0, 2, 3, 4, 9, 9, 5])
    periods = np.array([-1, -1, -1, 1, 2, 1, 1])
    assert causal_alerts(scores, periods, 0.34)[3:].tolist() == [True, True, True, True]


def test_what_the_fuse_held_back_is_counted_apart_and_the_streamers_alerts_are_its_own() -> None:
    """Of 8 rows the last 6 are measured: alerted 2 and 3, held back 4; frauds are 2, 4 and 6."""
    rows = rows_of(range(8), range(8), [i % 2 == 0 for i in range(8)])
    rows.alerted[[2, 3]], rows.held_back[4] = True, True
    window = window_of("prequential", rows)
    compared = window.compared(rows)
    alerts = alerts_of({"streamer": rows.scores[compared]}, compared, rows, window, 0.25)
    own = alerts.by_detector["streamer"].figures
    assert (own.workload.n, own.precision, own.recall) == (2, 0.5, pytest.approx(1 / 3))
    assert (alerts.before_fuse.n, alerts.before_fuse.budget_ratio) == (3, pytest.approx(2.0))
    assert alerts.by_threshold.figures.workload.n == 0
    assert rows.times_ms[1] - rows.times_ms[0] == DAY_MS


def test_recall_is_estimated_from_alerts_and_the_sample_by_its_weights() -> None:
    """Two frauds alert, one was drawn for 100 payments: 3 of 102, as far as the verdicts tell."""
    alerted = np.array([True, True, True, False, False, True])
    frauds = np.array([True, False, True, False, True, True])
    weights, measured = np.array([0, 0, 100.0, 0, 0, 0]), np.ones(6, dtype=bool)
    told = alert_figures(alerted, measured, frauds, 0.5, weights).estimate
    assert told is not None
    assert (told.n_sampled, told.n_found, told.missed) == (1, 1, 100)
    assert told.recall == pytest.approx(3 / 102)
    assert told.precision == pytest.approx(2 / 3)
    assert alert_figures(alerted, measured, frauds, 0.5, weights * 0).estimate is None
    assert alert_figures(alerted, measured, frauds, 0.5).estimate is None
