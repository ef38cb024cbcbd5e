"""Everything that is learned, as sums: a model's state and a partition's delta are the same type.

Invariants:
* `merged` is associative and commutative up to rounding; `decayed` is a scalar multiplication.
* ``transactions_seen`` and ``transactions_taught`` are plain counters: they never decay.
* With decay off, ``score_histogram`` sums to ``transactions_seen`` and ``cluster_weights`` to
  ``transactions_taught`` (once the model has left its warm-up).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.model.config import ModelConfig
from streamer.model.histogram import N_BINS

__all__ = ["ANCHORS", "COUNTERS", "ROWS", "SCORES", "Sums"]

Floats = NDArray[np.float64]

COUNTERS: Final = ("transactions_seen", "transactions_taught", "revivals")
ROWS: Final = ("warmup_X", "warmup_currencies")
SCORES: Final = ("score_histogram", "alerted_weight")
ANCHORS: Final = ("anchor_centers", "anchor_variances")


@dataclass(slots=True)
class Sums:
    """Sums over transactions.  Shapes: k clusters, d features, c currencies, m warm-up rows.

    ``cluster_known[k, j]`` is the weight of cluster k's payments in which feature j was known.
    The anchors (`streamer.model.bounds`) are positions: they never decay, and a delta's are steps.
    ``alerted_weight`` is the part of the score histogram that was alerted.  ``warmup_X`` holds the raw
    feature rows of the warm-up, until the first centers exist.
    """

    cluster_weights: Floats
    cluster_known: Floats
    cluster_sums: Floats
    cluster_sums_sq: Floats
    anchor_centers: Floats
    anchor_variances: Floats
    feature_weights: Floats
    feature_sums: Floats
    feature_sums_sq: Floats
    currency_weights: Floats
    currency_sums: Floats
    score_histogram: Floats
    alerted_weight: Floats
    warmup_X: Floats
    warmup_currencies: NDArray[np.int64]
    transactions_seen: int = 0
    transactions_taught: int = 0
    revivals: int = 0

    @classmethod
    def zero(cls, config: ModelConfig) -> Sums:
        k, d, c = config.n_clusters, config.n_features, config.n_currencies
        return cls(
            cluster_weights=np.zeros(k),
            cluster_known=np.zeros((k, d)),
            cluster_sums=np.zeros((k, d)),
            cluster_sums_sq=np.zeros((k, d)),
            anchor_centers=np.zeros((k, d)),
            anchor_variances=np.zeros((k, d)),
            feature_weights=np.zeros(d),
            feature_sums=np.zeros(d),
            feature_sums_sq=np.zeros(d),
            currency_weights=np.zeros(c),
            currency_sums=np.zeros(c),
            score_histogram=np.zeros(N_BINS),
            alerted_weight=np.zeros(()),
            warmup_X=np.zeros((0, d)),
            warmup_currencies=np.zeros(0, dtype=np.int64),
        )

    @property
    def is_warming(self) -> bool:
        """Whether there are no centers yet."""
        return not self.cluster_weights.any()

    def merged(self, other: Sums) -> Sums:
        """Return the sums over both sets of transactions."""
        combined: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            joined = np.concatenate([mine, theirs]) if field.name in ROWS else mine + theirs
            combined[field.name] = joined
        return Sums(**combined)

    def decayed(self, discount: float, score_discount: float) -> Sums:
        """Return the sums multiplied by ``discount``, those of scores by their own; no counter."""
        exempt = {*COUNTERS, *ROWS, *SCORES, *ANCHORS}
        decaying = [field.name for field in fields(self) if field.name not in exempt]
        return replace(
            self,
            **{name: getattr(self, name) * discount for name in decaying},
            **{name: getattr(self, name) * score_discount for name in SCORES},
        )

    def scale(self, config: ModelConfig) -> tuple[Floats, Floats]:
        """Return each feature's mean and floored standard deviation over all that was learned."""
        weights = np.maximum(self.feature_weights, 1e-12)
        means = self.feature_sums / weights
        variances = np.maximum(self.feature_sums_sq / weights - means**2, 0.0)
        return means, np.maximum(np.sqrt(variances), np.array(config.spread_floors))
