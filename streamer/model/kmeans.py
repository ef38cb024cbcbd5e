"""The arithmetic of k-means: distances, seeding, Lloyd's iterations, sums per cluster.

Notation: X (n_samples, n_features) with missing entries set to 0 and ``present`` (same shape, 0 or 1)
marking which are known; centers (n_clusters, n_features); precisions (n_clusters, n_features), the
reciprocals of the variances.  A missing entry adds nothing to any distance and nothing to any sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "assign",
    "best_labels",
    "cluster_sums",
    "contributions",
    "lloyd",
    "row_sums",
    "seed_centers",
    "squared_distances",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# OpenBLAS takes more than one thread for a product of more multiplications than 2^18.  For matrices
# this narrow that gains nothing, and the threads wait by spinning: on 2 busy cores, batches of 4,000
# took 17-40 µs of CPU time per transaction; in products below that size they take 9.
_MULTIPLICATIONS: Final = 2**18
# With very many clusters rows of that size would be few; then threads are worth their while.
_FEWEST_ROWS: Final = 64
# Rounding moves a product of 3 x 15 terms by less than 1e-14 of the sum of their sizes.
_NEARLY_EQUAL: Final = 1e-13


def squared_distances(X: Floats, present: Floats, centers: Floats, precisions: Floats) -> Floats:
    """Return Σ_j present_ij · (x_ij - c_kj)² · precision_kj, shape (n_samples, n_clusters).

    Expanded so that it is one matrix product; good to about 1e-9 of the largest term, which is
    enough to choose the nearest center.  The distance itself is then computed directly.
    """
    left = np.hstack([X * X, X, present])
    right = np.hstack([precisions, -2.0 * centers * precisions, centers**2 * precisions])
    products = np.empty((len(X), len(centers)))
    for rows in _slices(len(X), right.size):
        np.matmul(left[rows], right.T, out=products[rows])
    return products


def assign(X: Floats, present: Floats, centers: Floats, precisions: Floats) -> Integers:
    """Return the nearest center of each sample, shape (n_samples,).

    The last bits of a matrix product depend on how many rows it has.  Where they could decide, the
    distances are computed directly, so that a sample has the same center in any batch.
    """
    products = squared_distances(X, present, centers, precisions)
    labels = np.asarray(products.argmin(axis=1))
    sizes = X * X * precisions.max(axis=0) + (centers**2 * precisions).max(axis=0)
    margins = _NEARLY_EQUAL * 2.0 * row_sums(present * sizes)
    limits = products[np.arange(len(X)), labels] + margins
    close = np.flatnonzero((products <= limits[:, None]).sum(axis=1) > 1)
    if len(close):
        columns = [
            row_sums(present[close] * (X[close] - center) ** 2 * precision)
            for center, precision in zip(centers, precisions, strict=True)
        ]
        labels[close] = np.column_stack(columns).argmin(axis=1)
    return labels


def row_sums(rows: Floats) -> Floats:
    """Return the sum of each row, to the same bits whatever other rows there are.

    Neither a matrix product nor a sum over an axis that is not contiguous promises that.
    """
    return np.asarray(np.ascontiguousarray(rows).sum(axis=1))


def contributions(
    X: Floats,
    present: Floats,
    centers: Floats,
    precisions: Floats,
    labels: Integers,
    sides: Integers,
    linear_beyond: float = np.inf,
) -> Floats:
    """Return every feature's addend of each sample's squared distance to its center.

    ``sides`` IN (n_features,): 1 counts what lies above the center only, -1 below it, 0 both.
    Of z standard deviations the addend is z², and from c = ``linear_beyond`` on c(2z - c), its tangent
    (Huber 1964).  OUT: (n_samples, n_features).
    """
    z = X - centers.take(labels, axis=0)
    # On one side what lies on the other is 0; a product with 1 or -1 is exact.
    one_sided = sides != 0
    z *= np.where(one_sided, sides, 1)
    np.maximum(z, np.where(one_sided, 0.0, -np.inf), out=z)
    np.abs(z, out=z)
    z *= np.sqrt(precisions).take(labels, axis=0)
    beyond = np.maximum(z - linear_beyond, 0.0)
    z *= z
    beyond *= beyond
    # z² - (z - c)² is c(2z - c).
    z -= beyond
    z *= present
    return z


def cluster_sums(
    X: Floats, present: Floats, labels: Integers, n_clusters: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return per cluster: samples, and per feature the known entries, Σx and Σx².

    OUT: (n_clusters,), then three of shape (n_clusters, n_features).
    """
    n_features = X.shape[1]
    member = np.zeros((n_clusters, len(X)))
    member[labels, np.arange(len(X))] = 1.0
    addends = np.hstack([present, X, X * X])
    sums = np.zeros((n_clusters, addends.shape[1]))
    for rows in _slices(len(X), sums.size):
        sums += member[:, rows] @ addends[rows]
    return (
        member.sum(axis=1),
        sums[:, :n_features],
        sums[:, n_features : 2 * n_features],
        sums[:, 2 * n_features :],
    )


def _slices(n_rows: int, multiplications_per_row: int) -> Iterator[slice]:
    """Yield slices that together cover ``n_rows``, each small enough for one thread."""
    step = max(_MULTIPLICATIONS // multiplications_per_row, _FEWEST_ROWS)
    for first in range(0, n_rows, step):
        yield slice(first, first + step)


def seed_centers(X: Floats, n_clusters: int, rng: np.random.Generator) -> Floats:
    """Return ``n_clusters`` samples chosen by k-means++ (Arthur and Vassilvitskii, 2007).

    Each next center is a sample drawn with a probability proportional to its squared distance from
    the centers chosen so far.  When fewer distinct samples exist, some are chosen again.
    """
    centers = np.empty((n_clusters, X.shape[1]))
    centers[0] = X[rng.integers(len(X))]
    nearest_sq = ((X - centers[0]) ** 2).sum(axis=1)
    for k in range(1, n_clusters):
        total = nearest_sq.sum()
        weights = nearest_sq / total if total > 0 else None
        centers[k] = X[rng.choice(len(X), p=weights)]
        nearest_sq = np.minimum(nearest_sq, ((X - centers[k]) ** 2).sum(axis=1))
    return centers


def lloyd(X: Floats, present: Floats, centers: Floats, n_iterations: int) -> Integers:
    """Return the labels after ``n_iterations`` of Lloyd's algorithm from ``centers``."""
    ones = np.ones_like(centers)
    centers = centers.copy()
    labels = assign(X, present, centers, ones)
    for _ in range(n_iterations):
        _, known, sums, _ = cluster_sums(X, present, labels, len(centers))
        visited = known > 0
        centers[visited] = sums[visited] / known[visited]
        labels = assign(X, present, centers, ones)
    return labels


def best_labels(
    X: Floats,
    present: Floats,
    n_clusters: int,
    rng: np.random.Generator,
    *,
    n_starts: int,
    n_iterations: int,
) -> Integers:
    """Return the labels of least inertia among ``n_starts`` seedings, each followed by `lloyd`.

    Inertia is the sum of squared distances to the means of the own cluster.
    """
    tried = []
    for _ in range(n_starts):
        labels = lloyd(X, present, seed_centers(X, n_clusters, rng), n_iterations)
        tried.append((_inertia(X, present, labels, n_clusters), labels))
    return min(tried, key=lambda pair: pair[0])[1]


def _inertia(X: Floats, present: Floats, labels: Integers, n_clusters: int) -> float:
    _, known, sums, sums_sq = cluster_sums(X, present, labels, n_clusters)
    return float((sums_sq - sums**2 / np.maximum(known, 1.0)).sum())
