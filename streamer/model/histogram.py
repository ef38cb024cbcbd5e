"""A fixed-bin histogram of squared distances on a logarithmic scale: additive, so it merges.

Bins are 1/32 of an octave wide, 2.2% of the value, from 2^-8 to 2^24.  Quantiles and ranks are
interpolated linearly in log2 within a bin.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_BINS", "bin_of", "quantile", "quantiles", "share_below"]

Floats = NDArray[np.float64]

_LOWEST: Final = -8.0
_HIGHEST: Final = 24.0
_PER_OCTAVE: Final = 32
N_BINS: Final = int((_HIGHEST - _LOWEST) * _PER_OCTAVE)
_SMALLEST: Final = 2.0**_LOWEST


def _position(distances_sq: Floats) -> Floats:
    """Return where on the bins a value lies, in [0, N_BINS)."""
    position = (np.log2(np.maximum(distances_sq, _SMALLEST)) - _LOWEST) * _PER_OCTAVE
    return np.asarray(np.minimum(position, np.nextafter(N_BINS, 0)))


def bin_of(distances_sq: Floats) -> NDArray[np.int64]:
    """Return the bin of each value; values beyond the ends fall into the first or last bin.

    >>> bin_of(np.array([0.0, 2.0**-8, 1.0, 2.0**30])).tolist()
    [0, 0, 256, 1023]
    """
    return _position(distances_sq).astype(np.int64)


def share_below(histogram: Floats, distances_sq: Floats) -> Floats:
    """Return the share of the histogram's weight below each value, in [0, 1]; 0 when it is empty.

    >>> histogram = np.zeros(N_BINS); histogram[256] = 2.0
    >>> share_below(histogram, np.array([0.5, 2 ** (1 / 64), 3.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    total = histogram.sum()
    if total <= 0:
        return np.zeros_like(distances_sq)
    position = _position(distances_sq)
    index = position.astype(np.int64)
    below = np.concatenate([[0.0], np.cumsum(histogram)])
    share: Floats = (below[index] + (position - index) * histogram[index]) / total
    return np.clip(share, 0.0, 1.0)


def quantile(histogram: Floats, share: float) -> float:
    """Return the value with ``share`` of the weight below it; infinity when the histogram is empty.

    >>> histogram = np.zeros(N_BINS); histogram[256] = 1.0; histogram[288] = 1.0
    >>> quantile(histogram, 0.5) == 2 ** (1 / 32), quantile(histogram, 0.75) == 2 ** (65 / 64)
    (True, True)
    """
    return float(quantiles(histogram, np.array([share]))[0])


def quantiles(histogram: Floats, shares: Floats) -> Floats:
    """Return `quantile` of each of ``shares`` (n,), shape (n,)."""
    cumulative = np.cumsum(histogram)
    total = cumulative[-1]
    if total <= 0:
        return np.full(len(shares), np.inf)
    index = np.searchsorted(cumulative, shares * total, side="left")
    index = np.minimum(index, N_BINS - 1)
    inside = histogram[index]
    before = cumulative[index] - inside
    fractions = np.where(inside > 0, (shares * total - before) / np.maximum(inside, 1e-300), 0.0)
    return np.asarray(2.0 ** (_LOWEST + (index + fractions) / _PER_OCTAVE))
