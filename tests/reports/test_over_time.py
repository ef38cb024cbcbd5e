"""Precision and recall over a run, by hand."""

from __future__ import annotations

import pytest

from streamer.durations import DAY_MS
from streamer.reports.over_time import OverTime, Share


def four_days() -> OverTime:
    """Four days; the odds take over with the third."""
    run = OverTime()
    run.paid(DAY_MS, 2 * DAY_MS)
    run.paid(2 * DAY_MS, 5 * DAY_MS)
    for day in (0.5, 1.5, 2.5, 3.5, 3.6):
        run.cheated(round((1 + day) * DAY_MS))
    for day, is_fraud, by_odds in (
        (0.5, True, False),
        (0.6, False, False),
        (1.5, False, False),
        (2.5, True, True),
        (3.5, True, True),
        (3.7, False, False),
        (2.0, True, True),
    ):
        run.alerted(round((1 + day) * DAY_MS), is_fraud, by_odds=by_odds)
    return run


def test_before_and_after_are_cut_where_the_first_alert_is_ranked_by_the_odds() -> None:
    """Two days with 1 of 3 right and 1 of 2 found; two with 3 of 4 right."""
    run = four_days()
    assert (run.n_days, run.odds_since_day) == (4.0, 2.0)
    halves = run.before_and_after()
    assert halves is not None
    before, after = halves
    assert (before.precision, before.recall) == (Share(1, 3), Share(1, 2))
    assert (after.precision, after.recall) == (Share(3, 4), Share(3, 3))


def test_slices_cover_every_alert_and_every_fraud_once() -> None:
    run = four_days()
    slices = run.slices(4)
    assert [each.precision for each in slices] == [
        Share(1, 2),
        Share(0, 1),
        Share(2, 2),
        Share(1, 2),
    ]
    assert sum(each.recall.of for each in run.slices(3)) == 5
    assert sum(each.precision.of for each in run.slices(7)) == 7


def test_the_latest_alerts_alone_are_in_the_line_of_progress() -> None:
    run = OverTime()
    for i in range(150):
        run.alerted(i, i >= 120, by_odds=False)
    assert run.latest == Share(30, 100)


def test_nothing_is_told_where_there_is_nothing() -> None:
    run = OverTime()
    assert run.before_and_after() is None
    assert run.slices(5) == []
    assert run.latest.value is None
    assert run.to_dict() == {"odds_since_day": None, "days": 0.0}


def test_the_object_for_machines_has_both_halves() -> None:
    told = four_days().to_dict()
    assert told["before"] == {
        "alerts": 3,
        "precision": pytest.approx(1 / 3),
        "frauds": 2,
        "recall": 0.5,
    }
    assert told["after"]["precision"] == 0.75
