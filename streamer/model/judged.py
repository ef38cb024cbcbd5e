"""Learning from verdicts: into a delta, like everything else that is learned.

The first verdicts only say on which scale the odds' inputs lie; once a version knows that, verdicts
teach its coefficients.  A verdict that is overruled is taken back and learned anew with the other
class: exactly, as long as the same version scores, and nearly otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.model.odds import NO_ODDS, LogOdds, add_irls, basis_size, fill_basis
from streamer.model.scorer import Scorer
from streamer.model.sums import Sums
from streamer.model.trial import DISTANCE, ODDS, rarity_bin

__all__ = ["learn_verdicts", "relearn_verdicts"]

Floats = NDArray[np.float64]


def learn_verdicts(
    delta: Sums,
    version: Scorer,
    inputs: Floats,
    ranks: Floats,
    frauds: Floats,
    weights: Floats,
) -> None:
    """Add n judged payments to ``delta`` (IN/OUT).

    ``inputs`` IN (n, n_inputs) as they were when the payment was scored, NaN where unknown; ``ranks``
    (n, 2) that distance and odds gave it then, NaN where there were no odds; ``frauds`` (n,) 1 or 0;
    ``weights`` (n,) how many payments each stands for.
    """
    _learn(delta, version, _Judged(inputs, ranks, frauds, weights), is_revision=False)
    delta.verdicts_learned += len(frauds)


def relearn_verdicts(
    delta: Sums,
    version: Scorer,
    inputs: Floats,
    ranks: Floats,
    frauds: Floats,
    weights: Floats,
) -> None:
    """Move payments that were learned with the other verdict to ``frauds``; as `learn_verdicts`."""
    _learn(delta, version, _Judged(inputs, ranks, frauds, weights), is_revision=True)


class _Judged(NamedTuple):
    """What was judged of n payments, as `learn_verdicts` has it."""

    inputs: Floats
    ranks: Floats
    frauds: Floats
    weights: Floats


class _Lessons(NamedTuple):
    """The arrays of a delta that verdicts are added to."""

    input_weights: Floats
    input_sums: Floats
    input_sums_sq: Floats
    odds_gram: Floats
    odds_moment: Floats
    verdict_weights: Floats
    trial: Floats


def _learn(delta: Sums, version: Scorer, verdicts: _Judged, *, is_revision: bool) -> None:
    _make_room(delta, version)
    odds = NO_ODDS if version.odds is None else version.odds
    rows = _Judged(*(np.ascontiguousarray(column) for column in verdicts))
    _add_verdicts(delta.named(_Lessons), rows, is_revision, odds)


@compiled
def _add_verdicts(lessons: _Lessons, verdicts: _Judged, is_revision: bool, odds: LogOdds) -> None:
    """Add verdicts to ``lessons`` (IN/OUT) in order; a revision takes the other verdict back."""
    for i in range(len(verdicts.frauds)):
        is_fraud, weight = verdicts.frauds[i], verdicts.weights[i]
        _add_verdict(lessons, verdicts.inputs[i], verdicts.ranks[i], is_fraud, weight, odds)
        if is_revision:
            _add_verdict(
                lessons, verdicts.inputs[i], verdicts.ranks[i], 1.0 - is_fraud, -weight, odds
            )
        else:
            _add_scale(lessons, verdicts.inputs[i], weight)


@compiled
def _add_scale(lessons: _Lessons, inputs: Floats, weight: float) -> None:
    """Add to the weight, Σx and Σx² of each input that is known."""
    for j in range(len(inputs)):
        if not math.isnan(inputs[j]):
            lessons.input_weights[j] += weight
            lessons.input_sums[j] += weight * inputs[j]
            lessons.input_sums_sq[j] += weight * inputs[j] * inputs[j]


@compiled
def _add_verdict(
    lessons: _Lessons, inputs: Floats, ranks: Floats, is_fraud: float, weight: float, odds: LogOdds
) -> None:
    """Add one verdict (IN/OUT); a negative ``weight`` takes it back."""
    if len(odds.coefficients) > 0:
        basis = np.empty(len(lessons.odds_moment))
        fill_basis(basis, inputs, odds)
        sums = lessons.odds_gram, lessons.odds_moment
        add_irls(*sums, basis, odds.coefficients, is_fraud, weight)
    verdict = int(is_fraud)
    lessons.verdict_weights[verdict] += weight
    # Only a payment that both have ranked compares them.
    if not (math.isnan(ranks[DISTANCE]) or math.isnan(ranks[ODDS])):
        for detector in (DISTANCE, ODDS):
            lessons.trial[detector, verdict, rarity_bin(ranks[detector])] += weight


def _make_room(delta: Sums, version: Scorer) -> None:
    if delta.input_weights.size:
        return
    n_inputs = version.config.n_inputs
    size = basis_size(n_inputs)
    delta.odds_gram, delta.odds_moment = np.zeros((size, size)), np.zeros(size)
    for name in ("input_weights", "input_sums", "input_sums_sq"):
        setattr(delta, name, np.zeros(n_inputs))
