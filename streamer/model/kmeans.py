"""The arithmetic of k-means: distances, seeding, Lloyd's iterations, sums per cluster.

Notation: X (n_samples, n_features), NaN where an entry is missing; centers (n_clusters, n_features);
precisions (n_clusters, n_features), the reciprocals of the variances.  A missing entry adds nothing to
any distance and nothing to any sum.
"""

from __future__ import annotations

import math

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled

__all__ = [
    "add_moments",
    "assign",
    "best_assignment",
    "cluster_sums",
    "fill_distances",
    "lloyd",
    "nearest_of",
    "seed_centers",
]


@compiled
def fill_distances(distances_sq: Floats, x: Floats, centers: Floats, precisions: Floats) -> None:
    """Write the squared distance to each center, Σ_j (x_j - c_j)² · precision_j, OUT (n_clusters,).

    ``x`` (n_features,); ``centers`` and ``precisions`` (n_features, n_clusters): what is added to
    several clusters at once lies together.
    """
    distances_sq[:] = 0.0
    for j in range(len(x)):
        if not math.isnan(x[j]):
            for k in range(len(distances_sq)):
                deviation = x[j] - centers[j, k]
                distances_sq[k] += deviation * deviation * precisions[j, k]


@compiled
def nearest_of(distances_sq: Floats) -> int:
    """Return the index of the smallest; of several equally small ones the first."""
    nearest = 0
    for k in range(1, len(distances_sq)):
        if distances_sq[k] < distances_sq[nearest]:
            nearest = k
    return nearest


@compiled
def assign(X: Floats, centers: Floats, precisions: Floats) -> Integers:
    """Return the nearest center of each sample, shape (n_samples,); all IN as in `fill_distances`."""
    nearest, distances_sq = np.empty(len(X), dtype=np.int64), np.empty(centers.shape[1])
    for i in range(len(X)):
        fill_distances(distances_sq, X[i], centers, precisions)
        nearest[i] = nearest_of(distances_sq)
    return nearest


@compiled
def add_moments(x: Floats, known: Floats, sums: Floats, sums_sq: Floats) -> None:
    """Add a sample's known entries to ``known``, Σx and Σx², all IN/OUT (n_features,)."""
    for j in range(len(x)):
        # Without a branch around the sums: a tenth of all guesses would be wrong, at twice the time.
        is_known = not math.isnan(x[j])
        value = x[j] if is_known else 0.0
        known[j] += 1.0 if is_known else 0.0
        sums[j] += value
        sums_sq[j] += value * value


@compiled
def cluster_sums(
    X: Floats, nearest: Integers, n_clusters: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return per cluster: samples, and per feature the known entries, Σx and Σx².

    OUT: (n_clusters,), then three of shape (n_clusters, n_features).
    """
    shape = (n_clusters, X.shape[1])
    weights = np.zeros(n_clusters)
    known, sums, sums_sq = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for i in range(len(X)):
        k = nearest[i]
        weights[k] += 1.0
        add_moments(X[i], known[k], sums[k], sums_sq[k])
    return weights, known, sums, sums_sq


def seed_centers(X: Floats, n_clusters: int, rng: np.random.Generator) -> Floats:
    """Return ``n_clusters`` samples chosen by k-means++ (Arthur and Vassilvitskii, 2007).

    Each next center is a sample drawn with a probability proportional to its squared distance from
    the centers chosen so far.  When fewer distinct samples exist, some are chosen again.  A missing
    entry stands at 0 here.
    """
    X = np.nan_to_num(X, nan=0.0)
    centers = np.empty((n_clusters, X.shape[1]))
    centers[0] = X[rng.integers(len(X))]
    nearest_sq = ((X - centers[0]) ** 2).sum(axis=1)
    for k in range(1, n_clusters):
        total = nearest_sq.sum()
        weights = nearest_sq / total if total > 0 else None
        centers[k] = X[rng.choice(len(X), p=weights)]
        nearest_sq = np.minimum(nearest_sq, ((X - centers[k]) ** 2).sum(axis=1))
    return centers


def lloyd(X: Floats, centers: Floats, n_iterations: int) -> Integers:
    """Return the nearest centers after ``n_iterations`` of Lloyd's algorithm from ``centers``."""
    by_feature = np.ascontiguousarray(centers.T)
    ones = np.ones_like(by_feature)
    nearest = assign(X, by_feature, ones)
    for _ in range(n_iterations):
        _, known, sums, _ = cluster_sums(X, nearest, len(centers))
        visited = known.T > 0
        by_feature[visited] = sums.T[visited] / known.T[visited]
        nearest = assign(X, by_feature, ones)
    return nearest


def best_assignment(
    X: Floats,
    n_clusters: int,
    rng: np.random.Generator,
    *,
    n_starts: int,
    n_iterations: int,
) -> Integers:
    """Return the nearest centers of least inertia among ``n_starts`` seedings, each followed by
    `lloyd`.

    Inertia is the sum of squared distances to the means of the own cluster.
    """
    tried = []
    for _ in range(n_starts):
        nearest = lloyd(X, seed_centers(X, n_clusters, rng), n_iterations)
        tried.append((_inertia(X, nearest, n_clusters), nearest))
    return min(tried, key=lambda pair: pair[0])[1]


def _inertia(X: Floats, nearest: Integers, n_clusters: int) -> float:
    _, known, sums, sums_sq = cluster_sums(X, nearest, n_clusters)
    return float((sums_sq - sums**2 / np.maximum(known, 1.0)).sum())
