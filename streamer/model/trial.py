"""Are the odds better than the distance alone, on the verdicts of late?

For every verdict the ranks that both gave its payment, when it was scored, are counted in a histogram.
The average precision of both follows from the counts, so the comparison merges and decays too.
Ranks are binned by rarity, -log2(1 - rank), in quarters: bin 0 holds the lower 16% of traffic, every
fourth bin halves what is left above.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.compiled import compiled

__all__ = ["DISTANCE", "N_TRIAL_BINS", "ODDS", "average_precision", "rarity_bin"]


DISTANCE: Final = 0
ODDS: Final = 1
_PER_HALVING: Final = 4
N_TRIAL_BINS: Final = 20 * _PER_HALVING


@compiled
def rarity_bin(rank: float) -> int:
    """Return the bin of a rank in [0, 1].

    >>> [rarity_bin(rank) for rank in (0.0, 0.5, 0.75, 1.0)]
    [0, 4, 8, 79]
    """
    left = max(1.0 - rank, 2.0**-30)
    return min(int(-math.log2(left) * _PER_HALVING), N_TRIAL_BINS - 1)


def average_precision(legitimate: Floats, frauds: Floats) -> float:
    """Return the average precision of payments counted by bin, both IN (n_bins,), best bin last.

    Payments of one bin are taken at the precision that the whole bin is reached with; 0 without frauds.

    >>> average_precision(np.array([8.0, 1.0]), np.array([0.0, 1.0]))
    0.5
    """
    total = frauds.sum()
    if total <= 0:
        return 0.0
    hits, alarms = np.cumsum(frauds[::-1]), np.cumsum((frauds + legitimate)[::-1])
    precision = hits / np.maximum(alarms, 1e-12)
    return float((precision * frauds[::-1]).sum() / total)
