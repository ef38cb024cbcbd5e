"""The recent sample: payments as they came, so that each version ranks recent traffic by itself.

A threshold that is a quantile of scores which earlier versions gave is wrong as soon as a version
scores otherwise: when the odds take over, after poisoned verdicts, in a new mode of fraud.  So what is
kept are payments, not scores: features, what verdicts said of them, currency.  A version scores them
again before it ranks, and its thresholds and ranks are the quantiles of that.

A payment of rarity r (the share of recent traffic that scored higher) is kept with the probability
p = min(1, s / r), and counts for 1/p payments: all of the top share s, twice what is asked for, and
fewer of the rest the more common they are.  The rarity is by what ranks, or a quarter of that by the
other detector, so that neither's top is thin on the day on which they change places.

Invariants:
* Whether a payment is kept depends on its record's offset and its scores, not on batches or workers.
* The samples of two deltas merge by concatenation, in any order.
* At most `CAPACITY` rows, the freshest: 250 kB of a version.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats, Integers, Singles
from streamer.compiled import compiled
from streamer.model.histogram import N_BINS, distance_position, loss_position
from streamer.model.model_config import ModelConfig
from streamer.model.odds import odds_position
from streamer.model.scored import Scored

__all__ = [
    "CAPACITY",
    "N_NUMBERS",
    "Recent",
    "aged",
    "freshest",
    "histograms_of",
    "keep",
    "kept_rows",
    "rows_of",
    "unpacked",
]

CAPACITY: Final = 2_048
"""With 0.5% asked for, the last 30,000 payments: 150 at the threshold, which lies within 8% for it."""
N_NUMBERS: Final = 3
"""Behind features and context of a row: its currency, its weight when it came, its freshness."""
_ASKED: Final = 2.0
_LEAST_SHARE: Final = 0.01
_OTHER_DETECTOR: Final = 4.0


class Recent(NamedTuple):
    """The recent payments, as `Scorer.score` takes them; ``weights`` (n,) are what each counts for."""

    X: Floats
    currencies: Integers
    V: Floats
    weights: Floats


def rows_of(X: Floats, V: Floats, currencies: Integers, weights: Floats) -> Singles:
    """Return fresh rows of a sample, (n, d + n_context + N_NUMBERS), single precision."""
    numbers = np.column_stack([currencies, weights, np.ones(len(X))])
    return np.hstack([X, V, numbers]).astype(np.float32)


def kept_rows(
    scored: Scored, log_amounts: Floats, currencies: Integers, kept: Integers, weights: Floats
) -> Singles:
    """Return the rows that are ``kept`` (m,) of a scored batch, and count for ``weights`` (m,)."""
    d = scored.X.shape[1]
    # What the odds were told of a payment is all of it, but for its amount, which is in euros there.
    inputs = scored.inputs[kept]
    X = inputs[:, :d]
    X[:, 0] = log_amounts[kept]
    return rows_of(X, inputs[:, d:-1], currencies[kept], weights)


@compiled
def keep(
    ranks: Floats, others: Floats, asked: Floats, draws: Floats, kept: Integers, weights: Floats
) -> int:
    """Write which payments are kept and what each counts for to ``kept`` and ``weights`` (n,), OUT,
    and return how many they are.

    ``ranks`` (n,) are of what ranks, ``others`` of the other detector, (0,) where there is none;
    ``draws`` (n,) are hashes of the payments' offsets.  Where there are none, (0,), all are kept.
    """
    n_kept = 0
    for i in range(len(ranks)):
        if len(draws) == 0:
            kept[i], weights[i] = i, 1.0
            n_kept += 1
            continue
        rarity = 1.0 - ranks[i]
        if len(others) > 0:
            rarity = min(rarity, _OTHER_DETECTOR * (1.0 - others[i]))
        share = max(_ASKED * asked[i], _LEAST_SHARE)
        if draws[i] * rarity < share:
            kept[n_kept], weights[n_kept] = i, max(rarity / share, 1.0)
            n_kept += 1
    return n_kept


def aged(rows: Singles, discount: float) -> Singles:
    """Return ``rows`` with their freshness multiplied by ``discount``."""
    older = rows.copy()
    older[:, -1] *= np.float32(discount)
    return older


def freshest(rows: Singles) -> Singles:
    """Return the `CAPACITY` freshest of ``rows``, in their order; of equally fresh ones the last."""
    if len(rows) <= CAPACITY:
        return rows
    order = np.argsort(-rows[::-1, -1], kind="stable")[:CAPACITY]
    return np.ascontiguousarray(rows[np.sort(len(rows) - 1 - order)])


def unpacked(rows: Singles, config: ModelConfig) -> Recent:
    """Return what ``rows`` hold; a row counts for its weight, and the less the older it is."""
    d, end = config.n_features, config.n_features + len(config.context_names)
    wide = rows.astype(np.float64)
    return Recent(
        np.ascontiguousarray(wide[:, :d]),
        wide[:, end].astype(np.int64),
        np.ascontiguousarray(wide[:, d:end]),
        wide[:, end + 1] * wide[:, end + 2],
    )


@compiled
def histograms_of(
    distances_sq: Floats, log_odds: Floats, log_losses: Floats, weights: Floats
) -> Floats:
    """Return the ``weights`` (n,) by bin of distance, of log-odds and of loss, (3, N_BINS).

    ``log_odds`` and ``log_losses`` are (0,) where there are none.
    """
    histograms = np.zeros((3, N_BINS))
    for i in range(len(weights)):
        histograms[0, int(distance_position(distances_sq[i]))] += weights[i]
        if len(log_odds) > 0:
            histograms[1, int(odds_position(log_odds[i]))] += weights[i]
        if len(log_losses) > 0:
            histograms[2, int(loss_position(log_losses[i]))] += weights[i]
    return histograms
