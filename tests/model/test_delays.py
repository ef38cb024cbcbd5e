"""When frauds are found: worked out by hand, and recovered from payments that are still young."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamer.durations import DAY_MS, DAY_S
from streamer.model import ALERTED, OTHERS, Sums, advance, count_delays, delays_of
from streamer.model.delays import AGES_DAYS, rolled
from streamer.model.sums import N_AGES, N_WEEKS
from tests.model.helpers import small_config
from tests.model.test_judged import trained_sums

CONFIG = small_config(odds_half_life=np.inf)
WEEK_MS = 7 * DAY_MS
# A Thursday at midnight, on which the weeks of the epoch begin.
START_MS = 2_800 * WEEK_MS


def sums_at(days: float) -> Sums:
    """Return sums that learned nothing, with their latest payment so many days after the start."""
    sums = Sums.zero(CONFIG)
    sums.event_span[:] = -START_MS / 1000, START_MS / 1000 + days * DAY_S
    return sums


def count(
    sums: Sums, at_days: object, delays_days: object, weight: float = 1.0, alerted: bool = False
) -> None:
    at, took = np.broadcast_arrays(np.asarray(at_days, float), np.asarray(delays_days, float))
    times_ms = (START_MS + at.ravel() * DAY_MS).astype(np.int64)
    decided_ms = times_ms + (took.ravel() * DAY_MS).astype(np.int64)
    n = len(times_ms)
    last_s = sums.event_span.item(1)
    count_delays(sums, last_s, np.full(n, alerted), times_ms, decided_ms, np.full(n, weight))


def found(sums: Sums, which: int = OTHERS) -> np.ndarray:
    delays = delays_of(sums, which)
    assert delays is not None
    return delays.found


def test_the_ages_go_from_half_a_day_to_180_days_in_steps_of_the_root_of_two() -> None:
    assert len(AGES_DAYS) == N_AGES
    assert AGES_DAYS[0] == pytest.approx(180 / 2**8.5)
    assert AGES_DAYS[-1] == 180
    np.testing.assert_allclose(AGES_DAYS[1:] / AGES_DAYS[:-1], 2**0.5)


def test_without_truncation_it_is_the_share_that_was_found_by_an_age() -> None:
    """All payments are 200 days old: 30 found after 0.9 days, 50 after 15, 20 after 100."""
    sums = sums_at(207)
    for n, days in ((30, 0.9), (50, 15.0), (20, 100.0)):
        count(sums, np.full(n, 3.0), days)
    by = dict(zip(AGES_DAYS.round(1).tolist(), found(sums).tolist(), strict=True))
    assert (by[0.7], by[1.0], by[1.4], by[11.2]) == pytest.approx((0.0, 0.3, 0.3, 0.3))
    assert (by[15.9], by[90.0], by[127.3], by[180.0]) == pytest.approx((0.8, 0.8, 1.0, 1.0))


def test_young_payments_count_only_for_the_delays_that_they_could_have_had() -> None:
    """Today is day 63.  The week of day 0 is over for 56 days: of its 100 frauds 20 were found at one
    day and 80 at 30.  The week of day 42 is over for 14: 20 at one day, and 80 are still to be found.
    By the plain shares 40 of 120 take a day; in truth it is F(1) = 20/100 by the older week, and the
    younger agrees, since at 30 days (bin 31.8) only the older counts: F = 1 - 80/100.
    """
    sums = sums_at(63)
    count(sums, np.full(20, 3.0), 1.0)
    count(sums, np.full(80, 3.0), 30.0)
    count(sums, np.full(20, 45.0), 1.0)
    share = found(sums)
    at = int(np.searchsorted(AGES_DAYS, 22.0))
    assert share[at] == pytest.approx(0.2)
    assert share[at + 1] == share[-1] == 1.0
    delays = delays_of(sums, OTHERS)
    assert delays is not None
    assert delays.longest_days == pytest.approx(45.0)
    assert delays.n_frauds == 120


def test_the_distribution_is_recovered_from_payments_that_are_still_young() -> None:
    """Delays between 0.5 and 120 days, even in their logarithm, of frauds that grow from none over 190
    days; known is what was found by today.  Plain shares are too early by far, the estimate is not.
    """
    rng, today = np.random.default_rng(3), 190.0
    at = today * np.sqrt(rng.random(40_000))
    took = 0.5 * 240.0 ** rng.random(len(at))
    is_known = at + took <= today
    sums = sums_at(today)
    count(sums, at[is_known], took[is_known])
    truth = np.clip(np.log(AGES_DAYS / 0.5) / np.log(240.0), 0.0, 1.0)
    naive = (took[is_known, None] <= AGES_DAYS).mean(axis=0)
    share = found(sums)
    assert np.abs(naive - truth).max() > 0.1
    assert np.abs(share - truth).max() < 0.02
    delays = delays_of(sums, OTHERS)
    assert delays is not None
    assert delays.median_days == pytest.approx(0.5 * 240**0.5, rel=0.05)
    assert delays.found_by(30.0) == pytest.approx(np.log(60) / np.log(240), abs=0.02)


def test_alerts_and_the_rest_are_told_apart_and_few_frauds_tell_nothing() -> None:
    sums = sums_at(100)
    count(sums, np.full(25, 3.0), 1.0, alerted=True)
    count(sums, np.full(10, 3.0), 30.0)
    assert found(sums, ALERTED)[-1] == 1.0
    assert delays_of(sums, OTHERS) is None
    assert delays_of(Sums.zero(CONFIG), ALERTED) is None


def test_counts_merge_in_any_order_and_what_is_taken_back_leaves_nothing() -> None:
    one, other, both = sums_at(100), sums_at(100), sums_at(100)
    count(one, np.arange(30.0), 2.0)
    count(other, np.arange(30.0), 40.0)
    for days in (40.0, 2.0):
        count(both, np.arange(30.0), days)
    np.testing.assert_array_equal(one.merged(other).fraud_delays, both.fraud_delays)
    count(both, np.arange(30.0), 40.0, weight=-1.0)
    np.testing.assert_array_equal(both.fraud_delays, one.fraud_delays)


def test_what_is_later_than_180_days_or_of_a_week_that_has_gone_is_not_counted() -> None:
    sums = sums_at(7 * N_WEEKS + 1)
    count(sums, [0.0, 3.0], 181.0)
    count(sums, [0.0, 6.9], 1.0)
    assert not sums.fraud_delays.any()
    count(sums, [7.0], 180.0)
    count(sums, [7.0], -0.5)
    assert sums.fraud_delays[OTHERS, 2_801 % N_WEEKS, [0, -1]].tolist() == [1.0, 1.0]


def test_a_new_week_takes_the_room_of_the_oldest_in_whatever_steps_time_goes_on() -> None:
    counts = np.ones((2, N_WEEKS, N_AGES))
    begin_s, week_s = START_MS / 1000, 7 * DAY_S
    later = rolled(counts, begin_s, begin_s + 3 * week_s)
    stepwise = counts
    for week in range(3):
        stepwise = rolled(stepwise, begin_s + week * week_s, begin_s + (week + 1) * week_s)
    np.testing.assert_array_equal(later, stepwise)
    gone = np.array([2_801, 2_802, 2_803]) % N_WEEKS
    assert not later[:, gone].any()
    assert later.sum() == 2 * (N_WEEKS - 3) * N_AGES
    assert rolled(counts, begin_s, begin_s + 1) is counts
    assert rolled(counts, -np.inf, begin_s) is counts
    assert not rolled(counts, begin_s, begin_s + 99 * week_s).any()


def test_a_version_lets_go_of_weeks_as_its_time_goes_on_and_keeps_the_new_counts() -> None:
    head = replace(trained_sums(), event_span=sums_at(10).event_span)
    count(head, np.full(5, 3.0), 1.0)
    delta = Sums.zero(CONFIG)
    delta.event_span[:] = sums_at(10 + 7 * (N_WEEKS - 2)).event_span
    count(delta, np.full(2, 3.0 + 7 * (N_WEEKS - 2)), 1.0)
    following = advance(head, delta, CONFIG)
    weeks = following.fraud_delays[OTHERS].sum(axis=1)
    assert weeks[2_800 % N_WEEKS] == 5
    assert weeks.sum() == 7
    delta.event_span[:] = sums_at(10 + 7 * (N_WEEKS - 1)).event_span
    assert advance(head, delta, CONFIG).fraud_delays[OTHERS, 2_800 % N_WEEKS].sum() == 0
