"""A model version: the read-only view of the sums that scores transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.model.config import ModelConfig
from streamer.model.histogram import quantile, share_below
from streamer.model.kmeans import assign, contributions
from streamer.model.sums import Sums

__all__ = ["ModelVersion", "Scored"]

_MAX_CORRECTION: Final = 2.0

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of n transactions.

    ``contributions`` (n, n_features) sum to ``distances_sq`` (n,) over features.  ``X`` and
    ``present`` are the clipped, centred rows that were compared, missing entries 0.
    """

    X: Floats
    present: Floats
    labels: Integers
    contributions: Floats
    distances_sq: Floats
    scores: Floats
    alerted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Centers, variances, scale and threshold, derived from ``sums``; immutable.

    Scale: a feature's ``means`` and ``deviations`` over all that was learned.  Distance: each
    feature's deviation from the center is divided by the cluster's own standard deviation, which is
    shrunk to the overall one for young clusters and never falls below a floor.
    """

    id: str
    sums: Sums
    config: ModelConfig
    centers: Floats
    variances: Floats
    means: Floats
    deviations: Floats
    currency_means: Floats
    threshold_sq: float

    @classmethod
    def of(cls, version_id: str, sums: Sums, config: ModelConfig) -> ModelVersion:
        """Derive the version of ``sums``; while warming its centers are NaN and nothing alerts."""
        means, deviations = sums.scale(config)
        with np.errstate(invalid="ignore", divide="ignore"):
            known = sums.cluster_known
            centers = np.where(known > 0, sums.cluster_sums / known, means)
            own = np.maximum(sums.cluster_sums_sq / known - centers**2, 0.0)
            currency_means = np.where(
                sums.currency_weights >= config.currency_min_weight,
                sums.currency_sums / sums.currency_weights,
                np.nan,
            )
        prior = config.variance_prior_weight
        shrunk = (known * np.where(known > 0, own, 0.0) + prior * deviations**2) / (known + prior)
        floor = np.maximum(
            config.variance_floor_share * deviations**2, np.array(config.spread_floors) ** 2
        )
        return cls(
            id=version_id,
            sums=sums,
            config=config,
            centers=centers,
            variances=np.maximum(shrunk, floor),
            means=means,
            deviations=deviations,
            currency_means=currency_means,
            threshold_sq=_threshold_sq(sums, config.alert_budget),
        )

    @property
    def is_warming(self) -> bool:
        return self.sums.is_warming

    def prepare(self, X: Floats, currencies: Integers) -> tuple[Floats, Floats]:
        """Return X centred per currency and clipped, missing entries 0, and which are present.

        ``X`` IN (n, n_features) with NaN for missing; column 0 is ln amount in its own currency.
        """
        centred, present = self.centred(X, currencies)
        reach = self.config.clip_deviations * self.deviations
        return present * np.clip(centred, self.means - reach, self.means + reach), present

    def centred(self, X: Floats, currencies: Integers) -> tuple[Floats, Floats]:
        """Return X with ln amount relative to its currency's usual one, and which are present."""
        centred = X.copy()
        centred[:, 0] -= self.currency_means[currencies]
        present = ~np.isnan(centred)
        centred[~present] = 0.0
        return centred, present.astype(float)

    def score(self, X: Floats, currencies: Integers) -> Scored:
        """Score the rows of X; the version must not be warming."""
        prepared, present = self.prepare(X, currencies)
        precisions, sides = 1.0 / self.variances, np.array(self.config.sides)
        labels = assign(prepared, present, self.centers, precisions)
        addends = contributions(prepared, present, self.centers, precisions, labels, sides)
        distances_sq = addends.sum(axis=1)
        return Scored(
            X=prepared,
            present=present,
            labels=labels,
            contributions=addends,
            distances_sq=distances_sq,
            scores=share_below(self.sums.score_histogram, distances_sq),
            alerted=distances_sq > self.threshold_sq,
        )


def _threshold_sq(sums: Sums, alert_budget: float) -> float:
    """Return the squared distance above which recent traffic would have kept to the budget.

    The histogram lags behind drift, always on the same side.  What was in fact alerted shows by how
    much, and the share asked of the histogram is corrected by that ratio, at most twofold.
    """
    weight = sums.score_histogram.sum()
    if weight <= 0:
        return float("inf")
    achieved = float(sums.alerted_weight) / weight
    correction = np.clip(alert_budget / max(achieved, 1e-9), 1 / _MAX_CORRECTION, _MAX_CORRECTION)
    return quantile(sums.score_histogram, 1.0 - alert_budget * correction)
