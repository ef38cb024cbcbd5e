"""The alert budget by the hour: what is asked for, what was covered, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamer.durations import DAY_S, HOUR_MS, HOUR_S
from streamer.model import ModelConfig, Scorer, Sums, advance, learn, learn_warming
from streamer.model.budget import (
    achieved_per_hour,
    achieved_share,
    asked,
    follow_hours,
    hour_of,
    note_time,
    payments_per_hour,
)
from tests.model.helpers import euros, small_config, sums_with_centers, two_clouds, with_recent

CONFIG = small_config()
# A Monday, 00:00 UTC.
MONDAY_S = 1_767_571_200.0


def spanning(first_s: float, last_s: float) -> Sums:
    """Return sums whose payments lie between two event times."""
    sums = Sums.zero(CONFIG)
    for time_s in (first_s, last_s):
        note_time(sums.event_span, int(time_s * 1_000))
    return sums


def covered(head: Sums, delta: Sums) -> NDArray[np.float64]:
    return follow_hours(head, delta)[1]


def test_covered_time_goes_to_the_hours_that_it_lies_in() -> None:
    """From 01:45 to 03:30: a quarter of hour 1, all of hour 2, half of hour 3."""
    head = spanning(MONDAY_S, MONDAY_S + 1.75 * HOUR_S)
    hours = covered(head, spanning(MONDAY_S + 1.75 * HOUR_S, MONDAY_S + 3.5 * HOUR_S))
    assert hours[1:4] == pytest.approx([0.25, 1.0, 0.5])
    assert hours.sum() == pytest.approx(1.75)


def test_time_that_another_partition_has_covered_is_not_counted_again() -> None:
    head = spanning(MONDAY_S, MONDAY_S + 2 * HOUR_S)
    assert covered(head, spanning(MONDAY_S, MONDAY_S + HOUR_S)).tolist() == [0.0] * 24
    hours = covered(head, spanning(MONDAY_S + HOUR_S, MONDAY_S + 2.5 * HOUR_S))
    assert hours[2] == hours.sum() == pytest.approx(0.5)


def test_a_quiet_night_counts_and_a_gap_of_more_than_a_day_does_not() -> None:
    """Eight hours without a payment were covered; years between a fit and its first worker not."""
    head = spanning(MONDAY_S, MONDAY_S)
    night = spanning(MONDAY_S + 8 * HOUR_S, MONDAY_S + 9 * HOUR_S)
    assert covered(head, night).sum() == pytest.approx(9.0)
    later = spanning(MONDAY_S + 400 * DAY_S, MONDAY_S + 400 * DAY_S + HOUR_S)
    assert covered(head, later).sum() == pytest.approx(1.0)
    assert covered(Sums.zero(CONFIG), night).sum() == pytest.approx(1.0)
    assert follow_hours(head, later)[0] == pytest.approx(0.5 ** (1 / 168))


def test_a_delta_without_event_times_covers_nothing_and_ages_nothing() -> None:
    of_hours, hours, of_pace, pace = follow_hours(spanning(MONDAY_S, MONDAY_S), Sums.zero(CONFIG))
    assert (of_hours, of_pace, hours.sum(), pace.sum()) == (1.0, 1.0, 0.0, 0.0)


@given(st.lists(st.floats(0, 2e9), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_the_same_time_is_covered_however_it_is_cut(times_s: list[float], seed: int) -> None:
    """Steps of less than a day, in any number of pieces: the hours add up to those of the whole."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum([t % DAY_S for t in times_s])
    edges = MONDAY_S + np.concatenate([[0.0], steps])
    head, total = spanning(MONDAY_S, MONDAY_S), np.zeros(24)
    for first, last in pairwise(edges.tolist()):
        middle = rng.uniform(first, last)
        for delta in (spanning(first, middle), spanning(first, last), spanning(first, middle)):
            total += covered(head, delta)
            head = head.merged(delta)
    assert total.sum() == pytest.approx(steps[-1] / HOUR_S, abs=1e-6)
    day, rest = divmod(edges[-1] - MONDAY_S, DAY_S)
    expected = day + np.clip(rest / HOUR_S - np.arange(24), 0, 1)
    assert total == pytest.approx(expected, abs=1e-6)


def test_payments_per_hour_are_payments_over_hours_and_the_mean_where_nothing_is_known() -> None:
    """100 payments in 2 h of hour 3 and 10 in 2 h of hour 4: mean 27.5; an hour borrows 0.02 h.

    (100 + 0.02·27.5)/2.02 = 49.78, (10 + 0.55)/2.02 = 5.22, hour 5: 0.55/0.02 = 27.5.
    """
    sums = Sums.zero(CONFIG)
    assert payments_per_hour(sums) is None
    sums.hour_weights[[3, 4]], sums.hour_exposures[[3, 4]] = (100.0, 10.0), 2.0
    rates = payments_per_hour(sums)
    assert rates is not None
    assert rates[3:6] == pytest.approx([49.777, 5.2228, 27.5], abs=1e-3)


def test_a_day_with_twice_the_usual_traffic_is_told_by_its_last_hours() -> None:
    """50 payments per hour; 300 where 150 were expected, with 25 of each as a prior: 325/175."""
    sums = Sums.zero(CONFIG)
    sums.hour_weights[:], sums.hour_exposures[:] = 500.0, 10.0
    sums.traffic_pace[:] = 300.0, 150.0
    assert payments_per_hour(sums) == pytest.approx([50 * 325 / 175] * 24)


def test_alerts_per_hour_become_a_share_of_each_hours_traffic_and_the_budget_caps_it() -> None:
    """2 alerts per hour of 1,000 payments are 0.2 %, of 100 they are 2 %, and 40 would need 5 %.

    The share of all traffic is (0.2 % · 10,000 + 2 % · 1,000 + 2 % · 400)/11,400 = 0.42 %.
    """
    config = replace(CONFIG, alerts_per_hour=2.0, alert_budget=0.02)
    sums = Sums.zero(config)
    sums.hour_exposures[:3], sums.hour_weights[:3] = 1e6, np.array([1_000.0, 100.0, 40.0]) * 1e6
    shares = asked(sums, config)
    assert shares.hourly[:3] == pytest.approx([0.002, 0.02, 0.02], rel=1e-6)
    assert shares.target == pytest.approx((2 + 2 + 0.8) / 1_140, rel=1e-6)


def test_before_the_traffic_is_known_the_share_is_the_cap() -> None:
    config = replace(CONFIG, alerts_per_hour=2.0)
    assert asked(Sums.zero(config), config).target == config.alert_budget


EQUAL = replace(CONFIG, alert_hours="equal")


def test_an_hour_is_asked_for_less_where_it_gave_more_than_it_was_asked_for() -> None:
    """For equal load.  All hours were asked for 100 alerts.  Hour 0 gave 200, hour 1 gave 50, the
    others 100 each: overall 2,450/2,400.  With 5 alerts as a prior: (102.083 + 5)/205, /55 and /105."""
    sums = Sums.zero(CONFIG)
    sums.hour_asked[:], sums.hour_alerts[:] = 100.0, 100.0
    sums.hour_alerts[:2] = 200.0, 50.0
    shares = asked(sums, EQUAL)
    factors = shares.hourly / shares.due
    assert factors[:3] == pytest.approx([0.52236, 1.94697, 1.01984], abs=1e-5)
    assert shares.due == pytest.approx([CONFIG.alert_budget] * 24)


def test_by_risk_every_hour_is_asked_for_the_same_and_owes_what_it_is_likely_to_give() -> None:
    """Hour 0 has a tenth of the traffic and gave 85 of 100 alerts where it was asked for 10, hour 1
    the other 15 for 90: with 5 as a prior 90/15 and 20/95 times the budget, which is what all owe."""
    sums = Sums.zero(CONFIG)
    sums.hour_weights[:2], sums.hour_asked[:2] = (1_000.0, 9_000.0), (10.0, 90.0)
    sums.hour_alerts[:2] = 85.0, 15.0
    shares = asked(sums, CONFIG)
    assert shares.hourly == pytest.approx([0.02] * 24)
    assert shares.due[0] / shares.due[1] == pytest.approx((90 / 15) / (20 / 95))
    assert shares.due[:2] @ [0.1, 0.9] == pytest.approx(0.02)


def test_the_risk_of_an_hour_is_bounded_and_little_known_while_few_alerts_came() -> None:
    """9 asked and 10 given in all; hour 0 gave 5 of 1: 10/(1/0.9 + 5) = 1.636.  A thousand times
    the alerts: 4.5; and 20 times what was asked counts as 8."""
    sums = Sums.zero(CONFIG)
    sums.hour_asked[:2], sums.hour_alerts[:2] = (1.0, 8.0), (5.0, 5.0)
    assert (EQUAL.alert_budget / asked(sums, EQUAL).hourly)[0] == pytest.approx(1.63636, abs=1e-5)
    sums.hour_asked, sums.hour_alerts = sums.hour_asked * 1_000, sums.hour_alerts * 1_000
    assert (EQUAL.alert_budget / asked(sums, EQUAL).hourly)[0] == pytest.approx(4.5, rel=0.01)
    sums.hour_asked[0] /= 100
    assert (EQUAL.alert_budget / asked(sums, EQUAL).hourly)[0] == pytest.approx(8.0)


def test_what_was_achieved_is_told_as_a_share_and_per_hour() -> None:
    sums = Sums.zero(CONFIG)
    assert (achieved_share(sums), achieved_per_hour(sums)) == (0.0, None)
    sums.scored_weight, sums.alerted_weight = np.asarray(400.0), np.asarray(2.0)
    sums.hour_exposures[:2], sums.hour_alerts[:2] = 4.0, (1.0, 3.0)
    assert (achieved_share(sums), achieved_per_hour(sums)) == (0.005, 0.5)


def test_the_threshold_is_that_of_the_payments_hour() -> None:
    """100 scores in the bins 0 to 99, one each.  Hour 0 gave twice what it was asked for, so half of
    the budget of 2 % is asked of it: the end of bin 98 instead of bin 97."""
    sums = sums_with_centers(CONFIG, np.zeros((2, 3)), np.array([500.0, 500.0]), 1.0)
    sums.currency_weights[0] = 1_000.0
    sums = with_recent(sums, (2.0 ** ((np.arange(100) + 0.5) / 32 - 8)).tolist())
    sums.hour_asked[:], sums.hour_alerts[:] = 1e9, 1e9
    # Overall 1: what hour 0 gave too much, hour 1 gave too little.
    sums.hour_alerts[:2] = 2e9, 0.0
    version = Scorer.of("", sums, EQUAL)
    assert version.hourly_threshold_sq[0] == pytest.approx(2.0 ** (-8 + 99 / 32))
    assert version.threshold_sq == pytest.approx(2.0 ** (-8 + 98 / 32))
    # A squared distance of 2^(-8 + 98.5/32) lies between the two.
    X = np.tile([0.0, 2.0 ** ((-8 + 98.5 / 32) / 2), 0.0], (3, 1))
    at_hours = version.score(X, euros(X), None, np.array([0, 2 * HOUR_MS, 26 * HOUR_MS]))
    assert at_hours.alerted.tolist() == [False, True, True]
    assert at_hours.asked[0] == pytest.approx(0.01)
    assert at_hours.due == pytest.approx([0.02] * 3)
    assert version.score(X, euros(X)).alerted.tolist() == [True] * 3


DAYLIGHT = 1.0 + 0.7 * np.cos((np.arange(24) - 14) / 24 * 2 * np.pi)


def alerts_by_hour(
    config: ModelConfig, n_days: int, per_hour: float, night: float = 1.0, busy_from: float = 1e9
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return payments and alerts of each elapsed hour; a version is made twice an hour.

    At 14:00 UTC there are 17 payments for 3 in the night.  Distances at night are ``night`` times those
    of the day; from hour ``busy_from`` on there is twice the traffic.
    """
    rng = np.random.default_rng(0)
    version = Scorer.of("", Sums.zero(config), config)
    seen, alerted = [], []
    for hour in range(24 * n_days):
        n = int(rng.poisson(per_hour * DAYLIGHT[hour % 24] * (2 if hour >= busy_from else 1)))
        X = two_clouds(rng, n) * (night if DAYLIGHT[hour % 24] < 0.7 else 1.0)
        times_ms = np.sort(rng.integers(hour * HOUR_MS, (hour + 1) * HOUR_MS, n))
        times_ms += int(MONDAY_S * 1_000)
        n_alerts = 0
        for half in (slice(0, n // 2), slice(n // 2, n)):
            rows, when = X[half], times_ms[half]
            delta = Sums.zero(config)
            if version.is_warming:
                learn_warming(delta, rows, euros(rows), when)
            else:
                scored = version.score(rows, euros(rows), None, when)
                quiet, loud = ~scored.alerted, scored.alerted
                learn(delta, scored, quiet, loud, rows[:, 0], euros(rows), when)
                n_alerts += int(loud.sum())
            version = Scorer.of("", advance(version.sums, delta, config), config)
        seen.append(n)
        alerted.append(n_alerts)
    return np.array(seen), np.array(alerted)


def by_block(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum over days and blocks of four hours, shape (6,)."""
    return np.asarray(values.reshape(-1, 6, 4).sum(axis=(0, 2)))


BANK = {"half_life": 200_000, "score_half_life": 20_000, "warmup": 5_000}


def test_alerts_per_hour_are_held_within_a_tenth_by_day_and_by_night() -> None:
    """40 an hour in the second week, where traffic varies sixfold and nights are stranger."""
    config = small_config(**BANK, alert_budget=0.2, alerts_per_hour=40.0, alert_hours="equal")
    seen, alerted = alerts_by_hour(config, n_days=14, per_hour=2_000, night=1.1)
    settled = alerted[7 * 24 :]
    assert seen.max() > 5 * seen.min()
    assert settled.mean() == pytest.approx(40.0, rel=0.1)
    assert by_block(settled) / 28 == pytest.approx([40.0] * 6, rel=0.1)


def test_the_share_is_held_within_a_tenth_at_every_time_of_the_day() -> None:
    """Payments at night are 10 % farther away.  With one threshold the blocks of four hours took
    1.99, 1.23, 0.66, 0.83, 0.95 and 1.49 times their share."""
    config = small_config(**BANK, alert_budget=0.02, alert_hours="equal")
    seen, alerted = alerts_by_hour(config, n_days=14, per_hour=2_000, night=1.1)
    seen, alerted = seen[7 * 24 :], alerted[7 * 24 :]
    assert alerted.sum() / seen.sum() == pytest.approx(0.02, rel=0.1)
    assert by_block(alerted) / by_block(seen) == pytest.approx([0.02] * 6, rel=0.1)


def test_when_traffic_doubles_alerts_per_hour_are_back_within_hours() -> None:
    """Known by the week's hours alone, twice the payments would be twice the alerts all day."""
    config = replace(small_config(**BANK, alert_budget=0.2), alerts_per_hour=40.0)
    _, alerted = alerts_by_hour(config, n_days=8, per_hour=2_000, busy_from=7 * 24)
    assert alerted[7 * 24 + 6 :].mean() == pytest.approx(40.0, rel=0.2)


def test_the_hour_is_that_of_utc() -> None:
    assert hour_of(int(MONDAY_S) * 1_000 + 13 * HOUR_MS) == 13
