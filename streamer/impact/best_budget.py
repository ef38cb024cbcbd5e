"""The budget with the highest value, how sure that is, and which others are as good.

Of the values V(k) of a day at each budget k of a grid, means over days, the highest is at k*.  The
highest of several means is too high on average, by what the data chose it for.  In draws of days b,

    optimism = mean over b of V_b(k_b*) - V(k_b*)

(Efron 1983), k_b* being the best of the draw: V(k*) less that is what to expect.  k_b* also has an
interval; but as a curve is flat at its top, more is said by the budgets that are *as good*: those whose
V(k*) - V(k), in the same draws, may be 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamer.arrays import Floats
from streamer.impact.day_resampling import LEAST_DAYS, ends_of, resampled_means

__all__ = ["Best", "Curve", "curve_of"]

Interval = tuple[float, float]


class Best(NamedTuple):
    """``budget`` has the highest ``value`` a day; intervals of 95%, None with too few days.

    ``expected`` is the value less the optimism of having chosen it, ``as_good`` the least and the
    largest budget that may be worth as much.
    """

    budget: float
    value: float
    interval: Interval | None
    expected: float | None
    budget_interval: Interval | None
    as_good: Interval | None
    is_at_end: bool


class Curve(NamedTuple):
    """Values a day at each budget of ``grid`` (k,), with the ends of their intervals (2, k), None with
    too few days, and the best."""

    grid: Floats
    values: Floats
    ends: Floats | None
    best: Best
    n_days: int


def curve_of(grid: Floats, by_day: Floats, rng: np.random.Generator) -> Curve:
    """Return the curve of ``by_day`` (n_days, k), the values of each day at the budgets of ``grid``.

    There must be a day.
    """
    values = by_day.mean(axis=0)
    at = int(values.argmax())
    is_at_end = at == len(grid) - 1
    budget, value = float(grid[at]), float(values[at])
    if len(by_day) < LEAST_DAYS:
        best = Best(budget, value, None, None, None, None, is_at_end)
        return Curve(grid, values, None, best, len(by_day))
    drawn = resampled_means(by_day, rng)
    chosen = drawn.argmax(axis=1)
    optimism = float((drawn[np.arange(len(drawn)), chosen] - values[chosen]).mean())
    ends = ends_of(drawn, len(by_day))
    low, high = ends[:, at].tolist()
    of_budget = ends_of(grid[chosen][:, None], len(by_day))[:, 0].tolist()
    lags = ends_of(drawn[:, [at]] - drawn, len(by_day))[0]
    as_good = grid[lags <= 0.0]
    best = Best(
        budget,
        value,
        (low, high),
        value - optimism,
        (of_budget[0], of_budget[1]),
        (float(as_good.min()), float(as_good.max())),
        is_at_end,
    )
    return Curve(grid, values, ends, best, len(by_day))
