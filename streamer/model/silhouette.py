"""How well the centers tell payments apart, by distances to centers alone.

The silhouette of a sample compares its mean distance to its own cluster, a, with that to the nearest
other one, b: s = (b - a) / max(a, b) (Rousseeuw 1987).  That takes every pair of samples.  The
*simplified* silhouette (Hruschka, de Castro and Campello 2004) takes the distances to the centers for
them, which a stream has.  With the nearest center a <= b, so that it lies between 0 and 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.model.kmeans import squared_distances

__all__ = ["simplified_silhouettes"]

Floats = NDArray[np.float64]


def simplified_silhouettes(
    X: Floats, present: Floats, centers: Floats, variances: Floats
) -> Floats:
    """Return the simplified silhouette of each row of ``X``, shape (n_samples,).

    ``X`` and ``present`` IN (n_samples, n_features) as in `streamer.model.kmeans`; ``centers`` and
    ``variances`` IN (n_clusters, n_features).  NaN where there is but one center.
    """
    if len(centers) < 2:
        return np.full(len(X), np.nan)
    squared = squared_distances(X, present, centers, 1.0 / variances)
    # Rounding may take one that is 0 below it.
    distances = np.sqrt(np.maximum(np.partition(squared, 1, axis=1)[:, :2], 0.0))
    a, b = distances[:, 0], distances[:, 1]
    # A sample on two centers at once is told apart by nothing.
    return np.asarray(np.divide(b - a, b, out=np.zeros(len(X)), where=b > 0))
