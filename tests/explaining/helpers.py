"""A version whose odds rank, taught by made-up labels: fraud is what merchants with verdicts take."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES
from streamer.model import Scorer, Sums, advance, learn, learn_verdicts
from streamer.model.codec import state_id
from tests.pipeline.helpers import trained

EURO = CURRENCY_INDEX["EUR"]


def rows(version: Scorer, n: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Return X and V of ``n`` made-up payments: a tenth of X unknown, verdicts on 3%."""
    rng = np.random.default_rng(seed)
    X = version.means + rng.normal(size=(n, len(FEATURE_NAMES))) * version.deviations
    X[:, 0] += version.currency_means[EURO]
    X[:, 1:][rng.random((n, X.shape[1] - 1)) < 0.1] = np.nan
    V = rng.normal(size=(n, len(CONTEXT_NAMES)))
    V[rng.random(n) < 0.97] = np.nan
    return X, V


def euros(n: int) -> NDArray[np.int64]:
    """Return the index of the euro ``n`` times."""
    return np.full(n, EURO)


def next_version(version: Scorer, delta: Sums) -> Scorer:
    """Return the version after ``delta``, under the id of its state."""
    sums = advance(version.sums, delta, version.config)
    return Scorer.of(state_id(sums), sums, version.config)


@cache
def with_odds(n: int = 3_000) -> Scorer:
    """Return a version that ranks by log-odds.

    Four rounds: the first says on which scale the inputs lie, the second teaches the coefficients,
    the others let the odds rank.
    """
    version = trained()
    for seed in range(4):
        X, V = rows(version, n, seed)
        scored = version.score(X, euros(n), V)
        delta = Sums.zero(version.config)
        learn(delta, scored, ~scored.alerted, scored.alerted, X[:, 0], euros(n))
        frauds = (~np.isnan(V[:, 0]) & (V[:, 0] > 0)).astype(float)
        vectors = np.column_stack([scored.inputs, scored.ranks]).astype(np.float32)
        learn_verdicts(delta, version, vectors, np.arange(n), frauds, np.ones(n))
        version = next_version(version, delta)
    assert version.ranks_by_odds
    return version


@cache
def with_losses(review_cost: float = 0.0) -> Scorer:
    """Return the version of `with_odds` that ranks by expected loss, in euros; no other currency has a
    value."""
    version = with_odds()
    config = replace(
        version.config,
        rank_by="expected_loss",
        currency_values=((EURO, 1.0),),
        review_cost=review_cost,
    )
    return Scorer.of(version.id, version.sums, config)


def version_ranking_by(ranking: str) -> Scorer:
    """Return the version of which alerts are ``ranking`` what is named."""
    versions = {"distance": trained, "log_odds": with_odds, "expected_loss": with_losses}
    return versions[ranking]()
