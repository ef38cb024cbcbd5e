"""How far what was learned is to be believed: centers, features, and what is expected of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = ["USUAL_ADDEND", "beliefs", "centers_of", "expectations", "maturities"]


# The mean of z² over the suspicious half of a standard normal distribution, and 0 over the other.
USUAL_ADDEND: Final = 0.5


def centers_of(
    sums: Sums, means: Floats, deviations: Floats, config: ModelConfig
) -> tuple[Floats, Floats]:
    """Return centers and variances, (k, d) each: those of a young cluster are near the overall ones.

    ``means`` and ``deviations`` (d,) are of all that was learned.
    """
    known = sums.cluster_known
    with np.errstate(invalid="ignore", divide="ignore"):
        centers = np.where(known > 0, sums.cluster_sums / known, means)
        own = np.maximum(sums.cluster_sums_sq / known - centers**2, 0.0)
    prior = config.variance_prior_weight
    shrunk = (known * np.where(known > 0, own, 0.0) + prior * deviations**2) / (known + prior)
    floor = np.maximum(
        config.variance_floor_share * deviations**2, np.array(config.spread_floors) ** 2
    )
    return centers, np.maximum(shrunk, floor)


def beliefs(cluster_weights: Floats, half_at: float) -> Floats:
    """Return how far each center is believed, from 0 to 1; 1/2 at the share ``half_at``."""
    shares = cluster_weights / max(float(cluster_weights.sum()), 1e-12)
    return np.asarray(shares / np.maximum(shares + half_at, 1e-12))


def expectations(sums: Sums, prior_weight: float) -> Floats:
    """Return each feature's mean addend, mixed with the usual one while little is learned of it."""
    weights = sums.feature_weights + prior_weight
    return np.asarray((sums.feature_addends + USUAL_ADDEND * prior_weight) / weights)


def maturities(feature_weights: Floats, in_full_at: float) -> Floats:
    """Return how far each feature counts, from 0 to 1."""
    return np.minimum(feature_weights / max(in_full_at, 1e-12), 1.0)
