"""A small model of three features for tests, and rows for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats
from streamer.model import LogOdds, ModelConfig, Scorer, Sums, advance, function_of, learn
from streamer.model.recent import rows_of


def small_config(**changes: Any) -> ModelConfig:
    """Return a configuration of three features, two currencies, two clusters and no decay."""
    return ModelConfig(
        **{
            "feature_names": ("amount", "pace", "gap"),
            "spread_floors": (0.1, 0.1, 0.1),
            "sides": (0, 0, 0),
            "n_currencies": 2,
            "n_clusters": 2,
            "half_life": math.inf,
            "score_half_life": math.inf,
            "warmup": 100,
            "alert_budget": 0.02,
            # A plain squared distance to the center, which can be worked out by hand.
            "linear_beyond": math.inf,
            "belief_share": 0.0,
            "maturity_weight": 0.0,
            "expectation_floor": 1e15,
            "agreement_floor": math.inf,
        }
        | changes
    )


def euros(X: Floats) -> NDArray[np.int64]:
    """Return the first currency for every row of ``X``."""
    return np.zeros(len(X), dtype=np.int64)


def two_clouds(rng: np.random.Generator, n: int) -> Floats:
    """Return rows of two normal clouds with deviation 1, six apart in the first feature."""
    X = rng.normal(size=(n, 3))
    X[:, 0] += 6.0 * rng.integers(0, 2, n)
    return X


def sums_with_centers(
    config: ModelConfig, centers: Floats, weights: Floats, variance: float = 0.0
) -> Sums:
    """Return sums whose clusters have these centers, weights and one variance for everything."""
    sums = Sums.zero(config)
    known = np.repeat(weights[:, None], config.n_features, axis=1)
    sums.cluster_weights, sums.cluster_known = weights.astype(float), known.astype(float)
    sums.cluster_sums = known * centers
    sums.cluster_sums_sq = known * (centers**2 + variance)
    sums.feature_weights = known.sum(axis=0).astype(float)
    sums.feature_sums = sums.cluster_sums.sum(axis=0)
    sums.feature_sums_sq = sums.cluster_sums_sq.sum(axis=0)
    return sums


def with_recent(sums: Sums, distances_sq: Sequence[float], weights: Sequence[float] = ()) -> Sums:
    """Return ``sums``, whose center is 0 and variance 1, with a sample of these squared distances.

    Each counts for its weight, 1 unless given.
    """
    X = np.zeros((len(distances_sq), 3))
    X[:, 1] = np.sqrt(distances_sq)
    counts = np.array(weights) if len(weights) else np.ones(len(X))
    return replace(sums, recent_rows=rows_of(X, np.zeros((len(X), 0)), euros(X), counts))


def taught(version: Scorer, X: Floats, only_quiet: bool = True) -> Sums:
    """Return the delta of the rows of ``X``, all of them in euros."""
    delta = Sums.zero(version.config)
    scored = version.score(X, euros(X))
    teaching = ~scored.alerted if only_quiet else np.ones(len(X), dtype=bool)
    learn(delta, scored, teaching, scored.alerted, X[:, 0], euros(X))
    return delta


def next_version(version: Scorer, delta: Sums) -> Scorer:
    """Return the version after ``delta``."""
    return Scorer.of("", advance(version.sums, delta, version.config), version.config)


def functions(odds: LogOdds, inputs: Floats) -> Floats:
    """Return f_j of every input, shape (n, n_inputs)."""
    rows = [[function_of(float(x), j, odds) for j, x in enumerate(row)] for row in inputs]
    return np.array(rows)
