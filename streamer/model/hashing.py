"""A number in [0, 1) for each offset: a draw that everybody repeats alike."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled

__all__ = ["uniform_hash", "unit_hash"]

_UNIT: Final = 2.0**-53
_GOLDEN: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB
_WORD: Final = 0xFFFFFFFFFFFFFFFF


@compiled
def uniform_hash(offsets: Integers) -> Floats:
    """Return splitmix64 of each offset (Steele, Lea and Flood, 2014), scaled to [0, 1).

    >>> uniform_hash(np.array([0, 1, 2])).round(3).tolist()
    [0.883, 0.432, 0.026]
    """
    draws = np.empty(len(offsets))
    for i in range(len(offsets)):
        draws[i] = unit_hash(offsets[i])
    return draws


@compiled
def unit_hash(number: int) -> float:
    """Return `uniform_hash` of one offset."""
    z = (int(np.uint64(number)) * _GOLDEN) & _WORD
    z = (z + _GOLDEN) & _WORD
    z = ((z ^ (z >> 30)) * _FIRST) & _WORD
    z = ((z ^ (z >> 27)) * _SECOND) & _WORD
    z ^= z >> 31
    return (z >> 11) * _UNIT
