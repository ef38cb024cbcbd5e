"""What scoring and learning are, by whole arrays of numpy: the other way to say what the loops say.

Nothing here is quick, and no sum is added in any particular order; the loops agree to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats, Integers
from streamer.model import ModelConfig, Scored, Scorer
from streamer.model.odds import ABOVE, BELOW


def squared_distances(X: Floats, centers: Floats, precisions: Floats) -> Floats:
    """Return Σ_j (x_ij - c_kj)² · precision_kj over what is known, shape (n_samples, n_clusters)."""
    return np.nansum((X[:, None] - centers) ** 2 * precisions, axis=2)


def _huber(z: Floats, c: float) -> Floats:
    return z**2 - np.maximum(z - c, 0.0) ** 2


def _addends(X: Floats, centers: Floats, variances: Floats, version: Scorer) -> Floats:
    sides = np.array(version.config.sides)
    z = X - centers
    z = np.where(sides == 0, np.abs(z), np.maximum(sides * z, 0.0)) / np.sqrt(variances)
    return _huber(np.where(np.isnan(X), 0.0, z), version.config.linear_beyond)


def _bins(log2_values: Floats) -> Floats:
    return np.clip((log2_values + 8) * 32, 0, np.nextafter(1024, 0))


def _ranks(below: Floats, log2_values: Floats) -> Floats:
    return np.interp(_bins(log2_values), np.arange(1025), below)


def log_odds(version: Scorer, inputs: Floats) -> Floats:
    assert version.odds is not None
    means, deviations, steps, beta = version.odds
    z = np.nan_to_num(np.clip((inputs - means) / deviations, -10, 10), nan=0.0)
    below, above = ([np.maximum(s * z - k, 0) for k in ks] for s, ks in ((-1, BELOW), (1, ABOVE)))
    hinges = np.stack([*below, *above], axis=2).reshape(len(z), -1)
    beyond = inputs[:, [0]] > steps
    return beta[0] + np.hstack([hinges, beyond]) @ beta[1:]


def scored(
    version: Scorer, X: Floats, currencies: Integers, V: Floats, hours: Integers | None
) -> dict[str, Any]:
    """Return the fields of `Scored`."""
    config, asked = version.config, version.asked
    centred = X.copy()
    centred[:, 0] -= version.currency_means[currencies]
    reach = config.clip_deviations * version.deviations
    rows = np.clip(centred, version.means - reach, version.means + reach)
    known = ~np.isnan(rows)
    nearest = squared_distances(rows, version.centers, 1 / version.variances).argmin(axis=1)
    belief = version.beliefs[nearest, None]
    addends = belief * _addends(
        rows, version.centers[nearest], version.variances[nearest], version
    ) + (1 - belief) * _addends(rows, version.means, version.deviations**2, version)
    usual = 0.5 * config.n_features + config.expectation_floor
    counts = version.maturities * version.weights
    of_known = (known * counts * version.expectations).sum(axis=1)
    factors = usual / (of_known + config.expectation_floor)
    contributions = addends * counts * factors[:, None]
    distances_sq = contributions.sum(axis=1)
    inputs = np.hstack([centred, V, np.log(np.maximum(distances_sq, 1e-3))[:, None]])
    ranks = _ranks(version.distances_below, np.log2(np.maximum(distances_sq, 2.0**-8)))
    found: dict[str, Any] = {
        "X": rows,
        "nearest": nearest,
        "contributions": contributions,
        "addends": np.where(version.maturities > 0, addends, 0.5 * known),
        "distances_sq": distances_sq,
        "distance_ranks": ranks,
        "inputs": inputs,
        "log_odds": np.zeros(0),
        "odds_ranks": np.zeros(0),
    }
    if version.odds is not None:
        found["log_odds"] = log_odds(version, inputs)
        found["odds_ranks"] = _ranks(version.odds_below, found["log_odds"] / np.log(2) + 7)
    by_odds = version.ranks_by_odds
    found["scores"] = found["odds_ranks"] if by_odds else ranks
    hourly = version.hourly_threshold_log_odds if by_odds else version.hourly_threshold_sq
    anytime = version.threshold_log_odds if by_odds else version.threshold_sq
    for name, by_hour, otherwise in (
        ("thresholds", hourly, anytime),
        ("asked", asked.hourly, asked.share),
        ("due", asked.due, asked.share),
    ):
        found[name] = np.full(len(X), otherwise) if hours is None else by_hour[hours]
    found["alerted"] = (found["log_odds"] if by_odds else distances_sq) > found["thresholds"]
    return found


def learned(
    of: Scored,
    config: ModelConfig,
    teaching: NDArray[np.bool_],
    alerted: NDArray[np.bool_],
    log_amounts: Floats,
    currencies: Integers,
    times_ms: Integers,
) -> dict[str, Any]:
    """Return what a scored batch adds to a delta, by the names of `Sums`."""
    X, known = np.nan_to_num(of.X[teaching], nan=0.0), ~np.isnan(of.X[teaching])
    member = np.arange(config.n_clusters)[:, None] == of.nearest[teaching]
    hours = times_ms // 3_600_000 % 24
    has_amount = ~np.isnan(log_amounts)
    amounts = np.zeros(config.n_currencies)
    np.add.at(amounts, currencies[has_amount], log_amounts[has_amount])
    found: dict[str, Any] = {
        "transactions_seen": len(teaching),
        "transactions_taught": int(teaching.sum()),
        "cluster_weights": member.sum(axis=1),
        "cluster_known": member @ known.astype(float),
        "cluster_sums": member @ X,
        "cluster_sums_sq": member @ X**2,
        "feature_weights": known.sum(axis=0),
        "feature_sums": X.sum(axis=0),
        "feature_sums_sq": (X**2).sum(axis=0),
        "feature_addends": of.addends[teaching].sum(axis=0),
        "currency_weights": np.bincount(currencies[has_amount], minlength=config.n_currencies),
        "currency_sums": amounts,
        "scored_weight": len(teaching),
        "alerted_weight": alerted.sum(),
        "hour_weights": np.bincount(hours, minlength=24),
        "hour_alerts": np.bincount(hours[alerted], minlength=24),
        "hour_asked": np.bincount(hours, weights=of.asked, minlength=24),
        "event_span": np.array([-times_ms.min(), times_ms.max()]) / 1000,
    }
    return found
