"""Everything that is learned, as sums: a model's state and a partition's delta are the same type.

Invariants:
* `merged` is associative and commutative up to rounding; `decayed` is a scalar multiplication.
* ``transactions_seen`` and ``transactions_taught`` are plain counters: they never decay.
* With decay off, ``scored_weight`` and each row of ``feature_histograms`` sum to
  ``transactions_seen`` and ``cluster_weights`` to ``transactions_taught`` (once the model has left its
  warm-up).
* What is frozen is zero in a delta, so that the sum of head and delta has the head's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeVar

import numpy as np

from streamer.arrays import Floats, Integers, Singles
from streamer.model.calibration import N_CALIBRATION_BINS
from streamer.model.feature_histogram import N_FEATURE_BINS
from streamer.model.model_config import ModelConfig
from streamer.model.odds import N_STEPS
from streamer.model.recent import N_NUMBERS, aged
from streamer.model.trial import N_TRIAL_BINS

__all__ = [
    "ANCHORS",
    "CENSUS",
    "CENSUS_SQ",
    "COUNTERS",
    "FROZEN",
    "HOURS",
    "INPUTS",
    "JUDGED",
    "LANES",
    "N_AGES",
    "N_WEEKS",
    "PACE",
    "RECENT",
    "ROWS",
    "SCORES",
    "SETTLED",
    "SPANS",
    "TRIAL",
    "Sums",
]

N_LANES: Final = 3
"""Main, reserve, sample."""

Group = TypeVar("Group", bound=tuple[Any, ...])

COUNTERS: Final = (
    "transactions_seen",
    "transactions_taught",
    "revivals",
    "verdicts_learned",
    "reference_at",
    "reference_due",
)
ROWS: Final = ("warmup_X", "warmup_currencies")
SCORES: Final = ("scored_weight", "alerted_weight")
RECENT: Final = ("recent_rows",)
"""They merge by concatenation, as `ROWS` do, and age (`recent`)."""
INPUTS: Final = ("odds_gram", "odds_moment", "input_weights", "input_sums", "input_sums_sq")
"""Empty until the first verdict, so that a deployment without verdicts carries nothing."""
JUDGED: Final = (*INPUTS, "verdict_weights", "fraud_delays")
TRIAL: Final = ("trial", "calibration")
LANES: Final = ("lane_verdicts",)
CENSUS: Final = ("census",)
CENSUS_SQ: Final = ("census_sq",)
"""By the square of the `CENSUS`' discount."""
FROZEN: Final = (
    "reference_histograms",
    "reference_currency_means",
    "input_scale",
    "amount_steps",
)
N_WEEKS: Final = 32
N_AGES: Final = 18
"""The weeks that frauds are counted in, and bins of how old each was when it was found (`delays`)."""
SETTLED: Final = -1
"""The ``reference_due`` of a reference that is not due to be frozen anew."""
ANCHORS: Final = ("anchor_centers", "anchor_variances")
HOURS: Final = ("hour_weights", "hour_alerts", "hour_asked", "hour_exposures")
"""By hour of the day; they decay with event time (`budget`)."""
PACE: Final = ("traffic_pace",)
SPANS: Final = ("event_span",)
"""They merge by their maximum and never decay."""


@dataclass(slots=True)
class Sums:
    """Sums over transactions.  Shapes: k clusters, d features, c currencies, m warm-up rows.

    ``cluster_known[k, j]`` is the weight of cluster k's payments in which feature j was known.
    ``recent_rows`` are the recent sample (`recent`).  ``odds_gram`` (a triangle) and ``odds_moment``
    are the sums of the odds (`odds`), ``input_*`` their inputs' scale, ``verdict_weights`` the
    legitimate and the fraudulent, ``trial`` (detector, verdict, bin) their comparison (`trial`),
    ``calibration`` (verdict, bin) what became of payments by their log-odds (`calibration`).
    ``fraud_delays`` (2, N_WEEKS, N_AGES) say when frauds are found (`delays`).
    ``lane_verdicts`` (lane, verdict) are the judged alerts by lane (`lanes`), ``census`` and
    ``census_sq`` what verdicts say of alerts and sample (`census`).
    ``feature_addends`` sums what each feature added to squared distances, before they were made
    comparable.  ``alerted_weight`` is the part of ``scored_weight`` that was alerted.  ``warmup_X``
    holds the raw feature rows of the warm-up, until the first centers exist.  ``hour_*`` and
    ``traffic_pace`` are what the budget knows of the time of day (`budget`), ``event_span`` minus the
    first and the last event time in seconds since the epoch.  The anchors (`streamer.model.bounds`)
    are positions: they never decay, and a delta's are steps.

    ``feature_histograms`` (d, N_FEATURE_BINS) say where the features' values lie; drift is their
    distance from ``reference_histograms``, frozen at ``reference_at`` transactions and due to be frozen
    anew at ``reference_due``.  ``reference_currency_means`` are the first usual ln amounts that were
    known, 0 for none: what the amounts in the histograms are relative to.  ``input_scale`` (mean and
    deviation, input) and ``amount_steps`` are 0 until they are frozen (`input_scale`).
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
    feature_addends: Floats
    currency_weights: Floats
    currency_sums: Floats
    scored_weight: Floats
    alerted_weight: Floats
    recent_rows: Singles
    hour_weights: Floats
    hour_alerts: Floats
    hour_asked: Floats
    hour_exposures: Floats
    traffic_pace: Floats
    event_span: Floats
    odds_gram: Floats
    odds_moment: Floats
    input_weights: Floats
    input_sums: Floats
    input_sums_sq: Floats
    verdict_weights: Floats
    trial: Floats
    calibration: Floats
    fraud_delays: Floats
    lane_verdicts: Floats
    census: Floats
    census_sq: Floats
    warmup_X: Floats
    warmup_currencies: Integers
    feature_histograms: Floats
    reference_histograms: Floats
    reference_currency_means: Floats
    input_scale: Floats
    amount_steps: Floats
    transactions_seen: int = 0
    transactions_taught: int = 0
    revivals: int = 0
    verdicts_learned: int = 0
    reference_at: int = 0
    reference_due: int = 0

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
            feature_addends=np.zeros(d),
            currency_weights=np.zeros(c),
            currency_sums=np.zeros(c),
            scored_weight=np.zeros(()),
            alerted_weight=np.zeros(()),
            recent_rows=np.zeros((0, d + len(config.context_names) + N_NUMBERS), np.float32),
            hour_weights=np.zeros(24),
            hour_alerts=np.zeros(24),
            hour_asked=np.zeros(24),
            hour_exposures=np.zeros(24),
            traffic_pace=np.zeros(2),
            event_span=np.full(2, -np.inf),
            odds_gram=np.zeros(0),
            odds_moment=np.zeros(0),
            input_weights=np.zeros(0),
            input_sums=np.zeros(0),
            input_sums_sq=np.zeros(0),
            verdict_weights=np.zeros(2),
            trial=np.zeros((2, 2, N_TRIAL_BINS)),
            calibration=np.zeros((2, N_CALIBRATION_BINS)),
            fraud_delays=np.zeros((2, N_WEEKS, N_AGES)),
            lane_verdicts=np.zeros((N_LANES, 2)),
            census=np.zeros((3, 2)),
            census_sq=np.zeros(()),
            warmup_X=np.zeros((0, d)),
            warmup_currencies=np.zeros(0, dtype=np.int64),
            feature_histograms=np.zeros((d, N_FEATURE_BINS)),
            reference_histograms=np.zeros((d, N_FEATURE_BINS)),
            reference_currency_means=np.zeros(c),
            input_scale=np.zeros((2, config.n_inputs)),
            amount_steps=np.zeros(N_STEPS),
        )

    def named(self, group: type[Group]) -> Group:
        """Return the arrays that a named tuple's fields are called after: a kernel takes no `Sums`."""
        return group(*_getter(group)(self))

    @property
    def n_bytes(self) -> int:
        """Memory of its arrays."""
        return sum(getattr(self, f.name).nbytes for f in fields(self) if f.name not in COUNTERS)

    @property
    def teaches(self) -> bool:
        """Whether a delta holds anything: verdicts come also where no payment does."""
        return self.transactions_seen > 0 or self.input_weights.size > 0

    @property
    def is_warming(self) -> bool:
        """Whether there are no centers yet."""
        return not self.cluster_weights.any()

    @property
    def is_reference_settled(self) -> bool:
        """Whether drift is measured against a reference that only a promotion replaces."""
        return self.reference_due == SETTLED

    def merged(self, other: Sums) -> Sums:
        """Return the sums over both sets of transactions."""
        combined: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name in (*ROWS, *RECENT):
                combined[field.name] = np.concatenate([mine, theirs])
            elif field.name in SPANS:
                combined[field.name] = np.maximum(mine, theirs)
            elif field.name in INPUTS and not (mine.size and theirs.size):
                combined[field.name] = (mine if mine.size else theirs).copy()
            else:
                combined[field.name] = mine + theirs
        return Sums(**combined)

    def decayed(
        self,
        discount: float,
        score_discount: float,
        verdict_discount: float = 1.0,
        trial_discount: float = 1.0,
        hour_discount: float = 1.0,
        pace_discount: float = 1.0,
        lane_discount: float = 1.0,
        census_discount: float = 1.0,
    ) -> Sums:
        """Return the sums multiplied by ``discount``, those of scores, verdicts and hours by their own.

        Counters stay as they are.
        """
        exempt = {*COUNTERS, *ROWS, *SCORES, *JUDGED, *TRIAL, *FROZEN, *ANCHORS}
        exempt |= {*HOURS, *PACE, *SPANS, *RECENT, *LANES, *CENSUS, *CENSUS_SQ}
        decaying = [field.name for field in fields(self) if field.name not in exempt]
        return replace(
            self,
            **{name: getattr(self, name) * discount for name in decaying},
            **{name: getattr(self, name) * score_discount for name in SCORES},
            recent_rows=aged(self.recent_rows, score_discount),
            **{name: getattr(self, name) * verdict_discount for name in JUDGED},
            **{name: getattr(self, name) * trial_discount for name in TRIAL},
            **{name: getattr(self, name) * hour_discount for name in HOURS},
            **{name: getattr(self, name) * pace_discount for name in PACE},
            **{name: getattr(self, name) * lane_discount for name in LANES},
            **{name: getattr(self, name) * census_discount for name in CENSUS},
            **{name: getattr(self, name) * census_discount**2 for name in CENSUS_SQ},
        )

    def currency_means(self, config: ModelConfig) -> Floats:
        """Return each currency's usual ln amount, NaN for one that was seen too seldom to have one."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(
                self.currency_weights >= config.currency_min_weight,
                self.currency_sums / self.currency_weights,
                np.nan,
            )

    def scale(self, config: ModelConfig) -> tuple[Floats, Floats]:
        """Return each feature's mean and floored standard deviation over all that was learned."""
        weights = np.maximum(self.feature_weights, 1e-12)
        means = self.feature_sums / weights
        variances = np.maximum(self.feature_sums_sq / weights - means**2, 0.0)
        return means, np.maximum(np.sqrt(variances), np.array(config.spread_floors))


@cache
def _getter(group: type[Any]) -> Callable[[Sums], tuple[Any, ...]]:
    return attrgetter(*group._fields)
