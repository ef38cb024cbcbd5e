"""The best budget by hand, and whether what is said of it holds for days that were not seen."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.impact.best_budget import curve_of
from streamer.impact.day_resampling import ends_of, resampled_means
from streamer.impact.gains import Priced, daily_parts, places_within_days, value_by_budget
from streamer.impact.prices import Prices

# Two days.  On the first a fraud of 100 ranks first, a legitimate 50 second; on the second a legitimate
# 20, then a fraud of 30.  The first of either day alerted.
PRICED = Priced(
    days=np.array([0, 0, 1, 1]),
    places=np.array([1.0, 2.0, 1.0, 2.0]),
    weights=np.ones(4),
    amounts=np.array([100.0, 50.0, 20.0, 30.0]),
    frauds=np.array([True, False, False, True]),
    alerted=np.array([True, False, True, False]),
)
PRICES = Prices(review=5.0, false_alarm=2.0, false_alarm_share=0.1, saved_share=0.9)


def test_the_value_of_each_budget_by_day_by_hand() -> None:
    """A fraud of 100 is worth 90 - 5; a false alarm on 50 costs 2 + 5 + 5, on 20 2 + 2 + 5."""
    found = value_by_budget(PRICED, PRICES, np.array([0.0, 1.0, 2.0, 5.0]), 2)
    assert found.tolist() == [[0.0, 85.0, 73.0, 73.0], [0.0, -9.0, 13.0, 13.0]]
    parts = daily_parts(PRICED, PRICES, 2)
    assert {name: each.tolist() for name, each in parts.items()} == {
        "review_cost": [5.0, 5.0],
        "loss_caught": [100.0, 0.0],
        "loss_missed": [0.0, 30.0],
        "saved": [90.0, 0.0],
        "friction": [0.0, 4.0],
        "net": [85.0, -9.0],
    }
    best = curve_of(np.array([0.0, 1.0, 2.0]), found[:, :3], np.random.default_rng(0)).best
    # (73 + 13) / 2 = 43 above (85 - 9) / 2 = 38; two days say nothing of how sure that is.
    assert (best.budget, best.value, best.interval, best.is_at_end) == (2.0, 43.0, None, True)


def test_places_are_within_a_day_and_ties_go_by_the_order_of_payments() -> None:
    places = places_within_days(np.array([1, 0, 1, 1]), np.array([0.5, 0.2, 0.9, 0.5]))
    assert places.tolist() == [2.0, 1.0, 1.0, 3.0]


def test_draws_are_of_whole_weeks() -> None:
    """Weeks that repeat have no variance; single days would.  A draw has as many days as there are."""
    rng = np.random.default_rng(1)
    weekly = np.tile(np.arange(7.0), 4)[:, None]
    assert np.ptp(resampled_means(weekly, rng, 50)) == pytest.approx(0.0, abs=1e-9)
    odd = resampled_means(np.ones((30, 1)), rng, 50)
    assert odd == pytest.approx(1.0)


def test_a_budget_that_is_worth_the_same_every_day_is_as_good_and_others_are_not() -> None:
    by_day = np.tile([0.0, 5.0, 5.0, 1.0], (30, 1))
    best = curve_of(np.array([0.0, 10.0, 20.0, 30.0]), by_day, np.random.default_rng(0)).best
    assert (best.budget, best.value, best.interval) == (
        10.0,
        pytest.approx(5.0),
        pytest.approx((5.0, 5.0)),
    )
    assert best.as_good == (10.0, 20.0)
    assert best.expected == pytest.approx(5.0)


@pytest.mark.parametrize(("n_days", "least"), [(28, 0.88), (56, 0.88), (112, 0.89)])
def test_intervals_of_a_daily_value_cover_the_truth_where_days_are_alike(
    n_days: int, least: float
) -> None:
    """200 runs of days whose losses are skewed and last over three days, seed 3."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(200):
        shocks = rng.gamma(1.0, 1.0, n_days + 2)
        days = 0.6 * shocks[2:] + 0.3 * shocks[1:-1] + 0.1 * shocks[:-2]
        low, high = ends_of(resampled_means(days[:, None], rng, 300), n_days)[:, 0]
        covered += low <= 1.0 <= high
    assert least <= covered / 200 <= 0.99


def test_of_the_best_of_many_less_is_expected_than_was_seen() -> None:
    """Budgets that are all worth 0: the best looks better, and what is expected does not."""
    rng, seen, expected = np.random.default_rng(4), [], []
    for _ in range(60):
        by_day = rng.normal(0.0, 1.0, (35, 12))
        best = curve_of(np.arange(12.0), by_day, rng).best
        seen.append(best.value)
        expected.append(best.expected)
        assert best.as_good is not None
        assert best.as_good[0] <= best.budget <= best.as_good[1]
    assert np.mean(seen) > 0.2
    assert abs(np.mean([each or 0.0 for each in expected])) < 0.12
