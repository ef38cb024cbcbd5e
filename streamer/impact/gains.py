"""What alerts on a day's payments would be worth at each budget, and what those that went out were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.impact.prices import Prices

__all__ = ["PARTS", "Priced", "daily_parts", "places_within_days", "value_by_budget"]

PARTS = ("review_cost", "loss_caught", "loss_missed", "saved", "friction", "net")
"""What is told of a day in money; ``net`` is saved - friction - review cost."""


class Priced(NamedTuple):
    """n payments that are judged or labelled, all (n,).

    ``days`` are numbers from 0, ``places`` rise from what would alert first, ``weights`` are how many
    payments each stands for, ``amounts`` in one currency.  ``alerted`` is what reviewers got.
    """

    days: Integers
    places: Floats
    weights: Floats
    amounts: Floats
    frauds: Flags
    alerted: Flags


def places_within_days(days: Integers, scores: Floats) -> Floats:
    """Return the place of each payment (n,) by its score among those of its day, the highest 1.

    >>> places_within_days(np.array([0, 0, 1, 0]), np.array([0.1, 0.9, 0.5, 0.9]))
    array([3., 1., 1., 2.])
    """
    order = np.lexsort((-scores, days))
    places = np.empty(len(days))
    counts = np.bincount(days)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    places[order] = np.arange(len(days)) - firsts + 1.0
    return places


def value_by_budget(priced: Priced, prices: Prices, grid: Floats, n_days: int) -> Floats:
    """Return what alerts up to each place of ``grid`` (k,), which rises, would be worth by day.

    Shape (n_days, k).
    """
    gains = priced.weights * prices.gains(priced.amounts, priced.frauds)
    found = np.zeros((n_days, len(grid) + 1))
    np.add.at(found, (priced.days, np.searchsorted(grid, priced.places)), gains)
    return np.cumsum(found[:, :-1], axis=1)


def daily_parts(priced: Priced, prices: Prices, n_days: int) -> dict[str, Floats]:
    """Return `PARTS` of each day, (n_days,) each, of the alerts that went out."""
    days, weights, frauds, alerted = priced.days, priced.weights, priced.frauds, priced.alerted
    losses = priced.amounts * frauds

    def by_day(values: Floats) -> Floats:
        return np.bincount(days, weights * values, minlength=n_days).astype(float)

    parts = {
        "review_cost": by_day(prices.review * alerted.astype(float)),
        "loss_caught": by_day(losses * alerted),
        "loss_missed": by_day(losses * ~alerted),
        "saved": by_day(prices.saved(priced.amounts, frauds) * alerted),
        "friction": by_day(prices.friction(priced.amounts, frauds) * alerted),
    }
    return parts | {"net": parts["saved"] - parts["friction"] - parts["review_cost"]}
