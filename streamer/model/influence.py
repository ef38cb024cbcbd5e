"""What one verdict does to the odds: how far its own payment's log-odds move, and by which inputs.

With A = gram + R and B the basis of the payment, a label adds c = weight · w to the gram along B Bᵀ and
g = weight · w (z - Bᵀβ) to the slope, so that the coefficients move by

    Δβ = A⁻¹ B · g / (1 + c h)          h = Bᵀ A⁻¹ B, the leverage

(Sherman and Morrison, 1950), and the payment's log-odds by Bᵀ Δβ = h g / (1 + c h): exactly what a
version would say that had learned this verdict and nothing else, at the same inputs.  Since the odds
are additive that falls into parts: of the base, and of each input's function at this payment's value.
No lesson moves its payment by more than the step that it may ask for (`odds`); to take one back is
bound by the same, since a version that has not learned it yet has no such curvature to give.

It is for people to read, and takes part in nothing that scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.model.odds import (
    LARGEST_STEP,
    LogOdds,
    basis_size,
    fill_basis,
    input_of,
    penalised,
    working_step,
)
from streamer.model.scorer import Scorer

__all__ = ["Influence", "influence_of"]

# Verdicts come in one by one, and a version meets many: 0.3 MB each, while it lives.
_INVERSES: Final[WeakKeyDictionary[Scorer, Floats]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Influence:
    """The log-odds of fraud that a payment had ``before`` a verdict, and has ``after`` it alone.

    ``parts`` (n_inputs,) are what the functions of the inputs gained at this payment's values.
    ``places`` (n,) are those of the coefficients that the payment meets, ``moves`` (n,) their gains;
    the others moved too, and no part of this payment with them.
    """

    before: float
    after: float
    parts: Floats
    places: Integers
    moves: Floats


def influence_of(
    version: Scorer, inputs: NDArray[np.float32], lessons: Sequence[tuple[float, float]]
) -> Influence | None:
    """Return what the ``lessons`` of a verdict do; None while there are no odds.

    ``inputs`` (n_inputs,) as the payment was scored with.  Each lesson is what `learn_verdicts` takes:
    what the payment was, and the weight.
    """
    if version.odds is None:
        return None
    parts = np.zeros(len(inputs) + 1)
    frauds, weights = np.array(lessons, dtype=float).reshape(-1, 2).T.copy()
    wide, inverse = inputs.astype(float), _inverse(version)
    before = move(wide, version.odds, inverse, frauds, weights, parts)
    gained = float(parts.sum())
    places, values = _basis_of(wide, version.odds)
    # Δβ is along A⁻¹ B, and Bᵀ Δβ is what the payment gained.
    towards = inverse[np.ix_(places, places)] @ values
    moves = towards * (gained / float(values @ towards))
    return Influence(before, before + gained, parts[1:], places, moves)


def _basis_of(inputs: Floats, odds: LogOdds) -> tuple[Integers, Floats]:
    size = len(odds.coefficients)
    places, values = np.empty(size, np.uint32), np.empty(size)
    n = fill_basis(places, values, inputs, odds)
    return places[:n].astype(np.int64), values[:n]


@compiled
def move(
    inputs: Floats,
    odds: LogOdds,
    inverse: Floats,
    frauds: Floats,
    weights: Floats,
    parts: Floats,
) -> float:
    """Add to ``parts`` (IN/OUT, 1 + n_inputs) what base and inputs gain; return the log-odds before.

    ``inverse`` (basis_size, basis_size) of gram + R; ``frauds`` and ``weights`` (n,) are the lessons.
    """
    size = len(odds.coefficients)
    places, values = np.empty(size, np.uint32), np.empty(size)
    n = fill_basis(places, values, inputs, odds)
    log_odds = 0.0
    for a in range(n):
        log_odds += values[a] * odds.coefficients[places[a]]
    curvature = slope = 0.0
    for i in range(len(frauds)):
        w, response = working_step(log_odds, frauds[i])
        curvature += weights[i] * w
        slope += weights[i] * (response - w * log_odds)
    towards, leverage = np.zeros(n), 0.0
    for a in range(n):
        for b in range(n):
            towards[a] += inverse[places[a], places[b]] * values[b]
        leverage += values[a] * towards[a]
    divisor = 1.0 + curvature * leverage
    if curvature < 0.0:
        # To take a lesson back that this version has not learned would move the payment by anything.
        divisor = max(divisor, abs(slope) * leverage / (LARGEST_STEP * len(frauds)))
    step = slope / divisor
    for a in range(n):
        parts[1 + input_of(places[a], len(inputs))] += step * towards[a] * values[a]
    return log_odds


def _inverse(version: Scorer) -> Floats:
    """Return (gram + R)⁻¹ of a version."""
    if version not in _INVERSES:
        n_inputs = version.config.n_inputs
        size = basis_size(n_inputs)
        A = np.zeros((size, size))
        A[np.tril_indices(size)] = penalised(version.sums.odds_gram, n_inputs)
        _INVERSES[version] = np.asarray(np.linalg.inv(A + np.tril(A, -1).T), dtype=np.float64)
    return _INVERSES[version]
