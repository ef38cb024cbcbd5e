"""Each fraud pattern has the property that its description claims, measured on whole episodes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import streamer.cli
from streamer.durations import DAY_MS
from streamer.simulator import FRAUD_PATTERNS
from streamer.simulator.world_tables import distance_km
from tests.simulator.conftest import Run


def test_every_pattern_describes_itself() -> None:
    assert all(name == pattern.name for name, pattern in FRAUD_PATTERNS.items())
    assert all(pattern.description.endswith(".") for pattern in FRAUD_PATTERNS.values())
    hidden = {
        name for name, pattern in FRAUD_PATTERNS.items() if not pattern.visible_without_labels
    }
    assert hidden == {"compromised_merchant", "slow_drain"}


def test_help_texts_count_the_kinds_of_fraud() -> None:
    word = ("four", "five", "six", "seven", "eight")[len(FRAUD_PATTERNS) - 4]
    texts = [path.read_text("utf-8") for path in Path(streamer.cli.__file__).parent.glob("*.py")]
    counted = [each for text in texts for each in re.findall(r"(\w+) kinds of fraud", text)]
    assert counted == [word] * 3


def test_card_testing_is_many_tiny_payments_in_minutes_at_one_online_merchant(run: Run) -> None:
    episodes = list(run.episodes("card_testing"))
    assert len(episodes) >= 5
    for rows in episodes:
        assert 8 <= len(rows) <= 20
        assert np.ptp(run.payments.timestamps_ms[rows]) <= 10 * 60_000
        assert len({run.payments.merchant_ids[i] for i in rows} - {None}) == 1
        assert {run.payments.channels[i] for i in rows} <= {"ecommerce", None}
        assert (run.eur[rows] < 2.6).all()


def test_a_spending_spree_is_4_to_10_times_the_habit_within_hours_at_new_merchants(
    run: Run,
) -> None:
    habits = run.simulator.world.customers
    episodes = list(run.episodes("spending_spree"))
    assert len(episodes) >= 8
    ratios = []
    for rows in episodes:
        card = run.card[rows[0]]
        assert 5 <= len(rows) <= 15
        assert np.ptp(run.payments.timestamps_ms[rows]) <= 6 * 3_600_000
        favourites = {*habits.tills[card], *habits.shops[card]}
        seen = [run.payments.merchant_ids[i] for i in rows]
        assert favourites.isdisjoint(int(name[-5:]) for name in seen if name)
        ratios.append(np.median(run.eur[rows]) / run.usual_eur(card))
    # Against what the card was seen to pay, not against the parameter that the amounts came from.
    assert 5 < np.median(ratios) < 9
    assert np.mean([2.5 < ratio < 15 for ratio in ratios]) > 0.9


def test_impossible_travel_is_faster_than_900_km_an_hour_from_a_genuine_payment(run: Run) -> None:
    payments = run.payments
    genuine = run.ordinary & run.located
    speeds = []
    for rows in run.episodes("impossible_travel"):
        assert 1 <= len(rows) <= 3
        first = rows[0]
        own = np.flatnonzero(genuine & (run.card == run.card[first]))
        before = own[payments.timestamps_ms[own] < payments.timestamps_ms[first]][-1:]
        hours = (payments.timestamps_ms[first] - payments.timestamps_ms[before]) / 3_600_000
        lat, lon = payments.latitudes, payments.longitudes
        speeds.append(distance_km(lat[before], lon[before], lat[[first]], lon[[first]]) / hours)
    # A producer left out the place of one payment in fifty: there the speed cannot be known.
    known = np.concatenate(speeds)
    assert np.mean(np.isnan(known)) < 0.1
    known = known[~np.isnan(known)]
    assert len(known) >= 40
    assert np.mean(known > 900) > 0.95
    assert np.median(known) > 2_000


def test_a_slow_drain_is_a_payment_a_day_for_one_to_two_weeks_often_at_night(run: Run) -> None:
    habits = run.simulator.world.customers
    episodes = list(run.episodes("slow_drain"))
    assert len(episodes) >= 8
    asleep, ratios = [], []
    for rows in episodes:
        card = run.card[rows[0]]
        assert 7 <= len(rows) <= 14
        assert (np.diff(run.day[rows]) == 1).all()
        since_waking = (run.local_hour[rows] - habits.wake_h[card]) % 24
        asleep.extend(since_waking > habits.awake_h[card])
        ratios.append(np.median(run.eur[rows]) / run.usual_eur(card))
    assert 0.55 < np.mean(asleep) < 0.78
    assert 1.7 < np.median(ratios) < 3.3


def test_a_compromised_merchant_disputes_most_payments_for_two_to_four_weeks(run: Run) -> None:
    merchant = np.array(run.payments.merchant_ids, dtype=object)
    disputed = run.pattern == "compromised_merchant"
    names = set(merchant[disputed]) - {None}
    assert 1 <= len(names) <= 12
    complete = 0
    for name in names:
        days = run.day[disputed & (merchant == name)]
        between = run.ordinary & (merchant == name)
        between &= (run.day >= days.min()) & (run.day <= days.max())
        assert np.ptp(days) <= 27
        if days.max() < run.day.max() - 5:
            complete += 1
            assert np.ptp(days) >= 7
            assert 0.6 < disputed[between].mean() < 0.95
    assert complete >= 1


def test_disputed_payments_at_a_compromised_merchant_look_ordinary(run: Run) -> None:
    disputed = np.flatnonzero(run.pattern == "compromised_merchant")
    logs = np.log(run.eur[disputed] / run.simulator.world.customers.habit_eur[run.card[disputed]])
    assert abs(np.median(logs)) < 0.6
    assert np.mean(np.abs(logs) < 2) > 0.95


def test_a_card_is_left_alone_after_its_episode(run: Run) -> None:
    stolen = np.flatnonzero(~run.ordinary)
    for card in np.unique(run.card[stolen]):
        rows = stolen[run.card[stolen] == card]
        time_ms, pattern = run.payments.timestamps_ms[rows], run.pattern[rows]
        gap_ms, change = np.diff(time_ms), pattern[1:] != pattern[:-1]
        assert (gap_ms[change] >= 29 * DAY_MS).all()
