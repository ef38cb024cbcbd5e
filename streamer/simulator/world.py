"""Who pays whom: the customers and merchants of one simulated world, drawn once from its seed.

Everything is held as one array per property, indexed by customer or merchant number, so that a day
of payments is drawn without a loop over customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.simulator.pools import Pools
from streamer.simulator.simulator_config import SimulatorConfig
from streamer.simulator.world_tables import CATEGORIES, CITIES, MONEY, City

__all__ = ["Customers", "Merchants", "World"]

Ints = Integers

# Each city gets this many merchants on average before another city is opened.
_MERCHANTS_PER_CITY: Final = 6
# With the customers' 12 minutes between two tills, 16 km apart at most keeps genuine speeds in
# town.
_CITY_RADIUS_KM: Final = 8.0
_KM_PER_DEGREE: Final = 111.2
# How strongly a merchant's price level moves a customer's amount; 1 would drown the customer's
# habit.
_PRICE_PULL: Final = 0.6
_TYPICAL_PRICE_EUR: Final = 26.0
_POPULARITY_EXPONENT: Final = 0.8
_TILL_SLOTS: Final = 6
_ONLINE_SLOTS: Final = 4


@dataclass(frozen=True)
class Merchants:
    """Accepting terminals, one row each; ``price`` is a factor on a customer's usual amount."""

    city: Ints
    category: Ints
    price: Floats
    latitude: Floats
    longitude: Floats
    pools: Pools


@dataclass(frozen=True)
class Customers:
    """Paying accounts and their habits; amounts in EUR on day 0, times in hours of local time.

    ``habit_eur`` is the middling amount over the customer's own favourite merchants, ``spread`` the
    standard deviation of the log amount.  ``tills`` and ``shops`` are favourite merchants, most
    visited first.
    """

    city: Ints
    median_eur: Floats
    habit_eur: Floats
    spread: Floats
    payments_per_day: Floats
    wake_h: Floats
    awake_h: Floats
    online_share: Floats
    cash_share: Floats
    tills: Ints
    shops: Ints
    cash_machine: Ints


@dataclass(frozen=True)
class World:
    """Cities, customers, merchants and the strings that stand for them in messages."""

    cities: tuple[City, ...]
    utc_offset_min: Ints
    money: Ints
    units_per_eur: Floats
    cash_step: Floats
    decimals: Ints
    currencies: NDArray[Any]
    customers: Customers
    merchants: Merchants

    @classmethod
    def draw(cls, config: SimulatorConfig, rng: np.random.Generator) -> World:
        """Return the world of a configuration; the same generator state gives the same world."""
        cities = CITIES[: max(3, min(len(CITIES), config.n_merchants // _MERCHANTS_PER_CITY))]
        codes = sorted(MONEY)
        merchants = _draw_merchants(config.n_merchants, cities, rng)
        return cls(
            cities=cities,
            utc_offset_min=np.array([city.utc_offset_min for city in cities]),
            money=np.array([codes.index(city.currency) for city in cities]),
            units_per_eur=np.array([MONEY[code].units_per_eur for code in codes]),
            cash_step=np.array([MONEY[code].cash_step for code in codes]),
            decimals=np.array([MONEY[code].decimals for code in codes]),
            currencies=np.array(codes, dtype=object),
            customers=_draw_customers(config, cities, merchants, rng),
            merchants=merchants,
        )

    def price(self, eur: Floats, money: Ints) -> Floats:
        """Return amounts in EUR as amounts of each currency, rounded to its decimals, never 0."""
        scale = 10.0 ** self.decimals[money]
        units = np.round(eur * self.units_per_eur[money] * scale)
        return np.asarray(np.maximum(units, 1.0) / scale)


def _weights(cities: tuple[City, ...]) -> Floats:
    weight = np.array([city.weight for city in cities])
    return np.asarray(weight / weight.sum())


def _draw_merchants(n: int, cities: tuple[City, ...], rng: np.random.Generator) -> Merchants:
    n_cities = len(cities)
    every = np.arange(n_cities)
    # One till and one cash machine per city, two merchants of each other kind: no pool is empty.
    kinds = np.concatenate([np.zeros(n_cities), np.ones(n_cities), [2, 2, 3, 3]]).astype(np.int64)
    rest = n - len(kinds)
    kind = np.concatenate([kinds, rng.choice(4, size=rest, p=[0.68, 0.08, 0.22, 0.02])])
    anywhere = rng.choice(n_cities, size=4 + rest, p=_weights(cities))
    city = np.concatenate([every, every, anywhere])
    # Numbers are handed out at random, so that a merchant's id tells nothing about it.
    shuffled = rng.permutation(n)
    kind, city = kind[shuffled], city[shuffled]
    popularity: Floats = np.power(1.0 + rng.permutation(n), -_POPULARITY_EXPONENT)
    category = _draw_categories(kind, rng)
    prices = np.array([c.price_eur for c in CATEGORIES]) / _TYPICAL_PRICE_EUR
    radius = _CITY_RADIUS_KM * np.sqrt(rng.random(n)) / _KM_PER_DEGREE
    angle = rng.uniform(0, 2 * np.pi, n)
    centre_lat = np.array([c.latitude for c in cities])[city]
    centre_lon = np.array([c.longitude for c in cities])[city]
    east = radius * np.sin(angle) / np.cos(np.radians(centre_lat))
    return Merchants(
        city=city,
        category=category,
        price=(prices[category] * rng.lognormal(0.0, 0.25, n)) ** _PRICE_PULL,
        latitude=np.round(centre_lat + radius * np.cos(angle), 4),
        longitude=np.round(centre_lon + east, 4),
        pools=Pools.of(kind, city, popularity, n_cities),
    )


def _draw_categories(kind: Ints, rng: np.random.Generator) -> Ints:
    category = np.zeros(len(kind), dtype=np.int64)
    for number, sold in enumerate(("till", "cash", "online", "new")):
        choices = [i for i, c in enumerate(CATEGORIES) if c.sold == sold]
        weight = np.array([CATEGORIES[i].weight for i in choices])
        chosen = kind == number
        category[chosen] = rng.choice(choices, size=int(chosen.sum()), p=weight / weight.sum())
    return category


def _draw_customers(
    config: SimulatorConfig,
    cities: tuple[City, ...],
    merchants: Merchants,
    rng: np.random.Generator,
) -> Customers:
    n, pools = config.n_customers, merchants.pools
    city = rng.choice(len(cities), size=n, p=_weights(cities))
    likes = rng.random((n, len(CATEGORIES))) < 0.4
    tills = _draw_favourites(pools.till(city), _TILL_SLOTS, likes, merchants, rng)
    shops = _draw_favourites(pools.online(n), _ONLINE_SLOTS, likes, merchants, rng)
    median_eur = rng.lognormal(np.log(24.0), 0.5, n)
    pull = np.log(merchants.price[np.hstack([tills, shops])]).mean(axis=1)
    activity = rng.gamma(2.0, 1.0, n) + 0.05
    # One in ten works nights: an unusual hour is unusual for a card, not for the world.
    wake_h = np.where(rng.random(n) < 0.1, 14.0, 7.0) + rng.normal(0.0, 1.0, n)
    return Customers(
        city=city,
        median_eur=median_eur,
        habit_eur=median_eur * np.exp(pull),
        spread=rng.uniform(0.35, 0.7, n),
        payments_per_day=config.payments_per_customer_per_day * activity / activity.mean(),
        wake_h=wake_h,
        awake_h=rng.uniform(14.5, 17.0, n),
        online_share=rng.beta(3.0, 5.0, n),
        cash_share=rng.uniform(0.02, 0.1, n),
        tills=tills,
        shops=shops,
        cash_machine=pools.draw(pools.cash(city), rng.random(n)),
    )


def _draw_favourites(
    pool: Ints, slots: int, likes: Flags, merchants: Merchants, rng: np.random.Generator
) -> Ints:
    """Return ``slots`` merchants per customer, by popularity, preferring categories it likes."""
    n, tries = len(pool), 3
    repeated = np.repeat(pool, slots * tries)
    drawn = merchants.pools.draw(repeated, rng.random(len(repeated))).reshape(n, slots, tries)
    liked = np.take_along_axis(likes, merchants.category[drawn].reshape(n, -1), axis=1)
    first_liked = liked.reshape(n, slots, tries).argmax(axis=2)
    return np.asarray(np.take_along_axis(drawn, first_liked[..., None], axis=2)[..., 0])
