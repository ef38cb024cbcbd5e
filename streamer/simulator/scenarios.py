"""The fraud patterns that reviewers know, each a function from a scene to one episode's payments.

A scene is one event-day: its genuine payments, the cards nobody has stolen yet, the price level.
An episode may reach into later days; the caller keeps those rows until their day comes.

``compromised_merchant`` adds no payments: it marks genuine ones, so that nothing but the label
differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from streamer.arrays import Flags, Floats, Integers
from streamer.durations import DAY_MS, HOUR_MS, MINUTE_MS
from streamer.simulator.traffic import time_of_local_hour
from streamer.simulator.working_rows import ATM, ECOMMERCE, POS, Rows, draw_missing, make_rows
from streamer.simulator.world import World
from streamer.simulator.world_tables import distance_km

__all__ = ["FRAUD_PATTERNS", "PATTERN_NAMES", "Episode", "FraudPattern", "Scene"]

Ints = Integers

# 2,500 km within 75 minutes is 2,000 km/h; an airliner does 900.
_FAR_KM: Final = 2_500.0


@dataclass(frozen=True)
class Scene:
    """One event-day on which an episode may start; ``free`` marks cards that may be stolen."""

    world: World
    start_ms: int
    price_level: float
    genuine: Rows
    free: Flags
    at_home: Flags

    def steal(self, rng: np.random.Generator) -> int | None:
        """Return a free card, busy ones more likely, or None if all were stolen."""
        chance = np.where(self.free, self.world.customers.payments_per_day, 0.0)
        return int(rng.choice(len(chance), p=chance / chance.sum())) if chance.any() else None

    def multiples_of_habit(self, card: int, factor: Floats, money: Ints) -> Floats:
        """Return amounts that are ``factor`` times the card's habit at today's prices."""
        eur = self.world.customers.habit_eur[card] * self.price_level * factor
        return self.world.price(eur, money)

    def fraud(self, name: str, rng: np.random.Generator, n: int, **columns: ArrayLike) -> Rows:
        """Return ``n`` fraudulent rows of the named pattern."""
        pattern = PATTERN_NAMES.index(name) + 1
        missing = draw_missing(n, rng)
        return make_rows(n, pattern=pattern, missing=missing, **columns)


Episode = Callable[[Scene, np.random.Generator], Rows | None]
"""Draws one episode's payments, of one card or several; None where no card is left to steal."""


@dataclass(frozen=True)
class FraudPattern:
    """What a fraud looks like, and whether a model without labels has a fair chance to see it.

    ``episode`` makes its payments, ``mean_size`` of them on average; None where genuine ones are marked
    instead (`schedule`).  Of what lasts for days, half its mean length, ``outstanding_days``, is still
    to come at any time.
    """

    name: str
    description: str
    visible_without_labels: bool
    episode: Episode | None = None
    mean_size: float = 0.0
    outstanding_days: float = 0.0


def card_testing(scene: Scene, rng: np.random.Generator) -> Rows | None:
    """Return 8 to 20 payments of 0.40 to 2.50 EUR within 8 minutes at one online merchant."""
    card = scene.steal(rng)
    if card is None:
        return None
    n = int(rng.integers(8, 21))
    world, home = scene.world, scene.world.customers.city[card]
    first_ms = scene.start_ms + int(rng.integers(0, DAY_MS))
    span_ms = rng.uniform(2, 8) * MINUTE_MS
    money = np.full(n, world.money[home])
    return scene.fraud(
        "card_testing",
        rng,
        n,
        time_ms=first_ms + np.sort(rng.integers(0, int(span_ms), n)),
        customer=card,
        merchant=_online(world, rng),
        amount=world.price(rng.uniform(0.4, 2.5, n), money),
        money=money,
        utc_offset_min=world.utc_offset_min[home],
        channel=ECOMMERCE,
    )


def spending_spree(scene: Scene, rng: np.random.Generator) -> Rows | None:
    """Return 5 to 15 payments of 4 to 10 times the habit within 6 hours, at new merchants."""
    card = scene.steal(rng)
    if card is None:
        return None
    n = int(rng.integers(5, 16))
    world, habits = scene.world, scene.world.customers
    home, pools = habits.city[card], scene.world.merchants.pools
    # Either the number was stolen, or the card itself and then it is used in its own city.
    tills = np.setdiff1d(pools.members(int(home)), habits.tills[card])
    shops = np.setdiff1d(pools.members(pools.new - 1), habits.shops[card])
    in_town = len(tills) > 0 and (rng.random() < 0.4 or len(shops) == 0)
    merchants = tills if in_town else shops if len(shops) else pools.members(pools.new - 1)
    span_ms = int(rng.uniform(2, 6) * HOUR_MS)
    money = np.full(n, world.money[home])
    return scene.fraud(
        "spending_spree",
        rng,
        n,
        time_ms=scene.start_ms + rng.integers(0, DAY_MS) + np.sort(rng.integers(0, span_ms, n)),
        customer=card,
        merchant=rng.choice(merchants, n),
        amount=scene.multiples_of_habit(card, rng.uniform(4, 10, n), money),
        money=money,
        utc_offset_min=world.utc_offset_min[home],
        channel=POS if in_town else ECOMMERCE,
    )


def impossible_travel(scene: Scene, rng: np.random.Generator) -> Rows | None:
    """Return 1 to 3 payments 2,500 km or more from home, 15 to 75 minutes after one at home."""
    genuine, world = scene.genuine, scene.world
    possible = scene.free & scene.at_home
    seen = np.isin(genuine["channel"], (POS, ATM)) & possible[genuine["customer"]]
    if not seen.any():
        return None
    before = genuine[rng.choice(np.flatnonzero(seen))]
    card, n = int(before["customer"]), int(rng.integers(1, 4))
    city = int(rng.choice(_far_cities(world, int(world.customers.city[card]))))
    gaps_min = np.concatenate([rng.uniform(15, 75, 1), rng.uniform(3, 20, n - 1)])
    money = np.full(n, world.money[city])
    tills = np.full(n, city)
    return scene.fraud(
        "impossible_travel",
        rng,
        n,
        time_ms=before["time_ms"] + (np.cumsum(gaps_min) * MINUTE_MS).astype(np.int64),
        customer=card,
        merchant=world.merchants.pools.draw(tills, rng.random(n)),
        amount=scene.multiples_of_habit(card, rng.uniform(0.8, 3, n), money),
        money=money,
        utc_offset_min=world.utc_offset_min[city],
        channel=POS,
    )


def slow_drain(scene: Scene, rng: np.random.Generator) -> Rows | None:
    """Return a payment a day for 7 to 14 days, 2 to 3 times the habit, often in sleeping hours."""
    card = scene.steal(rng)
    if card is None:
        return None
    n = int(rng.integers(7, 15))
    world, habits = scene.world, scene.world.customers
    home = habits.city[card]
    asleep_h = habits.wake_h[card] - rng.uniform(0.5, 24 - habits.awake_h[card], n)
    awake_h = habits.wake_h[card] + rng.uniform(0, habits.awake_h[card], n)
    hour = np.where(rng.random(n) < 2 / 3, asleep_h, awake_h) % 24
    offset_min = np.full(n, world.utc_offset_min[home])
    first_ms = time_of_local_hour(scene.start_ms, hour, offset_min)
    money = np.full(n, world.money[home])
    return scene.fraud(
        "slow_drain",
        rng,
        n,
        time_ms=first_ms + np.arange(n) * DAY_MS,
        customer=card,
        merchant=rng.choice([_online(world, rng), _online(world, rng)], n),
        amount=scene.multiples_of_habit(card, rng.uniform(2, 3, n), money),
        money=money,
        utc_offset_min=offset_min,
        channel=ECOMMERCE,
    )


def _far_cities(world: World, home: int) -> Ints:
    latitude = np.array([city.latitude for city in world.cities])
    longitude = np.array([city.longitude for city in world.cities])
    here = slice(home, home + 1)
    away_km = distance_km(latitude[here], longitude[here], latitude, longitude)
    return np.flatnonzero(away_km > _FAR_KM)


def _online(world: World, rng: np.random.Generator) -> int:
    pools = world.merchants.pools
    return int(pools.draw(pools.online(1), rng.random(1))[0])


FRAUD_PATTERNS: Final[dict[str, FraudPattern]] = {
    pattern.name: pattern
    for pattern in (
        FraudPattern(
            "card_testing",
            "A stolen card is tried out: 8 to 20 payments below 2.50 euros within 8 minutes at one "
            "online merchant. The pace and the tiny amounts show it.",
            visible_without_labels=True,
            episode=card_testing,
            mean_size=14.0,
        ),
        FraudPattern(
            "spending_spree",
            "A stolen card is emptied: 5 to 15 payments of 4 to 10 times its habit within 6 hours, "
            "at merchants it does not favour. The amounts and the pace show it.",
            visible_without_labels=True,
            episode=spending_spree,
            mean_size=10.0,
        ),
        FraudPattern(
            "compromised_merchant",
            "Four in five payments at one merchant turn out fraudulent over 14 to 28 days. They "
            "are ordinary payments in every field, so only verdicts on earlier ones can show it.",
            visible_without_labels=False,
            outstanding_days=10.5,
        ),
        FraudPattern(
            "impossible_travel",
            "A cloned card pays 1 to 3 times in a city 2,500 km away or more, beginning 15 to 75 "
            "minutes after a genuine payment at a till at home. Place against time shows it.",
            visible_without_labels=True,
            episode=impossible_travel,
            mean_size=2.0,
        ),
        FraudPattern(
            "slow_drain",
            "One online payment a day over 7 to 14 days, 2 to 3 times the card's habit, two thirds "
            "of them while its owner sleeps. Single amounts stay within the card's usual spread "
            "(hardly any beyond the 99th percentile of genuine ones); only a model that knows each "
            "card's own hours finds about half, so it counts as not visible.",
            visible_without_labels=False,
            episode=slow_drain,
            mean_size=10.5,
            outstanding_days=5.25,
        ),
    )
}
PATTERN_NAMES: Final = tuple(FRAUD_PATTERNS)
