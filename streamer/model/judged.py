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

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.model.calibration import calibration_bin
from streamer.model.odds import FOUND_OUT, LogOdds, add_irls, basis_size, fill_basis, gram_size
from streamer.model.scorer import Scorer
from streamer.model.sums import Sums
from streamer.model.trial import DISTANCE, ODDS, rarity_bin

__all__ = ["learn_verdicts"]

Vectors = NDArray[np.float32]


class _Judged(NamedTuple):
    """What was judged of n payments, as `learn_verdicts` has it."""

    vectors: Vectors
    slots: Integers
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
    calibration: Floats


def learn_verdicts(
    delta: Sums,
    version: Scorer,
    vectors: Vectors,
    slots: Integers,
    frauds: Floats,
    weights: Floats,
    *,
    n_learned: int | None = None,
) -> None:
    """Add n judged payments to ``delta`` (IN/OUT).

    ``vectors`` IN (m, n_inputs + 2 or more) has them in its rows ``slots`` (n,): the inputs as they
    were when the payment was scored, NaN where unknown, and the ranks that distance and odds gave it
    then, NaN where there were no odds; ``frauds`` (n,) 1 or 0, or `FOUND_OUT`; ``weights`` (n,) how
    many payments each stands for, negative to take a verdict back.  ``n_learned`` is how many are
    learned, where those here are a sample of them.
    """
    if not delta.input_weights.size:
        _make_room(delta, version.config.n_inputs)
    judged = _Judged(vectors, slots, frauds, weights)
    _add_verdicts(delta.named(_Lessons), judged, version.odds_or_none)
    if n_learned is None:
        n_learned = int(np.sign(weights[frauds != FOUND_OUT]).sum())
    delta.verdicts_learned += n_learned


@compiled
def _add_verdicts(lessons: _Lessons, judged: _Judged, odds: LogOdds) -> None:
    """Add verdicts to ``lessons`` (IN/OUT) in order."""
    size, n_inputs = len(lessons.odds_moment), len(lessons.input_sums)
    row = np.empty(n_inputs + 2)
    places, values = np.empty(size, np.uint32), np.empty(size)
    for i in range(len(judged.slots)):
        is_fraud, weight = judged.frauds[i], judged.weights[i]
        for j in range(len(row)):
            row[j] = judged.vectors[judged.slots[i], j]
        inputs, ranks = row[:n_inputs], row[n_inputs:]
        if len(odds.coefficients) > 0:
            n = fill_basis(places, values, inputs, odds)
            sums = lessons.odds_gram, lessons.odds_moment
            log_odds = add_irls(*sums, places[:n], values[:n], odds.coefficients, is_fraud, weight)
            # As they were before this was learned: what a fit says of its own payments flatters it.
            at = calibration_bin(log_odds)
            if is_fraud == FOUND_OUT:
                lessons.calibration[0, at] -= weight
                lessons.calibration[1, at] += weight
            else:
                lessons.calibration[int(is_fraud), at] += weight
        if is_fraud == FOUND_OUT:
            _add_trial(lessons, ranks, 0, -weight)
            _add_trial(lessons, ranks, 1, weight)
        else:
            _add_scale(lessons, inputs, weight)
            _add_trial(lessons, ranks, int(is_fraud), weight)


@compiled
def _add_scale(lessons: _Lessons, inputs: Floats, weight: float) -> None:
    """Add to the weight, Σx and Σx² of each input that is known."""
    for j in range(len(inputs)):
        if not math.isnan(inputs[j]):
            lessons.input_weights[j] += weight
            lessons.input_sums[j] += weight * inputs[j]
            lessons.input_sums_sq[j] += weight * inputs[j] * inputs[j]


@compiled
def _add_trial(lessons: _Lessons, ranks: Floats, verdict: int, weight: float) -> None:
    """Count a verdict, and where both detectors had ranked its payment."""
    lessons.verdict_weights[verdict] += weight
    # Only a payment that both have ranked compares them.
    if not (math.isnan(ranks[DISTANCE]) or math.isnan(ranks[ODDS])):
        for detector in (DISTANCE, ODDS):
            lessons.trial[detector, verdict, rarity_bin(ranks[detector])] += weight


def _make_room(delta: Sums, n_inputs: int) -> None:
    delta.odds_gram = np.zeros(gram_size(n_inputs))
    delta.odds_moment = np.zeros(basis_size(n_inputs))
    for name in ("input_weights", "input_sums", "input_sums_sq"):
        setattr(delta, name, np.zeros(n_inputs))
