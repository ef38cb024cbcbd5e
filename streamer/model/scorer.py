"""A model version: the read-only view of the sums that scores transactions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.model.budget import N_HOURS, Asked, asked
from streamer.model.calibration import calibrated, probabilities
from streamer.model.confidence import beliefs, expectations, maturities
from streamer.model.histogram import N_BINS, distribution_of, log2_at, places_below
from streamer.model.input_scale import scale_of
from streamer.model.lanes import WHOLE, Split, split_of
from streamer.model.model_config import ModelConfig
from streamer.model.odds import NO_ODDS, LogOdds, coefficients, log_odds_at
from streamer.model.recent import histograms_of, unpacked
from streamer.model.scored import Room, Scored
from streamer.model.scores import FEATURE, HOUR, Lines, Ruler, score_batch
from streamer.model.sums import Sums
from streamer.model.trial import DISTANCE, ODDS, average_precision

__all__ = ["Scorer", "distances_at", "odds_at", "trial_precisions"]

# Of what is asked for, a quarter is still told by the sample itself: some forty payments.
_TAIL_SHARE: Final = 0.25
# Where alerts alone are judged, the frauds that are known are those that whatever ranked had found: in
# the trial the distance is far ahead while it ranks.  Odds that over all payments were ahead of it had
# a third to a half of its precision there (decision 0039).
_CLEARLY_WORSE: Final = 0.25
_NO_TIMES: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Scorer:
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

    ``asked`` are the shares of recent traffic that are to alert, ``split`` how they are divided.
    ``distances_below`` and ``odds_below`` say how much of that lies below a score, by what this version
    itself gives to the recent sample.  The thresholds are quantiles of them, where the main lane
    begins: ``threshold_sq`` and ``threshold_log_odds`` for a payment of no known hour, the ``hourly_``
    (24,) by hour of the day.  Without a sample they are infinite.
    ``scored_by`` is all of it as `score_batch` takes it.
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
    odds: LogOdds | None = None
    ranks_by_odds: bool = False
    split: Split = WHOLE
    distances_below: Floats = field(default_factory=lambda: np.zeros(N_BINS + 1))
    odds_below: Floats = field(default_factory=lambda: np.zeros(N_BINS + 1))
    threshold_sq: float = field(init=False)
    hourly_threshold_sq: Floats = field(init=False)
    threshold_log_odds: float = field(init=False)
    hourly_threshold_log_odds: Floats = field(init=False)
    ruler: Ruler = field(init=False, repr=False)
    lines: Lines = field(init=False, repr=False)
    scored_by: tuple[Any, ...] = field(init=False, repr=False)
    spread_floors: Floats = field(init=False, repr=False)
    told_log_odds: Floats = field(init=False, repr=False)

    @classmethod
    def of(cls, version_id: str, sums: Sums, config: ModelConfig) -> Scorer:
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
        odds = _odds(sums, config)
        by_odds = odds is not None and _may_rank(sums, config)
        version = cls(
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
            asked=asked(sums, config),
            odds=odds,
            ranks_by_odds=by_odds,
            split=split_of(sums, config, by_odds=by_odds),
        )
        return version if version.is_warming else version._ranking_recent()

    def _ranking_recent(self) -> Scorer:
        """Return the version with the ranks of what it gives to the recent sample."""
        recent = unpacked(self.sums.recent_rows, self.config)
        scored = self.score(recent.X, recent.currencies, recent.V)
        histograms = histograms_of(scored.distances_sq, scored.log_odds, recent.weights)
        tail = _TAIL_SHARE * self.asked.share
        by_distance, by_odds = (distribution_of(each, tail) for each in histograms)
        return replace(self, distances_below=by_distance, odds_below=by_odds)

    @property
    def is_warming(self) -> bool:
        return self.sums.is_warming

    @property
    def odds_or_none(self) -> LogOdds:
        """The odds, or what a kernel gets where there are none."""
        return NO_ODDS if self.odds is None else self.odds

    def centred(self, X: Floats, currencies: Integers) -> Floats:
        """Return X with ln amount, column 0, relative to its currency's usual one."""
        centred = X.copy()
        centred[:, 0] -= self.currency_means[currencies]
        return centred

    def score(
        self,
        X: Floats,
        currencies: Integers,
        V: Floats | None = None,
        times_ms: Integers | None = None,
    ) -> Scored:
        """Score the rows of X; the version must not be warming.

        ``X`` IN (n, n_features) with NaN for missing; column 0 is ln amount in its own currency.
        ``V`` IN (n, n_context) is what verdicts say of them, None for nothing.  ``times_ms`` IN (n,)
        are their event times, which thresholds go by; None where there are none.
        """
        if V is None:
            V = np.full((len(X), len(self.config.context_names)), np.nan)
        room = self.room(len(X))
        score_batch(
            *room,
            np.ascontiguousarray(X),
            currencies,
            np.ascontiguousarray(V),
            _NO_TIMES if times_ms is None else times_ms,
            *self.scored_by,
        )
        return Scored.of(room, has_odds=self.odds is not None, by_odds=self.lines.by_odds)

    def thresholds_at(self, shares: Floats, by_distance: Flags) -> Floats:
        """Return what each of ``shares`` (n,) of recent traffic exceeds, in the units of what ranks.

        Of those ``by_distance`` (n,) it is a squared distance, whatever ranks the others.
        """
        if self.lines.by_odds:
            by_odds = odds_at(self.odds_below, shares)
            if not by_distance.any():
                return by_odds
            return np.where(by_distance, distances_at(self.distances_below, shares), by_odds)
        return distances_at(self.distances_below, shares)

    def probability_of(self, log_odds: float) -> float:
        """Return the probability of fraud that is told of a payment's log-odds."""
        return self.probabilities_of(np.array([log_odds])).item()

    def probabilities_of(self, log_odds: Floats) -> Floats:
        """Return the probabilities of fraud that are told of payments' log-odds, both (n,)."""
        return probabilities(log_odds, self.told_log_odds)

    def room(self, n: int) -> Room:
        """Return arrays for the scores of ``n`` payments."""
        return Room.of(n, self.config.n_features, self.config.n_inputs)

    def __post_init__(self) -> None:
        shares = np.append(self.asked.hourly, self.asked.share) * self.split.main
        for what, by_hour in (
            ("threshold_sq", distances_at(self.distances_below, shares)),
            ("threshold_log_odds", odds_at(self.odds_below, shares)),
        ):
            object.__setattr__(self, what, float(by_hour[-1]))
            object.__setattr__(self, f"hourly_{what}", by_hour[:-1])
        object.__setattr__(self, "ruler", self._new_ruler())
        object.__setattr__(self, "lines", self._new_lines())
        scored_by = *self.ruler, *self.odds_or_none, *self.lines
        object.__setattr__(self, "scored_by", scored_by)
        object.__setattr__(self, "spread_floors", np.array(self.config.spread_floors))
        object.__setattr__(self, "told_log_odds", calibrated(self.sums.calibration))

    def _new_ruler(self) -> Ruler:
        reach = self.config.clip_deviations * self.deviations
        features = np.empty(len(self.means), FEATURE)
        features["lowest"], features["highest"] = self.means - reach, self.means + reach
        features["average"], features["deviation"] = self.means, self.deviations
        features["side"], features["maturity"] = self.config.sides, self.maturities
        features["expected"] = self.maturities * self.expectations
        return Ruler(
            features=features,
            currency_means=self.currency_means,
            centers_of=np.ascontiguousarray(self.centers.T),
            precisions_of=np.ascontiguousarray(1.0 / self.variances.T),
            centers=self.centers,
            center_deviations=np.sqrt(self.variances),
            beliefs=self.beliefs,
            linear_beyond=self.config.linear_beyond,
            expectation_floor=self.config.expectation_floor,
        )

    def _new_lines(self) -> Lines:
        by_odds = self.ranks_by_odds and self.odds is not None
        hours = np.empty(N_HOURS + 1, HOUR)
        if by_odds:
            hours["threshold"] = *self.hourly_threshold_log_odds, self.threshold_log_odds
        else:
            hours["threshold"] = *self.hourly_threshold_sq, self.threshold_sq
        hours["asked"] = *self.asked.hourly, self.asked.share
        hours["due"] = *self.asked.due, self.asked.share
        return Lines(
            hours=hours,
            distances_below=self.distances_below,
            odds_below=self.odds_below,
            by_odds=by_odds,
        )

    def expected(self, nearest: int, x: Floats) -> Floats:
        """Return what each of ``x`` (d,) is suspicious against: the center, or else the mean."""
        center = self.centers[nearest]
        return np.where((x - center) * self.ruler.features["side"] >= 0, center, self.means)


def distances_at(below: Floats, shares: Floats) -> Floats:
    """Return the squared distances that ``shares`` (n,) of the distribution ``below`` exceed."""
    return np.asarray(2.0 ** log2_at(places_below(below, 1.0 - shares)))


def odds_at(below: Floats, shares: Floats) -> Floats:
    """Return the log-odds that ``shares`` (n,) of the distribution ``below`` exceed."""
    return log_odds_at(places_below(below, 1.0 - shares))


def _odds(sums: Sums, config: ModelConfig) -> LogOdds | None:
    """Return the odds; None until verdicts have said on which scale their inputs lie."""
    if not sums.input_weights.size:
        return None
    return LogOdds(
        *scale_of(sums),
        coefficients(sums.odds_gram, sums.odds_moment, config.n_inputs),
    )


def _may_rank(sums: Sums, config: ModelConfig) -> bool:
    """Return whether the odds have learned enough, and did not rank recent verdicts clearly worse."""
    if sums.trial[ODDS, 1].sum() < config.odds_min_frauds:
        return False
    precisions = trial_precisions(sums)
    return precisions["odds"] > _CLEARLY_WORSE * precisions["distance"]


def trial_precisions(sums: Sums) -> dict[str, float]:
    """Return the average precision of distance and odds on recent verdicts, 0 without frauds."""
    named = (("distance", DISTANCE), ("odds", ODDS))
    return {name: average_precision(*sums.trial[detector]) for name, detector in named}
