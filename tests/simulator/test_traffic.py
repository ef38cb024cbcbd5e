"""Genuine traffic: habits, waking hours, possible journeys, and enough oddity not to be trivial."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.simulator.world_tables import distance_km
from tests.simulator.conftest import Run


def journeys(run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return km and hours between successive card-present payments of each customer."""
    rows = np.flatnonzero(run.ordinary & run.located)
    rows = rows[np.argsort(run.card[rows], kind="stable")]
    before, after = rows[:-1], rows[1:]
    same = run.card[before] == run.card[after]
    before, after = before[same], after[same]
    lat, lon, time_ms = run.payments.latitudes, run.payments.longitudes, run.payments.timestamps_ms
    km = distance_km(lat[before], lon[before], lat[after], lon[after])
    return km, (time_ms[after] - time_ms[before]) / 3_600_000


def test_no_customer_ever_travels_faster_than_an_airliner(run: Run) -> None:
    km, hours = journeys(run)
    assert len(km) > 50_000
    assert (hours >= 0.2).all()  # 12 minutes between two tills
    assert (km / hours).max() < 900


def test_customers_do_travel(run: Run) -> None:
    km, _ = journeys(run)
    assert np.sum(km > 1_000) > 200


def test_customers_pay_mostly_near_home(run: Run) -> None:
    cities = run.simulator.world.cities
    home = run.simulator.world.customers.city[run.card]
    latitude = np.array([city.latitude for city in cities])[home]
    longitude = np.array([city.longitude for city in cities])[home]
    rows = run.ordinary & run.located
    payments = run.payments
    km = distance_km(
        payments.latitudes[rows], payments.longitudes[rows], latitude[rows], longitude[rows]
    )
    assert 0.95 < np.mean(km < 10) < 0.995


def test_customers_pay_while_awake_on_their_own_clock(run: Run) -> None:
    habits = run.simulator.world.customers
    since_waking = (run.local_hour - habits.wake_h[run.card]) % 24
    awake = since_waking <= habits.awake_h[run.card]
    # A payment in fifty comes at any hour, a third of those while its owner sleeps.
    assert 0.985 < awake[run.ordinary].mean() < 0.999
    for offset_min in (-480, 0, 600):
        there = run.ordinary & (run.payments.utc_offsets_min == offset_min)
        assert there.sum() > 1_000
        assert np.mean((run.local_hour[there] > 3) & (run.local_hour[there] < 5)) < 0.03


def test_the_mean_rate_is_the_one_asked_for(run: Run) -> None:
    whole = run.ordinary & (run.day < run.day.max())
    per_customer_per_day = whole.sum() / run.day.max() / 2_000
    assert per_customer_per_day == pytest.approx(3.0, rel=0.03)


def test_cards_differ_in_amount_and_each_has_its_own_spread(run: Run) -> None:
    busy = np.flatnonzero(np.bincount(run.card[run.ordinary]) > 100)
    logs = [np.log(run.eur[run.ordinary & (run.card == card)]) for card in busy[:150]]
    medians = np.array([np.median(log) for log in logs])
    assert 0.35 < medians.std() < 0.8
    assert all(0.3 < log.std() < 1.3 for log in logs)


def test_favourite_merchants_get_most_of_a_cards_payments(run: Run) -> None:
    habits = run.simulator.world.customers
    favourites = np.hstack([habits.tills, habits.shops, habits.cash_machine[:, None]])
    rows = np.flatnonzero(run.ordinary & (run.day < 7))
    named = [i for i in rows if run.payments.merchant_ids[i] is not None]
    merchant = np.array([int(str(run.payments.merchant_ids[i])[-5:]) for i in named])
    usual = (favourites[run.card[named]] == merchant[:, None]).any(axis=1)
    assert 0.6 < usual.mean() < 0.9


def test_genuine_purchases_are_sometimes_as_dear_as_a_spree(run: Run) -> None:
    genuine = run.ordinary
    habit = run.simulator.world.customers.habit_eur[run.card]
    dear = np.mean(run.eur[genuine] > 5 * habit[genuine])
    # As common as a whole spending spree pattern is: the amount alone cannot be trusted.
    assert 0.001 < dear < 0.02
