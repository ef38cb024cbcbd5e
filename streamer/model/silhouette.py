"""How well the centers tell payments apart, by distances to centers alone.

The silhouette of a sample compares its mean distance to its own cluster, a, with that to the nearest
other one, b: s = (b - a) / max(a, b) (Rousseeuw 1987).  That takes every pair of samples.  The
*simplified* silhouette (Hruschka, de Castro and Campello 2004) takes the distances to the centers for
them, which a stream has.  With the nearest center a <= b, so that it lies between 0 and 1.
"""

from __future__ import annotations

import math

import numpy as np

from streamer.arrays import Floats
from streamer.compiled import compiled
from streamer.model.kmeans import fill_distances

__all__ = ["simplified_silhouettes"]


@compiled
def simplified_silhouettes(X: Floats, centers: Floats, precisions: Floats) -> Floats:
    """Return the simplified silhouette of each row of ``X``, shape (n_samples,).

    IN as in `streamer.model.kmeans`.  NaN where there is but one center.
    """
    silhouettes, distances_sq = np.empty(len(X)), np.empty(centers.shape[1])
    for i in range(len(X)):
        fill_distances(distances_sq, X[i], centers, precisions)
        a = b = math.inf
        for distance_sq in distances_sq:
            if distance_sq < a:
                a, b = distance_sq, a
            elif distance_sq < b:
                b = distance_sq
        a, b = math.sqrt(a), math.sqrt(b)
        # A sample on two centers at once is told apart by nothing.
        silhouettes[i] = (b - a) / b if b > 0.0 else 0.0
    return silhouettes
