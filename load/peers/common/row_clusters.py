"""The same over many payments at once, by numpy: a mini-batch k-means as scikit-learn's.

Notation: X, Z (n_samples, n_features); centers (n_clusters, n_features).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from job import N_CLUSTERS, N_FEATURES, WARMUP
from numpy.typing import NDArray

__all__ = ["THRESHOLD", "RowClusters"]

Floats = NDArray[np.float64]

# As of one payment at a time (`plain_clusters`), where it is explained.
THRESHOLD: Final = 13.0
_LEAST_STEP: Final = 0.001


class RowClusters:
    """Scores by the squared distance to the nearest center, in units of the running scale."""

    def __init__(self) -> None:
        self._n = 0
        self._mean, self._squares = np.zeros(N_FEATURES), np.zeros(N_FEATURES)
        self._centers = np.empty((0, N_FEATURES))
        self._visits = np.zeros(N_CLUSTERS)

    def score(self, X: Floats) -> Floats:
        """Return the scores (n_samples,), and learn from them together; 0 while warming up."""
        Z = self._scaled(X)
        if self._n <= WARMUP:
            return np.zeros(len(X))
        n_missing = N_CLUSTERS - len(self._centers)
        self._centers = np.vstack([self._centers, Z[:n_missing]])
        if len(self._centers) < N_CLUSTERS:
            self._visits[: len(self._centers)] = 1.0
            return np.zeros(len(X))
        # |z - c|² = |z|² + |c|² - 2 z·c: one product for all samples and centers.
        distances = (self._centers**2).sum(axis=1) - 2.0 * (Z @ self._centers.T)
        nearest = distances.argmin(axis=1)
        scores: Floats = distances[np.arange(len(Z)), nearest] + (Z**2).sum(axis=1)
        self._move(Z, nearest)
        # What the first rows happened to be says nothing about those that came with them.
        return np.zeros(len(X)) if n_missing else scores

    def _move(self, Z: Floats, nearest: NDArray[np.intp]) -> None:
        counts = np.bincount(nearest, minlength=N_CLUSTERS)
        sums = np.zeros_like(self._centers)
        np.add.at(sums, nearest, Z)
        means = sums / np.maximum(counts, 1)[:, None]
        self._visits += counts
        steps = counts * np.maximum(1.0 / np.maximum(self._visits, 1.0), _LEAST_STEP)
        self._centers += (means - self._centers) * np.minimum(steps, 1.0)[:, None]

    def _scaled(self, X: Floats) -> Floats:
        """Return X in standard deviations from the running mean, X included (Chan et al.)."""
        n, mean = len(X), X.mean(axis=0)
        apart, total = mean - self._mean, self._n + n
        self._squares += ((X - mean) ** 2).sum(axis=0) + apart**2 * (self._n * n / total)
        self._mean += apart * (n / total)
        self._n = total
        return (X - self._mean) / np.sqrt(self._squares / total + 1e-9)
