"""From log-odds to a probability that means what it says: isotonic, over verdicts of late.

Odds that learned with few verdicts, or in a time with more fraud, rank well and say the wrong share.
So what was learned of a payment is counted by the log-odds that it had under the version that learned,
before that, and the share of frauds is made to rise with them (Ayer and others 1955, "pool adjacent
violators").  Between bins the log-odds of that share are interpolated; in each bin one payment is as
the odds say.  Only what is told follows it: the odds rank as they are.

Invariants:
* The counts decay and merge like everything else that is learned.
* A probability never falls as the log-odds rise.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.compiled import compiled

__all__ = [
    "MIDDLES",
    "N_CALIBRATION_BINS",
    "PER_UNIT",
    "calibrated",
    "calibration_bin",
    "calibration_place",
    "pooled",
    "probabilities",
]

_LOWEST: Final = -12.0
PER_UNIT: Final = 2
N_CALIBRATION_BINS: Final = 2 * int(-_LOWEST) * PER_UNIT
MIDDLES: Final = _LOWEST + (np.arange(N_CALIBRATION_BINS) + 0.5) / PER_UNIT
# What the odds say themselves has the weight of so many payments in a bin.
_BELIEVED: Final = 1.0
_LARGEST: Final = -_LOWEST


@compiled
def calibration_bin(log_odds: float) -> int:
    """Return the bin of log-odds, half a unit wide.

    >>> [calibration_bin(log_odds) for log_odds in (-20.0, -11.6, 0.0, 0.4, 12.0)]
    [0, 0, 24, 24, 47]
    """
    place = (log_odds - _LOWEST) * PER_UNIT
    return int(min(max(place, 0.0), N_CALIBRATION_BINS - 1.0))


@compiled
def calibration_place(log_odds: float) -> float:
    """Return where log-odds lie between the middles of bins: 0 at the first."""
    return (log_odds - _LOWEST) * PER_UNIT - 0.5


def pooled(shares: Floats, weights: Floats) -> Floats:
    """Return the nearest shares (n,) that never fall, by ``weights`` (n,), all above 0.

    >>> pooled(np.array([0.1, 0.3, 0.1, 0.9]), np.array([1.0, 1.0, 3.0, 1.0])).round(3).tolist()
    [0.1, 0.15, 0.15, 0.9]
    """
    # Weight, weighted sum and length of each stretch of one share.
    stretches: list[tuple[float, float, int]] = []
    for share, weight in zip(shares.tolist(), weights.tolist(), strict=True):
        stretch = weight, weight * share, 1
        while stretches and stretches[-1][1] / stretches[-1][0] >= stretch[1] / stretch[0]:
            before = stretches.pop()
            stretch = before[0] + stretch[0], before[1] + stretch[1], before[2] + stretch[2]
        stretches.append(stretch)
    values = [total / weight for weight, total, _ in stretches]
    return np.repeat(values, [length for _, _, length in stretches])


def calibrated(counts: Floats) -> Floats:
    """Return the log-odds that are told at the middle of each bin, (n_bins,).

    ``counts`` (2, n_bins) are the weights of what was learned as legitimate and as fraud.  Where
    nothing was learned they are those of the odds.
    """
    legitimate, frauds = np.maximum(counts, 0.0)
    prior = 1.0 / (1.0 + np.exp(-MIDDLES))
    weights = legitimate + frauds + _BELIEVED
    shares = pooled((frauds + _BELIEVED * prior) / weights, weights)
    return np.clip(np.log(shares / (1.0 - shares)), _LOWEST, _LARGEST)


def probabilities(log_odds: Floats, told: Floats) -> Floats:
    """Return the probabilities of fraud at ``log_odds`` (n,); ``told`` is `calibrated`.

    >>> probabilities(np.zeros(1), calibrated(np.zeros((2, N_CALIBRATION_BINS)))).round(9).tolist()
    [0.5]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.interp(log_odds, MIDDLES, told))))
