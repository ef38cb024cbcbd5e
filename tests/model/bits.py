"""Payments scored and learned in batches of any cut, and the bits of what comes of it.

``python -m tests.model.bits FILE`` prints those that a version from a file makes of 40 payments.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.durations import HOUR_MS
from streamer.model import (
    Scored,
    Scorer,
    Sums,
    count_features,
    learn,
    learn_verdicts,
    learn_warming,
)
from streamer.model.codec import decode_version, state_id
from tests.builders import model_config
from tests.explaining.helpers import EURO, Floats, rows


@dataclass(frozen=True)
class Payments:
    """What is scored, which of it teaches, and what is judged of it."""

    X: Floats
    currencies: NDArray[np.int64]
    V: Floats
    times_ms: NDArray[np.int64]
    teaching: NDArray[np.bool_]
    frauds: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.X)

    def at(self, part: slice) -> Payments:
        return Payments(*(getattr(self, field.name)[part] for field in fields(self)))


def payments_of(version: Scorer, n: int, seed: int) -> Payments:
    """Return payments in a usual currency and in others, a tenth of them far out."""
    rng = np.random.default_rng(seed)
    X, V = rows(version, n, seed)
    X[rng.random(n) < 0.1] *= 5.0
    X[rng.random(n) < 0.05, 0] = np.nan
    return Payments(
        X=X,
        currencies=np.where(rng.random(n) < 0.7, EURO, rng.integers(0, 3, n)),
        V=V,
        times_ms=rng.integers(0, 400 * 24 * HOUR_MS, n),
        teaching=rng.random(n) < 0.8,
        frauds=(rng.random(n) < 0.1) * 1.0,
        weights=1.0 / (0.1 + rng.random(n)),
    )


def one_by_one(payments: Payments) -> list[Payments]:
    return cut(payments, range(1, len(payments)))


def cut(payments: Payments, edges: Sequence[int]) -> list[Payments]:
    """Return ``payments`` in batches that end at the ``edges``."""
    return [
        payments.at(slice(first, last))
        for first, last in zip([0, *edges], [*edges, len(payments)], strict=True)
    ]


def scored(version: Scorer, batches: Sequence[Payments]) -> list[Scored]:
    return [version.score(b.X, b.currencies, b.V, b.times_ms) for b in batches]


def learned(version: Scorer, batches: Sequence[Payments]) -> list[Sums]:
    """Return what is learned: of scores and first labels, of labels taken back, and while warming."""
    usual, floors = version.sums.reference_currency_means, version.config.spread_floors
    first, revised, warming = (Sums.zero(version.config) for _ in range(3))
    for b, s in zip(batches, scored(version, batches), strict=True):
        learn(first, s, b.teaching, s.alerted, b.X[:, 0], b.currencies, b.times_ms)
        count_features(first.feature_histograms, b.X, b.currencies, usual, floors)
        kept = np.column_stack([s.inputs, s.ranks]).astype(np.float32), np.arange(len(b))
        learn_verdicts(first, version, *kept, b.frauds, b.weights)
        learn_verdicts(revised, version, *kept, 1.0 - b.frauds, -b.weights)
        learn_warming(warming, b.X, b.currencies, b.times_ms)
    return [first, revised, warming]


def scores_id(parts: Sequence[Scored]) -> str:
    """Return a hash of every bit of batches that lie one after the other, NaN included."""
    digest = hashlib.sha256()
    for name in Scored._fields:
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], np.ndarray):
            digest.update(np.concatenate(values).tobytes())
        else:
            assert {values[0]} == set(values), name
    return digest.hexdigest()


def everything_of(version: Scorer, n: int, seed: int) -> str:
    """Return the bits of the scores of ``n`` payments, and of what is learned from them."""
    batches = [payments_of(version, n, seed)]
    return "\n".join(
        [scores_id(scored(version, batches)), *map(state_id, learned(version, batches))]
    )


if __name__ == "__main__":
    sums, _ = decode_version(Path(sys.argv[1]).read_bytes(), model_config())
    print(everything_of(Scorer.of("", sums, model_config()), 40, seed=1))
