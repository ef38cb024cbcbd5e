"""Genuine payments: what customers do on one event-day after another when nobody steals from them.

Invariants:

* Each day draws from its own generator, seeded by (seed, day): fraud does not change genuine
  traffic.
* All payments of day ``d`` lie in ``[start + d days, start + (d + 1) days)``.
* Between two card-present payments of a card lie 12 minutes in town, or a whole day and more when
  the customer travels: no genuine pair is faster than 900 km/h.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.durations import DAY_MS, HOUR_MS
from streamer.simulator.simulator_config import SimulatorConfig
from streamer.simulator.slow_change import Drift
from streamer.simulator.working_rows import (
    ATM,
    ECOMMERCE,
    POS,
    Rows,
    draw_missing,
    in_time_order,
    make_rows,
)
from streamer.simulator.world import World

__all__ = ["Traffic", "time_of_local_hour"]

Ints = Integers

_STREAM: Final = 1  # Third word of the seed: keeps genuine and fraudulent draws apart.
_MIN_GAP_MS: Final = 12 * 60_000
# A few payments come at any hour: early flights, sick children, shops that bill at night.
_ANY_HOUR_SHARE: Final = 0.02
_TRIPS_PER_DAY: Final = 0.006
_FAVOURITE_SHARE: Final = 0.7
# Once in two hundred payments people buy a sofa; without these, amount alone would find most fraud.
_EXPENSIVE_SHARE: Final = 0.005
_EXPENSIVE_FACTOR: Final = (4.0, 12.0)


def time_of_local_hour(start_ms: int, hour: Floats, offset_min: Ints) -> Ints:
    """Return the first UTC millisecond from ``start_ms`` on at which a local clock shows ``hour``.

    >>> time_of_local_hour(0, np.array([1.0, 1.0]), np.array([0, 120])).tolist()
    [3600000, 82800000]
    """
    local_ms = np.floor(hour * HOUR_MS).astype(np.int64)
    return np.asarray(start_ms + (local_ms - offset_min * 60_000 - start_ms) % DAY_MS)


class Traffic:
    """Genuine payments by event-day; call `day` with 0, 1, 2, … in turn."""

    def __init__(self, config: SimulatorConfig, world: World, drift: Drift) -> None:
        n = config.n_customers
        self._config = config
        self._world = world
        self._drift = drift
        self._trip_city: Ints = np.zeros(n, dtype=np.int64)
        self._trip_first: Ints = np.full(n, -1)
        self._trip_last: Ints = np.full(n, -1)
        self._last_present_ms: Ints = np.full(n, config.start_ms - DAY_MS)

    def day(self, day: int) -> Rows:
        """Return the genuine payments of one event-day in time order."""
        rng = np.random.default_rng([self._config.seed, day, _STREAM])
        start_ms = self._config.start_ms + day * DAY_MS
        habits = self._world.customers
        city, under_way = self._whereabouts(day, rng)
        customer = np.repeat(np.arange(len(city)), rng.poisson(habits.payments_per_day))
        offset_min = self._world.utc_offset_min[city[customer]]
        hour = self._local_hours(customer, rng)
        time_ms = time_of_local_hour(start_ms, hour, offset_min)
        # Per card in time order, which is what the gap between card-present payments needs.
        order = np.lexsort((time_ms, customer))
        time_ms, offset_min = time_ms[order], offset_min[order]
        new = rng.random(len(customer)) < self._drift.new_category_share(day)
        channel = self._channels(customer, time_ms, under_way[customer] | new, rng)
        merchant = self._merchants(customer, city[customer], channel, new, rng)
        at_home = np.where(channel == ECOMMERCE, habits.city[customer], city[customer])
        money = self._world.money[at_home]
        rows = make_rows(
            len(customer),
            time_ms=time_ms,
            customer=customer,
            merchant=merchant,
            amount=self._amounts(day, customer, merchant, money, channel, rng),
            money=money,
            utc_offset_min=offset_min,
            channel=channel,
            missing=draw_missing(len(customer), rng),
        )
        return in_time_order(rows)

    def travelling(self, day: int) -> Flags:
        """Return which customers are away or under way on the day last generated."""
        return np.asarray(self._trip_last >= day)

    def _whereabouts(self, day: int, rng: np.random.Generator) -> tuple[Ints, Flags]:
        """Return each customer's city, and who is under way and pays at no till all day."""
        n = len(self._trip_last)
        departs = (rng.random(n) < _TRIPS_PER_DAY) & (self._trip_last < day)
        nights = rng.integers(2, 8, n)
        to = rng.integers(0, len(self._world.cities), n)
        self._trip_city = np.where(departs, to, self._trip_city)
        self._trip_first = np.where(departs, day, self._trip_first)
        self._trip_last = np.where(departs, day + nights, self._trip_last)
        under_way = (self._trip_first == day) | (self._trip_last == day)
        away = (self._trip_first < day) & (day < self._trip_last)
        return np.where(away, self._trip_city, self._world.customers.city), under_way

    def _local_hours(self, customer: Ints, rng: np.random.Generator) -> Floats:
        habits, n = self._world.customers, len(customer)
        awake = rng.beta(1.6, 1.6, n) * habits.awake_h[customer]
        hour = (habits.wake_h[customer] + awake) % 24
        return np.where(rng.random(n) < _ANY_HOUR_SHARE, rng.uniform(0, 24, n), hour)

    def _channels(
        self, customer: Ints, time_ms: Ints, online_only: Flags, rng: np.random.Generator
    ) -> Ints:
        """Return channels by habit; 12 minutes lie between any two payments of a card at a till."""
        habits, n = self._world.customers, len(customer)
        channel = np.where(rng.random(n) < habits.cash_share[customer], ATM, POS)
        online = rng.random(n) < habits.online_share[customer]
        channel[online | online_only] = ECOMMERCE
        present = np.flatnonzero(channel != ECOMMERCE)
        who, when = customer[present], time_ms[present]
        before = self._last_present_ms[who]
        same = who[1:] == who[:-1]
        before[1:][same] = when[:-1][same]
        channel[present[when - before < _MIN_GAP_MS]] = ECOMMERCE
        np.maximum.at(self._last_present_ms, who, when)
        return np.asarray(channel)

    def _merchants(
        self, customer: Ints, city: Ints, channel: Ints, new: Flags, rng: np.random.Generator
    ) -> Ints:
        """Return merchants, mostly favourites of the customer; ``new`` goes to the new category."""
        habits, pools, n = self._world.customers, self._world.merchants.pools, len(customer)
        pool = np.where(channel == POS, pools.till(city), pools.cash(city))
        pool = np.where(channel == ECOMMERCE, pools.online(n), pool)
        merchant = pools.draw(np.where(new, pools.new, pool), rng.random(n))
        # The square makes the first favourites the most visited.
        visit = rng.random(n) ** 2
        till = habits.tills[customer, (visit * habits.tills.shape[1]).astype(np.int64)]
        shop = habits.shops[customer, (visit * habits.shops.shape[1]).astype(np.int64)]
        favourite = np.where(channel == ECOMMERCE, shop, till)
        favourite = np.where(channel == ATM, habits.cash_machine[customer], favourite)
        near = (city == habits.city[customer]) | (channel == ECOMMERCE)
        usual = near & ~new & (rng.random(n) < _FAVOURITE_SHARE)
        return np.where(usual, favourite, merchant)

    def _amounts(
        self,
        day: int,
        customer: Ints,
        merchant: Ints,
        money: Ints,
        channel: Ints,
        rng: np.random.Generator,
    ) -> Floats:
        habits, n = self._world.customers, len(customer)
        usual = habits.median_eur[customer] * self._world.merchants.price[merchant]
        eur = usual * np.exp(habits.spread[customer] * rng.standard_normal(n))
        expensive = rng.random(n) < _EXPENSIVE_SHARE
        eur = eur * np.where(expensive, rng.uniform(*_EXPENSIVE_FACTOR, n), 1.0)
        eur = eur * self._drift.price_level(day)
        step = self._world.cash_step[money]
        cash = np.maximum(np.round(eur * self._world.units_per_eur[money] / step), 1.0) * step
        return np.where(channel == ATM, cash, self._world.price(eur, money))
