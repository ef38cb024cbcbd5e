"""Learning: from scored batches into a delta, and from a delta to the next version's sums.

The update is mini-batch k-means with a half-life.  With γ = 0.5^(n_new / half_life), m new payments
of mean x̄ in a cluster of weight W and center c,

    W' = γW + m        c' = c + (m / W')(x̄ - c)

for every cluster, visited or not (Sculley 2010, "Web-scale k-means clustering"; Spark's streaming
k-means).  Kept as sums, S = Wc, this is S' = γS + Σx: a decay and an addition.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.model.bounds import bounded_step
from streamer.model.budget import follow_hours
from streamer.model.delays import rolled
from streamer.model.feature_histogram import count_features, first_currency_means
from streamer.model.input_scale import follow_scale
from streamer.model.kmeans import best_assignment, cluster_sums
from streamer.model.learned_rows import added_of, learn_rows, note_rows
from streamer.model.model_config import ModelConfig
from streamer.model.recent import freshest, kept_rows, rows_of
from streamer.model.reference import follow_reference
from streamer.model.revival import revive
from streamer.model.scored import Scored
from streamer.model.scorer import Scorer
from streamer.model.sums import Sums

__all__ = ["Counted", "advance", "delta_limit", "learn", "learn_warming"]


# k-means++ starts close to a solution; on the warm-up buffers tried, later iterations moved no
# center by more than 2% of its spread.
_LLOYD_ITERATIONS = 10
_SMALLEST_DELTA = 1_000
_YOUNG_SHARE = 0.2
_NO_TIMES: Final = np.zeros(0, dtype=np.int64)
_NO_DRAWS: Final = np.zeros(0)


class Counted(NamedTuple):
    """Rows whose values are counted (`count_features`): ``X`` (n, d), and what amounts and values are
    counted against."""

    X: Floats
    currency_means: Floats
    spread_floors: Floats


_NOT_COUNTED: Final = Counted(np.zeros((0, 0)), np.zeros(0), np.zeros(0))


def learn(
    delta: Sums,
    scored: Scored,
    teaching: Flags,
    alerted: Flags,
    log_amounts: Floats,
    currencies: Integers,
    times_ms: Integers | None = None,
    draws: Floats | None = None,
    *,
    asked: Floats | None = None,
    counted: Counted = _NOT_COUNTED,
) -> None:
    """Add a scored batch to ``delta`` (IN/OUT); ``times_ms`` are the event times it was scored with.

    Every transaction enters the currency means and may enter the recent sample, for which ``draws``
    decide (`keep`); only those marked in ``teaching`` move centers and scale.  Nothing that is
    ``alerted`` above a line may be among them: it would pull the model towards it.  ``asked`` (n,) are
    the shares that were to alert, where they are not those of ``scored``.
    """
    n = len(teaching)
    delta.transactions_seen += n
    kept, weights = np.empty(n, np.int64), np.empty(n)
    log_amounts = np.ascontiguousarray(log_amounts)
    columns: tuple[Any, ...] = (
        *added_of(delta),
        *counted,
        scored.X,
        scored.nearest,
        scored.addends,
        scored.asked if asked is None else asked,
        scored.scores,
        scored.distance_ranks if scored.by_odds else scored.odds_ranks,
        teaching,
        alerted,
        log_amounts,
        currencies,
        _NO_TIMES if times_ms is None else times_ms,
        _NO_DRAWS if draws is None else draws,
        kept,
        weights,
    )
    n_taught, n_kept = learn_rows(*columns)
    delta.transactions_taught += n_taught
    if n_kept:
        rows = kept_rows(scored, log_amounts, currencies, kept[:n_kept], weights[:n_kept])
        delta.recent_rows = freshest(np.concatenate([delta.recent_rows, rows]))


def learn_warming(
    delta: Sums, X: Floats, currencies: Integers, times_ms: Integers | None = None
) -> None:
    """Add a batch that met a model without centers: its rows are kept for the first ones."""
    delta.transactions_seen += len(X)
    times_ms = _NO_TIMES if times_ms is None else times_ms
    log_amounts, sums = np.ascontiguousarray(X[:, 0]), (delta.currency_weights, delta.currency_sums)
    note_rows(*sums, delta.event_span, log_amounts, currencies, times_ms)
    delta.warmup_X = np.concatenate([delta.warmup_X, X])
    delta.warmup_currencies = np.concatenate([delta.warmup_currencies, currencies])


def advance(head: Sums, delta: Sums, config: ModelConfig) -> Sums:
    """Return the sums of the next version: ``head`` decayed by the delta's size, plus ``delta``."""
    if head.is_warming:
        gathered = head.merged(delta)
        if len(gathered.warmup_X) < config.warmup:
            return gathered
        return _first_centers(gathered, config)
    n_new = delta.transactions_seen
    score_half_life = _score_half_life(head.transactions_seen, config)
    discounts = 0.5 ** (n_new / config.half_life), 0.5 ** (n_new / score_half_life)
    n_verdicts = delta.verdicts_learned
    of_verdicts = (
        0.5 ** (n_verdicts / config.odds_half_life),
        0.5 ** (n_verdicts / config.trial_half_life),
    )
    n_judged = max(float(delta.lane_verdicts.sum()), 0.0)
    of_alerts = (
        0.5 ** (n_judged / config.lane_half_life),
        0.5 ** (n_judged / config.census_half_life),
    )
    of_hours, exposures, of_pace, pace = follow_hours(head, delta)
    decayed = head.decayed(*discounts, *of_verdicts, of_hours, of_pace, *of_alerts)
    ends_s = head.event_span.item(1), delta.event_span.item(1)
    decayed.fraud_delays = rolled(decayed.fraud_delays, *ends_s)
    merged = decayed.merged(bounded_step(decayed, delta, config))
    merged.recent_rows = freshest(merged.recent_rows)
    merged.hour_exposures += exposures
    merged.traffic_pace += pace
    if len(merged.warmup_X):
        merged = _absorb_warmup(merged, config)
    merged = follow_scale(_meet_currencies(revive(merged, config), config), config)
    return follow_reference(merged, config)


def delta_limit(n_seen: int, n_max: int) -> int:
    """Return after how many new transactions a model that has seen ``n_seen`` should be renewed.

    A young model changes fast, and its threshold with it: it is renewed whenever it has grown by a
    tenth, later every ``n_max`` transactions.  With a fixed size of 20,000 the first 100,000 payments
    of the evaluation data were alerted at 3.4 times the budget, with growth by a tenth at 1.4 times.
    """
    return min(n_max, max(_SMALLEST_DELTA, n_seen // 10))


def _score_half_life(n_seen: int, config: ModelConfig) -> float:
    """Return the half-life of the recent sample: shorter while the model is young.

    The first payments of every card know little of it, so their distances are smaller than those of
    later ones, and a threshold that averaged over both would alert far above the budget.
    """
    if math.isinf(config.score_half_life):
        return config.score_half_life
    return min(config.score_half_life, max(float(_SMALLEST_DELTA), _YOUNG_SHARE * n_seen))


def _meet_currencies(sums: Sums, config: ModelConfig) -> Sums:
    """Keep the usual amount of each currency that has become known, to count its amounts against."""
    known = sums.currency_means(config)
    first = first_currency_means(sums.reference_currency_means, known)
    return replace(sums, reference_currency_means=first)


def _count_rows(sums: Sums, X: Floats, currencies: Integers, config: ModelConfig) -> None:
    means = sums.reference_currency_means
    count_features(sums.feature_histograms, X, currencies, means, config.spread_floors)


def _without_rows(sums: Sums, config: ModelConfig) -> tuple[Sums, Floats, Integers]:
    """Split off the warm-up rows; ``transactions_seen`` counts them already."""
    X, currencies = sums.warmup_X, sums.warmup_currencies
    rest = sums.merged(Sums.zero(config))
    rest.warmup_X, rest.warmup_currencies = X[:0], currencies[:0]
    return rest, X, currencies


def _first_centers(gathered: Sums, config: ModelConfig) -> Sums:
    """Return the first sums with centers: k-means++ and Lloyd's algorithm over the warm-up rows."""
    sums, X, currencies = _without_rows(gathered, config)
    centred = Scorer.of("", gathered, config).centred(X, currencies)
    known = np.maximum((~np.isnan(centred)).sum(axis=0), 1)
    means = np.nansum(centred, axis=0) / known
    variances = np.nansum((centred - means) ** 2, axis=0) / known
    deviations = np.maximum(np.sqrt(variances), np.array(config.spread_floors))
    reach = config.clip_deviations
    Z = np.clip((centred - means) / deviations, -reach, reach)
    rng = np.random.default_rng(config.random_seed)
    nearest = best_assignment(
        Z,
        config.n_clusters,
        rng,
        n_starts=config.n_starts,
        n_iterations=_LLOYD_ITERATIONS,
    )
    clipped = means + Z * deviations
    weights, known, first, second = cluster_sums(clipped, nearest, config.n_clusters)
    sums.cluster_weights, sums.cluster_known = weights, known
    sums.cluster_sums, sums.cluster_sums_sq = first, second
    sums.feature_weights = known.sum(axis=0)
    sums.feature_sums, sums.feature_sums_sq = first.sum(axis=0), second.sum(axis=0)
    sums = sums.merged(bounded_step(sums, Sums.zero(config), config))
    sums.transactions_taught += len(X)
    # Nothing could alert yet: it counts as if the budget had been kept.
    sums.alerted_weight += config.alert_budget * len(X)
    sums.scored_weight += float(len(X))
    scored = Scorer.of("", sums, config).score(X, currencies)
    sums.feature_addends = scored.addends.sum(axis=0)
    V = np.full((len(X), len(config.context_names)), np.nan)
    sums.recent_rows = freshest(rows_of(X, V, currencies, np.ones(len(X))))
    sums = _meet_currencies(revive(sums, config), config)
    _count_rows(sums, X, currencies, config)
    return follow_reference(sums, config)


def _absorb_warmup(merged: Sums, config: ModelConfig) -> Sums:
    """Learn rows of a delta that was still warming while another worker found the first centers."""
    sums, X, currencies = _without_rows(merged, config)
    _count_rows(sums, X, currencies, config)
    version = Scorer.of("", sums, config)
    scored = version.score(X, currencies)
    extra = Sums.zero(config)
    learn(extra, scored, ~scored.alerted, scored.alerted, X[:, 0], currencies)
    # Seen and currency sums were already counted when the rows were gathered.
    extra.transactions_seen = 0
    extra.currency_weights[:] = 0.0
    extra.currency_sums[:] = 0.0
    both = sums.merged(bounded_step(sums, extra, config))
    return replace(both, recent_rows=freshest(both.recent_rows))
