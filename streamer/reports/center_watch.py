"""What one worker's payments say of the centers: which are visited, and whether they tell apart.

Invariant: of the batches of one second at most one is looked at closely, and of that so many rows,
that watching costs nothing that could be measured.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.model import Scored, Scorer, simplified_silhouettes

__all__ = ["CenterWatch"]

_EVERY_S: Final = 1.0
_N_ROWS: Final = 64
# A mean over about a minute: long enough to be steady, short enough to show a promotion.
_KEPT: Final = 1 - 1 / 60


class CenterWatch:
    """Follows the centers of one worker's model; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._visited_at: Floats = np.zeros(0)
        self._looked_at = -np.inf
        self.silhouette = float("nan")
        """Decaying mean of the simplified silhouette; NaN before the first payment was scored."""

    def add(self, version: Scorer, scored: Scored, now_s: float) -> None:
        """Take a scored batch."""
        if len(self._visited_at) != len(version.centers):
            self._visited_at = np.full(len(version.centers), now_s)
        self._visited_at[scored.nearest] = now_s
        if now_s - self._looked_at < _EVERY_S:
            return
        self._looked_at = now_s
        rows = slice(_N_ROWS)
        centers, precisions = version.ruler.centers_of, version.ruler.precisions_of
        found = simplified_silhouettes(scored.X[rows], centers, precisions)
        mean = float(found.mean())
        is_first = np.isnan(self.silhouette)
        self.silhouette = mean if is_first else _KEPT * self.silhouette + (1 - _KEPT) * mean

    def idle_s(self, now_s: float) -> list[float]:
        """Return for how long no payment has been nearest to each center, in their order.

        Empty before the first payment was scored.
        """
        return [now_s - visited_at for visited_at in self._visited_at.tolist()]
