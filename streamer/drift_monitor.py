"""Notices when payments, taken together, come to lie farther from the centers, or nearer.

The mean log distance of every 1,000 payments goes to river's Page-Hinkley test.  The mean of so many is
nearly normal, and the test costs nothing at one value per 1,000 payments; the logarithm makes a shift
the same ratio whatever the model's scale.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["DistanceMonitor"]

_GROUP: Final = 1_000
# The score histogram's smallest value: what is nearer lies on the center as far as anybody can tell.
_SMALLEST_SQ: Final = 2.0**-8
# A change of the mean by 5%, about one deviation of a group's, is tolerated for ever.
_TOLERATED: Final = 0.05
# A shift of 20% is found after 7 groups: 1 / (0.2 - 0.05).
_THRESHOLD: Final = 1.0
_MIN_GROUPS: Final = 30


class DistanceMonitor:
    """Watches the distances of one worker's payments, in the order in which they are scored."""

    def __init__(self) -> None:
        self._detector: Any = None
        self._waiting: NDArray[np.float64] = np.zeros(0)
        self.n_drifts = 0

    @property
    def is_loaded(self) -> bool:
        """Whether `add` answers at once."""
        return self._detector is not None

    def load(self) -> None:
        """Import river, which takes more than a second; `add` would do so in the middle of scoring."""
        from river.drift import PageHinkley

        self._detector = PageHinkley(
            min_instances=_MIN_GROUPS, delta=_TOLERATED, threshold=_THRESHOLD
        )

    def add(self, distances_sq: NDArray[np.float64]) -> int:
        """Take the squared distances of a batch and return how many shifts they brought to light."""
        if self._detector is None:
            self.load()
        logs = 0.5 * np.log(np.maximum(distances_sq, _SMALLEST_SQ))
        waiting = np.concatenate([self._waiting, logs])
        n_groups = len(waiting) // _GROUP
        groups, self._waiting = np.split(waiting, [n_groups * _GROUP])
        n_found = 0
        for mean in groups.reshape(n_groups, _GROUP).mean(axis=1).tolist():
            self._detector.update(mean)
            n_found += self._detector.drift_detected
        self.n_drifts += n_found
        return n_found
