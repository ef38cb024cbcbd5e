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
    "LOSS_EXCESS",
    "N_BINS",
    "distance_position",
    "distribution_of",
    "log2_at",
    "log_losses_at",
    "loss_position",
    "places_below",
    "position",
    "share_below",
]


_LOWEST: Final = -8.0
_HIGHEST: Final = 24.0
_PER_OCTAVE: Final = 32
N_BINS: Final = int((_HIGHEST - _LOWEST) * _PER_OCTAVE)
_SMALLEST: Final = 2.0**_LOWEST
_LAST: Final = math.nextafter(N_BINS, 0)
# An eighth of an octave, for a tail of which next to nothing is known.
_LEAST_EXCESS: Final = 4.0
LOSS_EXCESS: Final = 16.0
"""The same of losses, an octave: amounts have long tails, and someone who sends cents for euros moves
all of them by seven."""
# Losses have bins of twice that width, from 2^-24 to 2^40 units of the reference currency.
_LOSS_OCTAVES: Final = 0.5
_LOSS_MIDDLE: Final = 4.0
_LOG2_E: Final = math.log2(math.e)


@compiled
def position(log2_value: float) -> float:
    """Return where on the bins a value lies, in [0, N_BINS); beyond the ends, at the end."""
    return min(max((log2_value - _LOWEST) * _PER_OCTAVE, 0.0), _LAST)


@compiled
def distance_position(distance_sq: float) -> float:
    """Return the `position` of a squared distance.

    >>> [int(distance_position(value)) for value in (0.0, 2.0**-8, 1.0, 2.0**30)]
    [0, 0, 256, 1023]
    """
    return position(math.log2(max(distance_sq, _SMALLEST)))


@compiled
def loss_position(log_loss: float) -> float:
    """Return the `position` of a loss whose ln this is.

    >>> [int(loss_position(math.log(loss))) for loss in (2.0**-24, 1.0, 4.0)]
    [0, 384, 416]
    """
    return position(log_loss * _LOG2_E * _LOSS_OCTAVES + _LOSS_MIDDLE)


def log_losses_at(places: Floats) -> Floats:
    """Return the ln of the loss whose `loss_position` each of ``places`` (n,) is."""
    return np.asarray((log2_at(places) - _LOSS_MIDDLE) / (_LOSS_OCTAVES * _LOG2_E))


def distribution_of(
    histogram: Floats, tail_share: float = 0.0, least_excess: float = _LEAST_EXCESS
) -> Floats:
    """Return the share of the weight below each edge of the bins, (N_BINS + 1,); 0 when it is empty.

    Beyond the last edge that has ``tail_share`` above it, the share above falls exponentially, with
    the mean excess m of what lies there, ``least_excess`` at least: by m / (1 + m) a bin.  So a score
    that is above all recent ones has a place among its like.
    """
    below = np.append(0.0, np.cumsum(histogram))
    total = below[-1]
    if total <= 0:
        return below
    below /= total
    if tail_share > 0:
        last = int(np.count_nonzero(1.0 - below >= tail_share)) - 1
        tail = histogram[last:]
        excess = max(float(tail @ (np.arange(len(tail)) + 0.5) / tail.sum()), least_excess)
        ratios = np.full(N_BINS - last, excess / (1.0 + excess))
        below[last + 1 :] = 1.0 - (1.0 - below[last]) * np.multiply.accumulate(ratios)
    return below


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


def places_below(distribution: Floats, shares: Floats) -> Floats:
    """Return the `position` below which each of ``shares`` (n,) of the weight lies, shape (n,).

    Infinity where the distribution is empty.

    >>> histogram = np.zeros(N_BINS); histogram[256] = 1.0; histogram[288] = 1.0
    >>> places_below(distribution_of(histogram), np.array([0.25, 0.75])).tolist()
    [256.5, 288.5]
    """
    if distribution[-1] <= 0:
        return np.full(len(shares), np.inf)
    index = np.clip(np.searchsorted(distribution, shares, side="left") - 1, 0, N_BINS - 1)
    before, inside = distribution[index], distribution[index + 1] - distribution[index]
    fractions = np.where(inside > 0, (shares - before) / np.maximum(inside, 1e-300), 0.0)
    return np.asarray(index + np.clip(fractions, 0.0, 1.0))


def log2_at(places: Floats) -> Floats:
    """Return log2 of the value at each `position` (n,)."""
    return np.asarray(_LOWEST + places / _PER_OCTAVE)
