"""A model version: the read-only view of the sums that scores transactions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.model.budget import Asked, asked, hours_of
from streamer.model.confidence import USUAL_ADDEND, beliefs, expectations, maturities
from streamer.model.config import ModelConfig
from streamer.model.histogram import quantiles, share_below
from streamer.model.kmeans import assign, contributions, row_sums
from streamer.model.odds import LogOdds, coefficients, odds_ranks
from streamer.model.odds import thresholds as odds_thresholds
from streamer.model.sums import Sums
from streamer.model.trial import DISTANCE, HEAD, average_precision

__all__ = ["ModelVersion", "Scored", "trial_precisions"]

# The head's inputs are logarithms for the most part; closer together than this they are one value.
_INPUT_SPREAD_FLOOR: Final = 0.1
_SMALLEST_DISTANCE_SQ: Final = 1e-3
# The threshold of the head needs odds to count.
_MIN_ODDS_WEIGHT: Final = 2_000.0


Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of n transactions.

    ``contributions`` (n, n_features) sum to ``distances_sq`` (n,) over features.  ``factors`` (n,) is
    what they were multiplied by to be comparable between payments of which more and less is known,
    and ``addends`` (n, n_features) what they were before that and in full.
    ``X`` and ``present`` are the clipped, centred rows that were compared, missing entries 0.

    ``scores`` are the ranks in [0, 1] of what ranks: the head's log-odds where it is active, else the
    distance.  ``inputs`` (n, n_inputs) are the head's, NaN where unknown.

    ``thresholds`` (n,) is what was exceeded where ``alerted``, in the units of what ranks: squared
    distance or log-odds.  ``asked`` (n,) is the share of recent scores that was to alert at the
    payment's hour, ``due`` (n,) the same without the hour's correction (`Asked`).
    """

    X: Floats
    present: Floats
    labels: Integers
    contributions: Floats
    factors: Floats
    addends: Floats
    distances_sq: Floats
    scores: Floats
    alerted: NDArray[np.bool_]
    thresholds: Floats
    asked: Floats
    due: Floats
    distance_ranks: Floats
    inputs: Floats
    log_odds: Floats | None = None
    odds_ranks: Floats | None = None

    @property
    def ranks(self) -> Floats:
        """Return the ranks of distance and head, shape (n, 2), NaN where there is no head."""
        none = np.full(len(self.distance_ranks), np.nan)
        ranks = none if self.odds_ranks is None else self.odds_ranks
        return np.column_stack([self.distance_ranks, ranks])


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Centers, variances, scale and threshold, derived from ``sums``; immutable.

    Scale: a feature's ``means`` and ``deviations`` over all that was learned.  Distance: each
    feature's deviation from the center is divided by the cluster's own standard deviation, which is
    shrunk to the overall one for young clusters and never falls below a floor.

    A center is believed as far as traffic comes to it: of a cluster with the share π of all payments
    the belief is b = π / (π + `belief_share`), and the distance is b times that to the center plus
    1 - b times that to the mean of all traffic.  Otherwise the few strange payments that found a
    cluster of their own would be excused by it.

    A feature of which little was learned counts in proportion (``maturities``).  The sum over the
    features that are known is divided by what is expected of them (``expectations``, the mean
    addends), so that the ranking and its threshold do not jump when a feature becomes known.

    ``asked`` are the shares of recent scores that are to alert.  ``threshold_sq`` and
    ``threshold_log_odds`` are for a payment of no known hour, the ``hourly_`` (24,) by hour of the day.
    """

    id: str
    sums: Sums
    config: ModelConfig
    centers: Floats
    variances: Floats
    means: Floats
    deviations: Floats
    currency_means: Floats
    beliefs: Floats
    maturities: Floats
    expectations: Floats
    asked: Asked
    threshold_sq: float
    hourly_threshold_sq: Floats
    head: LogOdds | None = None
    is_head_active: bool = False
    threshold_log_odds: float = float("inf")
    hourly_threshold_log_odds: Floats = field(default_factory=lambda: np.full(24, np.inf))

    @classmethod
    def of(cls, version_id: str, sums: Sums, config: ModelConfig) -> ModelVersion:
        """Derive the version of ``sums``; while warming its centers are NaN and nothing alerts."""
        means, deviations = sums.scale(config)
        with np.errstate(invalid="ignore", divide="ignore"):
            known = sums.cluster_known
            centers = np.where(known > 0, sums.cluster_sums / known, means)
            own = np.maximum(sums.cluster_sums_sq / known - centers**2, 0.0)
        prior = config.variance_prior_weight
        shrunk = (known * np.where(known > 0, own, 0.0) + prior * deviations**2) / (known + prior)
        floor = np.maximum(
            config.variance_floor_share * deviations**2, np.array(config.spread_floors) ** 2
        )
        head = _head(sums, config)
        shares = asked(sums, config)
        below = 1.0 - np.append(shares.hourly, shares.share)
        by_distance = quantiles(sums.score_histogram, below)
        by_odds = odds_thresholds(sums.odds_histogram, below)
        return cls(
            id=version_id,
            sums=sums,
            config=config,
            centers=centers,
            variances=np.maximum(shrunk, floor),
            means=means,
            deviations=deviations,
            currency_means=sums.currency_means(config),
            beliefs=beliefs(sums.cluster_weights, config.belief_share),
            maturities=maturities(sums.feature_weights, config.maturity_weight),
            expectations=expectations(sums, config.expectation_prior_weight),
            asked=shares,
            threshold_sq=float(by_distance[-1]),
            hourly_threshold_sq=by_distance[:-1],
            head=head,
            is_head_active=head is not None and _is_better(sums, config),
            threshold_log_odds=float(by_odds[-1]),
            hourly_threshold_log_odds=by_odds[:-1],
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

    def score(
        self,
        X: Floats,
        currencies: Integers,
        V: Floats | None = None,
        times_ms: Integers | None = None,
    ) -> Scored:
        """Score the rows of X; the version must not be warming.

        ``V`` IN (n, n_context) is what verdicts say of them, None for nothing.  ``times_ms`` IN (n,)
        are the event times, which the threshold follows; None where there are none.  A row gets the
        same bits whatever other rows there are.
        """
        prepared, present = self.prepare(X, currencies)
        labels = assign(prepared, present, self.centers, 1.0 / self.variances)
        factors = self._factors(present)
        addends = self._addends(prepared, present, labels)
        shares = addends * self.maturities * factors[:, None]
        distances_sq = row_sums(shares)
        distance_ranks = share_below(self.sums.score_histogram, distances_sq)
        inputs = self._inputs(X, currencies, V, distances_sq)
        log_odds = ranks = None
        if self.head is not None:
            log_odds = self.head.base + row_sums(self.head.functions(inputs))
            ranks = odds_ranks(self.sums.odds_histogram, log_odds)
        scores, values = distance_ranks, distances_sq
        if self.is_head_active and log_odds is not None and ranks is not None:
            scores, values = ranks, log_odds
        thresholds, wanted, due = self._thresholds(len(X), times_ms)
        return Scored(
            X=prepared,
            present=present,
            labels=labels,
            contributions=shares,
            factors=factors,
            addends=np.where(self.maturities > 0, addends, USUAL_ADDEND * present),
            distances_sq=distances_sq,
            scores=scores,
            alerted=values > thresholds,
            thresholds=thresholds,
            asked=wanted,
            due=due,
            distance_ranks=distance_ranks,
            inputs=inputs,
            log_odds=log_odds,
            odds_ranks=ranks,
        )

    def _thresholds(self, n: int, times_ms: Integers | None) -> tuple[Floats, Floats, Floats]:
        """Return the threshold of what ranks, and the shares asked and due, each (n,)."""
        by_odds = self.is_head_active
        if times_ms is None:
            at = self.threshold_log_odds if by_odds else self.threshold_sq
            return np.full(n, at), np.full(n, self.asked.share), np.full(n, self.asked.share)
        hours = hours_of(times_ms)
        hourly = self.hourly_threshold_log_odds if by_odds else self.hourly_threshold_sq
        return hourly[hours], self.asked.hourly[hours], self.asked.due[hours]

    def _inputs(
        self, X: Floats, currencies: Integers, V: Floats | None, distances_sq: Floats
    ) -> Floats:
        """Return the inputs of the head, shape (n, n_inputs), NaN where unknown."""
        inputs = np.empty((len(X), self.config.n_inputs))
        n_features = self.config.n_features
        inputs[:, :n_features] = X
        inputs[:, 0] -= self.currency_means[currencies]
        inputs[:, n_features:-1] = np.nan if V is None else V
        inputs[:, -1] = np.log(np.maximum(distances_sq, _SMALLEST_DISTANCE_SQ))
        return inputs

    def _addends(self, X: Floats, present: Floats, labels: Integers) -> Floats:
        """Return every feature's addend in full, shape (n, n_features)."""
        sides, reach = np.array(self.config.sides), self.config.linear_beyond
        to_center = contributions(
            X, present, self.centers, 1.0 / self.variances, labels, sides, reach
        )
        everywhere = np.zeros(len(X), dtype=np.int64)
        to_mean = contributions(
            X, present, self.means[None], 1.0 / self.deviations[None] ** 2, everywhere, sides, reach
        )
        belief = self.beliefs[labels, None]
        to_center *= belief
        to_mean *= 1.0 - belief
        to_center += to_mean
        return to_center

    def _factors(self, present: Floats) -> Floats:
        """Return what makes sums over each row's known features comparable, shape (n,)."""
        floor = self.config.expectation_floor
        usual = USUAL_ADDEND * self.config.n_features + floor
        return np.asarray(
            usual / (row_sums(present * (self.maturities * self.expectations)) + floor)
        )

    def expected(self, label: int, feature: int, value: float) -> float:
        """Return what ``value`` of ``feature`` is suspicious against: the center, or else the mean."""
        center = float(self.centers[label, feature])
        is_suspicious = (value - center) * self.config.sides[feature] >= 0
        return center if is_suspicious else float(self.means[feature])


def _head(sums: Sums, config: ModelConfig) -> LogOdds | None:
    """Return the head; None until labels have said on which scale its inputs lie."""
    if not sums.input_weights.size:
        return None
    weights = np.maximum(sums.input_weights, 1e-12)
    means = sums.input_sums / weights
    variances = np.maximum(sums.input_sums_sq / weights - means**2, 0.0)
    return LogOdds(
        means,
        np.maximum(np.sqrt(variances), _INPUT_SPREAD_FLOOR),
        coefficients(sums.head_gram, sums.head_moment, config.n_inputs),
    )


def _is_better(sums: Sums, config: ModelConfig) -> bool:
    """Return whether the head ranked recent labels better than the distance did."""
    if sums.odds_histogram.sum() < _MIN_ODDS_WEIGHT:
        return False
    if sums.trial[HEAD, 1].sum() < config.head_min_frauds:
        return False
    precisions = trial_precisions(sums)
    return precisions["head"] > precisions["distance"]


def trial_precisions(sums: Sums) -> dict[str, float]:
    """Return the average precision of distance and head on recent labels, 0 without frauds."""
    named = (("distance", DISTANCE), ("head", HEAD))
    return {name: average_precision(*sums.trial[detector]) for name, detector in named}
