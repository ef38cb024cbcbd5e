"""A number in [0, 1) for each offset: a draw that everybody repeats alike."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["uniform_hash"]

_UNIT: Final = 2.0**-53


def uniform_hash(offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return splitmix64 of each offset (Steele, Lea and Flood, 2014), scaled to [0, 1).

    >>> uniform_hash(np.array([0, 1, 2])).round(3).tolist()
    [0.883, 0.432, 0.026]
    """
    z = offsets.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * _UNIT)
