"""A model version: the read-only view of the sums that scores transactions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.model.agreement import lifts, weights_of
from streamer.model.budget import N_HOURS, Asked, asked
from streamer.model.calibration import calibrated, probabilities
from streamer.model.confidence import beliefs, centers_of, expectations, maturities
from streamer.model.expected_loss import (
    NEVER_WORTH,
    NO_LOSS,
    log_values,
    rising,
    told_probabilities,
)
from streamer.model.histogram import LOSS_EXCESS, N_BINS, distribution_of
from streamer.model.lanes import WHOLE, Split, split_of
from streamer.model.model_config import ModelConfig
from streamer.model.odds import NO_ODDS, LogOdds
from streamer.model.quiet_tail import mean_addends, sides_of
from streamer.model.recent import Recent, histograms_of, unpacked
from streamer.model.scored import Room, Scored
from streamer.model.scores import FEATURE, HOUR, Lines, Ruler, score_batch
from streamer.model.sums import Sums
from streamer.model.taught_odds import may_rank, odds_of
from streamer.model.thresholds import distances_at, due_ratios, losses_at, odds_at

__all__ = ["Ranking", "Scorer"]

Ranking = Literal["distance", "log_odds", "expected_loss"]

# Of what is asked for, a quarter is still told by the sample itself: some forty payments.
_TAIL_SHARE: Final = 0.25
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

    A feature of which little was learned counts in proportion (``maturities``), and more where its
    extremes come with others' (``weights``), on its own side or both (``sides``).  The sum over those
    known is divided by what is expected of them (``expectations``): nothing jumps with one more known.

    ``has_loss``: it expects losses, to rank by them where the odds rank.
    ``asked`` are the shares of recent traffic that are to alert, ``split`` how they are divided.
    ``distances_below``, ``odds_below`` and ``losses_below`` say how much of that lies below a score, by
    what this version itself gives to the recent sample.  The thresholds are quantiles of them, where
    the main lane begins: ``threshold_sq``, ``threshold_log_odds`` and ``threshold_log_loss`` for a
    payment of no known hour, the ``hourly_`` (24,) by hour of the day.  Without a sample they are
    infinite.  ``scored_by`` is all of it as `score_batch` takes it.
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
    weights: Floats
    sides: Integers
    asked: Asked
    odds: LogOdds | None = None
    ranks_by_odds: bool = False
    split: Split = WHOLE
    distances_below: Floats = field(default_factory=lambda: np.zeros(N_BINS + 1))
    odds_below: Floats = field(default_factory=lambda: np.zeros(N_BINS + 1))
    losses_below: Floats = field(default_factory=lambda: np.zeros(N_BINS + 1))
    has_loss: bool = field(init=False)
    threshold_sq: float = field(init=False)
    hourly_threshold_sq: Floats = field(init=False)
    threshold_log_odds: float = field(init=False)
    hourly_threshold_log_odds: Floats = field(init=False)
    threshold_log_loss: float = field(init=False)
    hourly_threshold_log_loss: Floats = field(init=False)
    ruler: Ruler = field(init=False, repr=False)
    lines: Lines = field(init=False, repr=False)
    scored_by: tuple[Any, ...] = field(init=False, repr=False)
    spread_floors: Floats = field(init=False, repr=False)
    told_log_odds: Floats = field(init=False, repr=False)

    @classmethod
    def of(cls, version_id: str, sums: Sums, config: ModelConfig) -> Scorer:
        """Derive the version of ``sums``; while warming its centers are NaN and nothing alerts."""
        means, deviations = sums.scale(config)
        centers, variances = centers_of(sums, means, deviations, config)
        odds = odds_of(sums, config)
        by_odds = odds is not None and may_rank(sums, config)
        version = cls(
            id=version_id,
            sums=sums,
            config=config,
            centers=centers,
            variances=variances,
            means=means,
            deviations=deviations,
            currency_means=sums.currency_means(config),
            beliefs=beliefs(sums.cluster_weights, config.belief_share),
            maturities=maturities(sums.feature_weights, config.maturity_weight),
            expectations=expectations(sums, config.expectation_prior_weight),
            weights=np.ones(config.n_features),
            sides=np.array(config.sides),
            asked=asked(sums, config),
            odds=odds,
            ranks_by_odds=by_odds,
            split=split_of(sums, config, by_odds=by_odds),
        )
        return version if version.is_warming else version._ranking_recent()

    def _ranking_recent(self) -> Scorer:
        """Return the version with weights, and the ranks of what it then gives to the sample."""
        recent = unpacked(self.sums.recent_rows, self.config)
        version = self._weighing(recent)
        scored = version._scored(recent)
        found = scored.distances_sq, scored.log_odds, scored.log_losses
        histograms = histograms_of(*found, recent.weights)
        tail = _TAIL_SHARE * self.asked.share
        of_distance, of_odds = (distribution_of(each, tail) for each in histograms[:2])
        losses = distribution_of(histograms[2], tail, LOSS_EXCESS)
        return replace(
            version, distances_below=of_distance, odds_below=of_odds, losses_below=losses
        )

    def _weighing(self, recent: Recent) -> Scorer:
        """Return it with sides and weights; with odds as it is, which learn from ln distance²."""
        config = self.config
        if math.isinf(config.agreement_floor) or self.odds is not None:
            return self
        alike = replace(self, weights=np.ones(config.n_features), sides=np.array(config.sides))
        loud = alike._scored(recent).contributions
        quiet = replace(alike, sides=-alike.sides)._scored(recent).contributions
        sides = sides_of(loud, quiet, recent.weights, alike.sides, config.of_amounts)
        counted = replace(alike, sides=sides)
        own = mean_addends(counted._scored(recent), recent.weights, self.expectations)
        expectations = np.where(sides == alike.sides, self.expectations, own)
        lift = lifts(loud, recent.weights, config.subjects or config.feature_names)
        weights = weights_of(lift, self.maturities * expectations, config.agreement_floor)
        return replace(counted, weights=weights, expectations=expectations)

    def _scored(self, recent: Recent) -> Scored:
        return self.score(recent.X, recent.currencies, recent.V)

    @property
    def is_warming(self) -> bool:
        return self.sums.is_warming

    @property
    def ranked_by(self) -> Ranking:
        """What ranks its payments, but for the reserve's."""
        if not self.lines.by_odds:
            return "distance"
        return "expected_loss" if self.has_loss else "log_odds"

    @property
    def due_share(self) -> float:
        """The share of traffic that is due to alert: what is asked for, as far as it is worth it."""
        return self.asked.target * float(self._due_ratios()[-1])

    @property
    def odds_or_none(self) -> LogOdds:
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
        V = np.full((len(X), len(self.config.context_names)), np.nan) if V is None else V
        room = self.room(len(X))
        score_batch(
            *room,
            np.ascontiguousarray(X),
            currencies,
            np.ascontiguousarray(V),
            _NO_TIMES if times_ms is None else times_ms,
            *self.scored_by,
        )
        has_odds, by_odds = self.odds is not None, self.lines.by_odds
        return Scored.of(room, has_odds=has_odds, by_odds=by_odds, has_loss=self.has_loss)

    def thresholds_at(self, shares: Floats, by_distance: Flags) -> Floats:
        """Return what each of ``shares`` (n,) of recent traffic exceeds, in the units of what ranks.

        Of those ``by_distance`` (n,) it is a squared distance, whatever ranks the others.
        """
        if self.lines.by_odds:
            by_odds = odds_at(self.odds_below, shares)
            if self.has_loss:
                by_odds = losses_at(self.losses_below, shares, self.lines.least_log_loss)
            return np.where(by_distance, distances_at(self.distances_below, shares), by_odds)
        return distances_at(self.distances_below, shares)

    def probability_of(self, log_odds: float) -> float:
        """Return the probability of fraud that is told of a payment's log-odds."""
        return self.probabilities_of(np.array([log_odds])).item()

    def probabilities_of(self, log_odds: Floats) -> Floats:
        """Return the probabilities of fraud that are told of payments' log-odds, both (n,)."""
        if self.has_loss:
            return told_probabilities(log_odds, self.lines.told)
        return probabilities(log_odds, self.told_log_odds)

    def room(self, n: int) -> Room:
        """Return arrays for the scores of ``n`` payments."""
        config = self.config
        return Room.of(n, config.n_features, config.n_inputs, has_loss=self.has_loss)

    def __post_init__(self) -> None:
        has_loss = self.config.rank_by == "expected_loss" and self.odds is not None
        object.__setattr__(self, "has_loss", has_loss)
        shares = np.append(self.asked.hourly, self.asked.share) * self.split.main
        for what, by_hour in (
            ("threshold_sq", distances_at(self.distances_below, shares)),
            ("threshold_log_odds", odds_at(self.odds_below, shares)),
            ("threshold_log_loss", losses_at(self.losses_below, shares, self._least_log_loss())),
        ):
            object.__setattr__(self, what, float(by_hour[-1]))
            object.__setattr__(self, f"hourly_{what}", by_hour[:-1])
        object.__setattr__(self, "told_log_odds", calibrated(self.sums.calibration))
        object.__setattr__(self, "ruler", self._new_ruler())
        object.__setattr__(self, "lines", self._new_lines())
        object.__setattr__(self, "scored_by", self._scored_by())
        object.__setattr__(self, "spread_floors", np.array(self.config.spread_floors))

    def _new_ruler(self) -> Ruler:
        reach = self.config.clip_deviations * self.deviations
        features = np.empty(len(self.means), FEATURE)
        features["lowest"], features["highest"] = self.means - reach, self.means + reach
        features["average"], features["deviation"] = self.means, self.deviations
        features["side"], features["maturity"] = self.sides, self.maturities * self.weights
        features["expected"] = features["maturity"] * self.expectations
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
        what = ("log_loss" if self.has_loss else "log_odds") if by_odds else "sq"
        hours["threshold"][:-1] = getattr(self, f"hourly_threshold_{what}")
        hours["threshold"][-1] = getattr(self, f"threshold_{what}")
        hours["asked"] = *self.asked.hourly, self.asked.share
        hours["due"] = self._due_ratios() * [*self.asked.due, self.asked.share]
        return Lines(
            hours=hours,
            distances_below=self.distances_below,
            odds_below=self.odds_below,
            by_odds=by_odds,
            losses_below=self.losses_below,
            told=rising(self.told_log_odds) if self.has_loss else NO_LOSS,
            log_values=log_values(self.sums, self.config),
            least_log_loss=self._least_log_loss(),
        )

    def _least_log_loss(self) -> float:
        cost, ranks = self.config.review_cost, self.has_loss and self.ranks_by_odds
        return math.log(cost) if ranks and cost > 0 else NEVER_WORTH

    def _due_ratios(self) -> Floats:
        """Return what is due of what would be, by hour and at last for an unknown one, (25,)."""
        least = self._least_log_loss()
        if least == NEVER_WORTH:
            return np.ones(N_HOURS + 1)
        by_hour = np.append(self.asked.hourly, self.asked.share)
        return due_ratios(self.losses_below, least, by_hour, self.split.main)

    def _scored_by(self) -> tuple[Any, ...]:
        ruler, lines = self.ruler, self.lines
        of_currencies = np.stack([ruler.currency_means, lines.log_values])
        below = np.stack([lines.distances_below, lines.odds_below, lines.losses_below])
        measured = ruler.features, of_currencies, *ruler[2:], *self.odds_or_none
        return *measured, lines.hours, below, lines.by_odds, lines.told

    def expected(self, nearest: int, x: Floats) -> Floats:
        """Return what each of ``x`` (d,) is suspicious against: the center, or else the mean."""
        center = self.centers[nearest]
        return np.where((x - center) * self.ruler.features["side"] >= 0, center, self.means)
