"""Where each feature's values lie: one histogram per feature, additive, so that it merges.

A bin is as wide as the feature's spread floor, the smallest deviation that the model takes seriously;
the bins of values are centred on zero, and the ends take what lies beyond.  The first bin counts
payments in which the feature was not known: that a producer stopped sending coordinates is drift too.

Amounts are counted relative to the first usual amount that was known of their currency.  Relative to
the current one, which follows prices, inflation would move no bin.

Invariant: every row of the histograms has the same weight, that of all payments counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled

__all__ = [
    "N_FEATURE_BINS",
    "UNKNOWN",
    "bin_centers",
    "bin_edges",
    "count_features",
    "count_rows",
    "first_currency_means",
    "value_bin",
]


UNKNOWN: Final = 0
"""The bin of payments in which the feature was not known."""
_N_VALUE_BINS: Final = 64
N_FEATURE_BINS: Final = 1 + _N_VALUE_BINS
_ZERO: Final = 1 + _N_VALUE_BINS // 2


def count_features(
    histograms: Floats,
    X: Floats,
    currencies: Integers,
    currency_means: Floats,
    spread_floors: Sequence[float] | Floats,
) -> None:
    """Add the rows of X to ``histograms`` (IN/OUT, (n_features, N_FEATURE_BINS)).

    ``X`` IN (n, n_features) with NaN for what is not known; column 0 is ln amount in the payment's own
    currency.  ``currency_means`` (c,) are the usual ln amounts that amounts are counted against, 0
    where none is known yet: such an amount counts as not known.
    """
    count_rows(histograms, X, currencies, currency_means, np.asarray(spread_floors))


@compiled
def count_rows(
    histograms: Floats, X: Floats, currencies: Integers, currency_means: Floats, floors: Floats
) -> None:
    """Do as `count_features` does."""
    for i in range(len(X)):
        usual = currency_means[currencies[i]]
        amount = math.nan if usual == 0.0 else X[i, 0] - usual
        histograms[0, value_bin(amount, floors[0])] += 1.0
        for j in range(1, len(floors)):
            histograms[j, value_bin(X[i, j], floors[j])] += 1.0


@compiled
def value_bin(value: float, spread_floor: float) -> int:
    """Return the bin of a value, `UNKNOWN` where it is NaN.

    >>> [value_bin(value, 0.5) for value in (math.nan, -math.inf, -0.1, 0.0, 0.5, 1e9)]
    [0, 1, 32, 33, 34, 64]
    """
    if math.isnan(value):
        return UNKNOWN
    # Clipped before it is divided: what is beyond a float lies beyond the last bin as well.
    reach = _ZERO * spread_floor
    clipped = min(max(value, -reach), reach)
    return int(min(max(clipped / spread_floor + _ZERO, 1.0), float(_N_VALUE_BINS)))


def bin_centers(spread_floor: float | Floats) -> Floats:
    """Return the middle of each bin of values, without the first bin: shape (N_FEATURE_BINS - 1,).

    Of several features at once where ``spread_floor`` is (n, 1).

    >>> centers = bin_centers(0.5)
    >>> float(centers[0]), float(centers[32]), float(centers[-1])
    (-15.75, 0.25, 15.75)
    """
    return np.asarray((np.arange(_N_VALUE_BINS) - _N_VALUE_BINS // 2 + 0.5) * spread_floor)


def bin_edges(spread_floor: float) -> Floats:
    """Return where the bins of values begin, and where the last one ends: (N_FEATURE_BINS,).

    >>> edges = bin_edges(0.5)
    >>> float(edges[0]), float(edges[32]), float(edges[-1])
    (-16.0, 0.0, 16.0)
    """
    return np.asarray((np.arange(N_FEATURE_BINS) - _N_VALUE_BINS // 2) * spread_floor)


def first_currency_means(first: Floats, means: Floats) -> Floats:
    """Return ``first`` with the means of currencies that have become known since; 0 marks unknown.

    >>> first_currency_means(np.array([3.0, 0.0, 0.0]), np.array([3.5, 2.0, np.nan])).tolist()
    [3.0, 2.0, 0.0]
    """
    # A usual amount of exactly 1.00 has the logarithm 0 and is known all the same.
    known = np.where(means == 0.0, np.finfo(float).tiny, np.nan_to_num(means, nan=0.0))
    return np.where(first == 0.0, known, first)
