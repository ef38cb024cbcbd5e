"""How well k clusters describe traffic that they were not fitted to, for several k.

Everything is fitted as a worker finds its first centers (`streamer.model.learning`), and the payments
held back are assigned as a worker assigns them: by each cluster's own variances, a missing entry
adding nothing.

* Silhouette (Rousseeuw, 1987): of the distance to the next cluster, how much is the own one nearer.
* Stability (Ben-Hur, Elisseeff and Guyon, 2002; von Luxburg, 2010): do two fits to disjoint halves,
  from other seeds, put the same payments together?  Measured by the adjusted Rand index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.fitting.executing import HERE, Executor
from streamer.fitting.file_features import Traffic
from streamer.model import ModelConfig, Scorer, Sums, advance, learn_warming

__all__ = ["Point", "fitted", "measure", "pairwise_distances"]


# 4,000 payments are 16 million distances, 128 MB.  From one draw to the next the silhouette of one
# version varied by 0.003 to 0.005 (standard deviation; simulated payments and Handbook).
SILHOUETTE_ROWS: Final = 4_000
ASSIGNED_ROWS: Final = 10_000
FITTING_ROWS: Final = 20_000
N_PAIRS: Final = 5


@dataclass(frozen=True, slots=True)
class Point:
    """What was found for one number of clusters.

    ``silhouette`` is None where every payment held back fell into one cluster.  ``stability`` is the
    mean adjusted Rand index over pairs of fits, ``stability_error`` its standard error.
    """

    n_clusters: int
    silhouette: float | None
    stability: float
    stability_error: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What every number of clusters is measured on; ``distances`` are those between the ``few``."""

    fitting: Traffic
    held_back: Traffic
    few: Traffic
    distances: Floats
    config: ModelConfig


def measure(
    fitting: Traffic,
    held_back: Traffic,
    ks: Sequence[int],
    config: ModelConfig,
    rng: np.random.Generator,
    on_progress: Callable[[], None],
    executor: Executor = HERE,
) -> list[Point]:
    """Return one `Point` for each of ``ks``; ``on_progress`` is called after each."""
    fitting = fitting.sample(FITTING_ROWS, rng)
    held_back = held_back.sample(ASSIGNED_ROWS, rng)
    few = held_back.sample(SILHOUETTE_ROWS, rng)
    distances = pairwise_distances(few, fitted(fitting, replace(config, n_clusters=1)))
    # Drawn here, so that it does not matter where which k is measured.
    tries = [(k, [rng.permutation(len(fitting)) for _ in range(N_PAIRS)]) for k in ks]
    sample = Sample(fitting, held_back, few, distances, config)
    points = []
    for point in executor.map(point_of, tries, sample):
        points.append(point)
        on_progress()
    return points


def point_of(tried: tuple[int, Sequence[Integers]], sample: Sample) -> Point:
    """Return what is found for a number of clusters; each of the orders gives the halves of a pair."""
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    k, orders = tried
    own = replace(sample.config, n_clusters=k)
    labels = _assigned(sample.few, fitted(sample.fitting, own))
    is_one = len(np.unique(labels)) < 2
    agreements = []
    for pair, order in enumerate(orders):
        halves = np.array_split(order, 2)
        first, second = (
            _assigned(
                sample.held_back,
                fitted(sample.fitting.at(half), replace(own, random_seed=_seed(own, pair, side))),
            )
            for side, half in enumerate(halves)
        )
        agreements.append(float(adjusted_rand_score(first, second)))
    return Point(
        n_clusters=k,
        silhouette=None
        if is_one
        else float(silhouette_score(sample.distances, labels, metric="precomputed")),
        stability=float(np.mean(agreements)),
        stability_error=float(np.std(agreements, ddof=1) / np.sqrt(len(orders))),
    )


def fitted(traffic: Traffic, config: ModelConfig) -> Scorer:
    """Return the version that a worker whose warm-up was ``traffic`` would start with."""
    delta = Sums.zero(config)
    learn_warming(delta, traffic.X.astype(float), traffic.currencies)
    sums = advance(Sums.zero(config), delta, replace(config, warmup=len(traffic)))
    return Scorer.of("", sums, config)


def pairwise_distances(traffic: Traffic, version: Scorer) -> Floats:
    """Return the distance between any two payments, shape (n, n), in the version's overall scale.

    D²_ij = Σ_f p_if p_jf (z_if - z_jf)² over the features f known of both (p = 1), as one sum of
    matrix products; a clipped deviation is in units of the feature's overall standard deviation.
    """
    X = version.score(traffic.X.astype(float), traffic.currencies).X
    present: Floats = (~np.isnan(X)).astype(float)
    Z = np.nan_to_num((X - version.means) / version.deviations)
    squares = Z * Z
    distances_sq = squares @ present.T
    distances_sq += distances_sq.T.copy()
    distances_sq -= 2.0 * (Z @ Z.T)
    np.fill_diagonal(distances_sq, 0.0)
    return np.sqrt(np.maximum(distances_sq, 0.0))


def _assigned(traffic: Traffic, version: Scorer) -> Integers:
    return version.score(traffic.X.astype(float), traffic.currencies).nearest


def _seed(config: ModelConfig, pair: int, side: int) -> int:
    return config.random_seed + 1 + 2 * pair + side
