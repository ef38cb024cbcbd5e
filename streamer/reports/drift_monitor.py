"""Notices when payments, taken together, come to lie farther from the centers, or nearer.

The mean log distance of every 1,000 payments goes to a Page-Hinkley test (Page, Biometrika 41, 1954),
as `river.drift.PageHinkley` has it: to import that takes more than a second, in the middle of scoring.
The mean of so many is nearly normal; the logarithm makes a shift the same ratio whatever the scale.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.arrays import Floats

__all__ = ["DistanceMonitor", "PageHinkley"]

_GROUP: Final = 1_000
# The smallest value that ranks tell apart: what is nearer lies on the center as far as one can tell.
_SMALLEST_SQ: Final = 2.0**-8
# A change of the mean by 5%, about one deviation of a group's, is tolerated for ever.
_TOLERATED: Final = 0.05
# A shift of 20% is found after 7 groups: 1 / (0.2 - 0.05).
_THRESHOLD: Final = 1.0
_MIN_GROUPS: Final = 30
# What a deviation counts after one more value.
_FADING: Final = 0.9999


class PageHinkley:
    """Whether a series has left its mean.

    With the deviation d of each value from the mean of all so far, U' = αU + d - δ and D' = αD + d + δ:
    it has risen once U is more than λ above its least, fallen once D is as far below its greatest.
    """

    def __init__(self) -> None:
        self._n = 0
        self._mean = self._rise = self._fall = 0.0
        self._least, self._greatest = math.inf, -math.inf

    def add(self, value: float) -> bool:
        """Take the next value, and return whether the series has left its mean with it."""
        self._n += 1
        self._mean += (1.0 / self._n) * (value - self._mean)
        deviation = value - self._mean
        self._rise = _FADING * self._rise + deviation - _TOLERATED
        self._fall = _FADING * self._fall + deviation + _TOLERATED
        self._least = min(self._least, self._rise)
        self._greatest = max(self._greatest, self._fall)
        farthest = max(self._rise - self._least, self._greatest - self._fall)
        return self._n >= _MIN_GROUPS and farthest > _THRESHOLD


class DistanceMonitor:
    """Watches the distances of one worker's payments, in the order in which they are scored."""

    def __init__(self) -> None:
        self._test = PageHinkley()
        self._waiting: Floats = np.zeros(0)
        self.n_drifts = 0

    def add(self, distances_sq: Floats) -> int:
        """Take the squared distances of a batch and return how many shifts they brought to light."""
        logs = 0.5 * np.log(np.maximum(distances_sq, _SMALLEST_SQ))
        waiting = np.concatenate([self._waiting, logs])
        n_groups = len(waiting) // _GROUP
        groups, self._waiting = np.split(waiting, [n_groups * _GROUP])
        n_found = 0
        for mean in groups.reshape(n_groups, _GROUP).mean(axis=1).tolist():
            if self._test.add(mean):
                n_found, self._test = n_found + 1, PageHinkley()
        self.n_drifts += n_found
        return n_found
