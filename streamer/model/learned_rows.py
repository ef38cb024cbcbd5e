"""The loops that add payments to a delta, and the order in which they take its arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.model.budget import hour_of, note_time
from streamer.model.feature_histogram import count_rows
from streamer.model.kmeans import add_moments
from streamer.model.recent import keep
from streamer.model.sums import Sums

__all__ = ["add_currency", "added_of", "learn_rows", "note_rows"]


# The arrays of a delta that scored payments are added to, in the order of `learn_rows`.
added_of: Final[Callable[[Sums], tuple[Any, ...]]] = attrgetter(
    *"""
    cluster_weights cluster_known cluster_sums cluster_sums_sq
    feature_weights feature_sums feature_sums_sq feature_addends
    currency_weights currency_sums
    scored_weight alerted_weight
    hour_weights hour_alerts hour_asked event_span feature_histograms
    """.split()
)


@compiled
def learn_rows(
    cluster_weights: Floats,
    cluster_known: Floats,
    cluster_sums: Floats,
    cluster_sums_sq: Floats,
    feature_weights: Floats,
    feature_sums: Floats,
    feature_sums_sq: Floats,
    feature_addends: Floats,
    currency_weights: Floats,
    currency_sums: Floats,
    scored_weight: Floats,
    alerted_weight: Floats,
    hour_weights: Floats,
    hour_alerts: Floats,
    hour_asked: Floats,
    event_span: Floats,
    feature_histograms: Floats,
    counted_X: Floats,
    usual_amounts: Floats,
    spread_floors: Floats,
    X: Floats,
    nearest: Integers,
    addends: Floats,
    asked: Floats,
    ranks: Floats,
    other_ranks: Floats,
    teaching: Flags,
    alerted: Flags,
    log_amounts: Floats,
    currencies: Integers,
    times_ms: Integers,
    draws: Floats,
    kept: Integers,
    weights: Floats,
) -> tuple[int, int]:
    """Add payments to a delta's arrays (IN/OUT, as far as ``feature_histograms``); return how many
    taught, and how many are to be kept as recent (`keep`, as whose OUT the last two are)."""
    count_rows(feature_histograms, counted_X, currencies, usual_amounts, spread_floors)
    n_kept = keep(ranks, other_ranks, asked, draws, kept, weights)
    n_taught = 0
    for i in range(len(X)):
        scored_weight[()] += 1.0
        if alerted[i]:
            alerted_weight[()] += 1.0
        add_currency(currency_weights, currency_sums, currencies[i], log_amounts[i])
        if len(times_ms) > 0:
            hour = hour_of(times_ms[i])
            note_time(event_span, times_ms[i])
            hour_weights[hour] += 1.0
            hour_asked[hour] += asked[i]
            if alerted[i]:
                hour_alerts[hour] += 1.0
        if teaching[i]:
            n_taught += 1
            k, x = nearest[i], X[i]
            cluster_weights[k] += 1.0
            add_moments(x, cluster_known[k], cluster_sums[k], cluster_sums_sq[k])
            add_moments(x, feature_weights, feature_sums, feature_sums_sq)
            for j in range(len(x)):
                feature_addends[j] += addends[i, j]
    return n_taught, n_kept


@compiled
def add_currency(weights: Floats, sums: Floats, currency: int, log_amount: float) -> None:
    """Add a payment to its currency's weight and Σ ln amount (IN/OUT); a verification has none."""
    if not math.isnan(log_amount):
        weights[currency] += 1.0
        sums[currency] += log_amount


@compiled
def note_rows(
    currency_weights: Floats,
    currency_sums: Floats,
    event_span: Floats,
    log_amounts: Floats,
    currencies: Integers,
    times_ms: Integers,
) -> None:
    """Add to the first three (IN/OUT) what is known of payments without a score: amounts and times."""
    for i in range(len(log_amounts)):
        add_currency(currency_weights, currency_sums, currencies[i], log_amounts[i])
        if len(times_ms) > 0:
            note_time(event_span, times_ms[i])
