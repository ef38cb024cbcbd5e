"""How alike the alerts of two runs are, and how alike they can be."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["OverStarts", "Places", "Rarities", "floor", "jaccard", "noise"]

_MEDIAN_OF_NORMAL: Final = 0.6745
# Beyond that a score is 1 to the digits of an alert.
_RAREST: Final = 1e-6

Places = frozenset[tuple[int, int]]
"""Where in the transactions topic the payments of alerts lie: partition and offset."""
Rarities = Mapping[tuple[int, int], float]
"""By place, the share of recent payments that scored higher."""


@dataclass(frozen=True, slots=True)
class OverStarts:
    """Average precisions of several starts, ``relative`` the farthest from their mean over the mean."""

    lowest: float
    highest: float
    relative: float

    @classmethod
    def of(cls, values: Sequence[float]) -> OverStarts:
        """Return how far apart they are.

        >>> OverStarts.of([0.9, 1.0, 1.2, 0.9])
        OverStarts(lowest=0.9, highest=1.2, relative=0.2)
        """
        mean = sum(values) / len(values)
        farthest = max(abs(value - mean) for value in values)
        return cls(min(values), max(values), round(farthest / mean, 6))


def jaccard(first: Places, second: Places) -> float:
    """Return how much of two sets of alerts is in both; 1 where there are none.

    >>> jaccard(frozenset({(0, 1), (0, 2), (1, 1)}), frozenset({(0, 1), (0, 2), (1, 3)}))
    0.5
    """
    either = first | second
    return len(first & second) / len(either) if either else 1.0


def noise(first: Rarities, second: Rarities) -> float:
    """Return by how much the ln of rarities differs between two runs, of the alerts in both.

    It is the standard deviation of a normal distribution with the same median of |x|; 0 for none.

    >>> round(noise({(0, 1): 0.001, (0, 2): 0.002}, {(0, 1): 0.0011, (0, 2): 0.0022}), 3)
    0.141
    """
    common = first.keys() & second.keys()
    if not common:
        return 0.0
    apart = [abs(math.log(_rarity(first[each]) / _rarity(second[each]))) for each in common]
    return statistics.median(apart) / _MEDIAN_OF_NORMAL


def floor(sigma: float) -> float:
    """Return the Jaccard index of two runs whose rarities differ by ``sigma`` and by nothing else.

    At the line as many payments lie in each step of rarity, so that the share E max(x, 0) = σ/√(2π) of
    one run's alerts is not in the other's.

    >>> [round(floor(sigma), 3) for sigma in (0.0, 0.05, 0.1, 0.25)]
    [1.0, 0.961, 0.923, 0.819]
    """
    only_one = sigma / math.sqrt(2.0 * math.pi)
    return (1.0 - only_one) / (1.0 + only_one)


def _rarity(rarity: float) -> float:
    return max(rarity, _RAREST)
