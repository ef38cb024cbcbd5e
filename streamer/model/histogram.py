"""A fixed-bin histogram of squared distances on a logarithmic scale: additive, so it merges.

Bins are 1/32 of an octave wide, 2.2% of the value, from 2^-8 to 2^24.  Quantiles and ranks are
interpolated linearly in log2 within a bin.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.compiled import compiled

__all__ = [
    "N_BINS",
    "bin_of",
    "distance_position",
    "distribution_of",
    "histogram_of",
    "position",
    "quantile",
    "quantiles",
    "share_below",
]


_LOWEST: Final = -8.0
_HIGHEST: Final = 24.0
_PER_OCTAVE: Final = 32
N_BINS: Final = int((_HIGHEST - _LOWEST) * _PER_OCTAVE)
_SMALLEST: Final = 2.0**_LOWEST
_LAST: Final = math.nextafter(N_BINS, 0)


@compiled
def position(log2_value: float) -> float:
    """Return where on the bins a value lies, in [0, N_BINS); beyond the ends, at the end."""
    return min(max((log2_value - _LOWEST) * _PER_OCTAVE, 0.0), _LAST)


@compiled
def distance_position(distance_sq: float) -> float:
    """Return the `position` of a squared distance."""
    return position(math.log2(max(distance_sq, _SMALLEST)))


@compiled
def bin_of(distance_sq: float) -> int:
    """Return the bin of a squared distance.

    >>> [bin_of(value) for value in (0.0, 2.0**-8, 1.0, 2.0**30)]
    [0, 0, 256, 1023]
    """
    return int(distance_position(distance_sq))


@compiled
def histogram_of(distances_sq: Floats) -> Floats:
    """Return how many of ``distances_sq`` (n,) lie in each bin, shape (N_BINS,)."""
    histogram = np.zeros(N_BINS)
    for i in range(len(distances_sq)):
        histogram[bin_of(distances_sq[i])] += 1.0
    return histogram


def distribution_of(histogram: Floats) -> Floats:
    """Return the share of the weight below each edge of the bins, (N_BINS + 1,); 0 when it is empty."""
    below = np.append(0.0, np.cumsum(histogram))
    return below / below[-1] if below[-1] > 0 else below


@compiled
def share_below(distribution: Floats, place: float) -> float:
    """Return the share of the weight below a `position`, in [0, 1].

    >>> histogram = np.zeros(N_BINS); histogram[256] = 2.0
    >>> [share_below(distribution_of(histogram), place) for place in (224.0, 256.5, 304.0)]
    [0.0, 0.5, 1.0]
    """
    index = int(place)
    below, above = distribution[index], distribution[index + 1]
    share: float = below + (place - index) * (above - below)
    return min(share, 1.0)


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
