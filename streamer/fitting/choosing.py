"""Which of the measured numbers of clusters to take.

The rule: the largest product of silhouette and stability, that is, the separation which another half of
the traffic and another seed would find again.  Either alone misleads: two clusters are nearly always
stable, and one fit of many can separate well by luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.errors import ConfigurationError
from streamer.fitting.curve import Point

__all__ = ["choose", "quality", "strength"]

# Kaufman and Rousseeuw, "Finding groups in data" (1990), table 4.
_STRENGTHS: Final = (
    (0.70, "a strong structure"),
    (0.50, "a reasonable structure"),
    (0.25, "a weak structure"),
)


def quality(point: Point) -> float | None:
    """Return silhouette times stability, None without a silhouette; neither counts below zero."""
    if point.silhouette is None:
        return None
    return max(point.silhouette, 0.0) * max(point.stability, 0.0)


def choose(points: Sequence[Point]) -> Point:
    """Return the point of the best quality; of equal ones that with the fewest clusters.

    >>> choose([Point(2, 0.5, 1.0, 0.0), Point(3, 0.8, 0.9, 0.1), Point(4, 0.9, 0.3, 0.1)]).n_clusters
    3
    """
    rated = [(value, -p.n_clusters, p) for p in points if (value := quality(p)) is not None]
    if not rated:
        raise ConfigurationError(
            "payments held back must fall into at least two clusters, got one for every k; "
            "give a file of more varied payments"
        )
    return max(rated, key=lambda item: item[:2])[2]


def strength(silhouette: float) -> str:
    """Return what a silhouette says of the traffic, in words.

    >>> strength(0.3)
    'a weak structure'
    """
    found = (words for limit, words in _STRENGTHS if silhouette > limit)
    return next(found, "no substantial structure")
