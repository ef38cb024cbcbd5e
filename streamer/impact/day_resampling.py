"""Intervals of means over days, by drawing days with replacement.

A budget is spent by the day and its value is a sum over days, so days are what is drawn: cards drawn
instead would change who is among a day's highest.  Days are not independent: fraud lasts for days, and
weekends differ.  Whole weeks are drawn therefore, beginning on any day and going round the end
(circular block bootstrap; Politis and Romano 1992).

Few weeks vary less among themselves than weeks do.  With m of them the ends of an interval are the
quantiles Φ(∓ √(m / (m - 1)) t_{m-1}) of the draws, t being Student's at 97.5%, in place of 2.5% and
97.5% (expanded percentile interval; Hesterberg 2015).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from streamer.arrays import Floats

__all__ = ["LEAST_DAYS", "N_RESAMPLES", "ends_of", "quantile_of", "resampled_means"]

LEAST_DAYS: Final = 28
"""With fewer there is no interval: four weeks are the fewest that show how weeks differ."""
N_RESAMPLES: Final = 1_000
_WEEK: Final = 7
_Z: Final = 1.959964


def resampled_means(
    values: Floats, rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> Floats:
    """Return means over days of ``values`` (n_days, k) in each draw, (n_resamples, k).

    There must be a day.
    """
    n_days = len(values)
    firsts = rng.integers(0, n_days, (n_resamples, -(-n_days // _WEEK)))
    drawn = (firsts[:, :, None] + np.arange(_WEEK)).reshape(n_resamples, -1)[:, :n_days] % n_days
    times = np.zeros((n_resamples, n_days))
    np.add.at(times, (np.arange(n_resamples)[:, None], drawn), 1.0 / n_days)
    return np.asarray(times @ values)


def ends_of(means: Floats, n_days: int) -> Floats:
    """Return both ends of the 95% interval of each column of ``means`` (n_resamples, k), (2, k).

    ``n_days`` are at least `LEAST_DAYS`.
    """
    low = quantile_of(n_days / _WEEK)
    return np.asarray(np.quantile(means, (low, 1.0 - low), axis=0))


def quantile_of(n_blocks: float) -> float:
    """Return which quantile of the draws is the lower end with so many weeks.

    Student's t is by its expansion in 1 / v (Abramowitz and Stegun 1964, 26.7.5): 2.20 of 11 degrees.

    >>> round(quantile_of(12.0), 4), round(quantile_of(1e9), 4)
    (0.0108, 0.025)
    """
    v, z = n_blocks - 1.0, _Z
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v * v)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return NormalDist().cdf(-math.sqrt(n_blocks / v) * t)
