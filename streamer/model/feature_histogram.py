"""Where each feature's values lie: one histogram per feature, additive, so that it merges.

A bin is as wide as the feature's spread floor, the smallest deviation that the model takes seriously;
the bins of values are centred on zero, and the ends take what lies beyond.  The first bin counts
payments in which the feature was not known: that a producer stopped sending coordinates is drift too.

Amounts are counted relative to the first usual amount that was known of their currency.  Relative to
the current one, which follows prices, inflation would move no bin.

Invariant: every row of the histograms has the same weight, that of all payments counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_FEATURE_BINS", "UNKNOWN", "bin_centers", "count_features", "first_currency_means"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNKNOWN: Final = 0
"""The bin of payments in which the feature was not known."""
_N_VALUE_BINS: Final = 64
N_FEATURE_BINS: Final = 1 + _N_VALUE_BINS
_ZERO: Final = 1 + _N_VALUE_BINS // 2
# An array of more than 128 KiB is mapped anew at every call, which takes longer than counting.
_SLICE: Final = 1_000


def count_features(
    histograms: Floats,
    X: Floats,
    currencies: Integers,
    currency_means: Floats,
    spread_floors: Sequence[float],
) -> None:
    """Add the rows of X to ``histograms`` (IN/OUT, (n_features, N_FEATURE_BINS)).

    ``X`` IN (n, n_features) with NaN for what is not known; column 0 is ln amount in the payment's own
    currency.  ``currency_means`` (c,) are the usual ln amounts that amounts are counted against, 0
    where none is known yet: such an amount counts as not known.
    """
    usual = currency_means[currencies]
    amounts = np.where(usual == 0.0, np.nan, X[:, 0] - usual)
    for first in range(0, len(X), _SLICE):
        rows = slice(first, first + _SLICE)
        _count(histograms, X[rows], amounts[rows], np.asarray(spread_floors))


def _count(histograms: Floats, X: Floats, amounts: Floats, floors: Floats) -> None:
    d = len(floors)
    # What is beyond a float lies beyond the last bin as well.
    with np.errstate(over="ignore"):
        position = X / floors
        position[:, 0] = amounts / floors[0]
    position += _ZERO
    np.clip(position, 1.0, float(_N_VALUE_BINS), out=position)
    # Of NaN and a number fmax takes the number: a tenth of what nan_to_num costs.
    np.fmax(position, float(UNKNOWN), out=position)
    position += np.arange(d) * float(N_FEATURE_BINS)
    counted = np.bincount(position.astype(np.intp).ravel(), minlength=d * N_FEATURE_BINS)
    histograms += counted.reshape(d, N_FEATURE_BINS)


def bin_centers(spread_floor: float) -> Floats:
    """Return the middle of each bin of values, without the first bin: shape (N_FEATURE_BINS - 1,).

    >>> centers = bin_centers(0.5)
    >>> float(centers[0]), float(centers[32]), float(centers[-1])
    (-15.75, 0.25, 15.75)
    """
    return np.asarray((np.arange(_N_VALUE_BINS) - _N_VALUE_BINS // 2 + 0.5) * spread_floor)


def first_currency_means(first: Floats, means: Floats) -> Floats:
    """Return ``first`` with the means of currencies that have become known since; 0 marks unknown.

    >>> first_currency_means(np.array([3.0, 0.0, 0.0]), np.array([3.5, 2.0, np.nan])).tolist()
    [3.0, 2.0, 0.0]
    """
    # A usual amount of exactly 1.00 has the logarithm 0 and is known all the same.
    known = np.where(means == 0.0, np.finfo(float).tiny, np.nan_to_num(means, nan=0.0))
    return np.where(first == 0.0, known, first)
