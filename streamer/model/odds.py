"""The log-odds model: what verdicts add to the distance, fitted online and additive per feature.

The log-odds of fraud are a constant plus one piecewise-linear function per input,

    log_odds = base + Σ_j f_j(z_j),   f_j(0) = 0,   z = (input - mean) / deviation,

so that an average value, and one that is not known, adds exactly nothing.  Each f_j is a line with
hinges at `KNOTS`.  The coefficients are those of a ridge-penalised logistic regression by recursive
iteratively reweighted least squares: with B the basis of a labelled payment, p its probability under
the version that scores now, w = p(1 - p), or more where that would make a leap of |y - p|/w, and
z = log_odds + (y - p)/w,

    gram' = γ gram + Σ w B Bᵀ      moment' = γ moment + Σ w z B      (gram + R) β = moment + R β₀

Both sums decay and merge like everything else that is learned.  β₀ ranks by the distance alone: that is
where the odds start, and what the ridge R pulls it back to where verdicts say nothing.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.model.elimination import solve_positive_definite
from streamer.model.histogram import position, quantiles

__all__ = [
    "KNOTS",
    "NO_ODDS",
    "LogOdds",
    "add_irls",
    "basis_size",
    "coefficients",
    "fill_basis",
    "function_of",
    "log_odds_of",
    "odds_position",
    "threshold",
    "thresholds",
]

Floats = NDArray[np.float64]

KNOTS: Final = (-1.0, 0.0, 0.75, 1.5, 3.0, 6.0)
"""Where an input's function may bend, in standard deviations from the mean."""

# A line of that length has said all it can; beyond, a single value would outweigh all the others.
_REACH: Final = 10.0
_MAX_LOG_ODDS: Final = 12.0
_SMALLEST_WEIGHT: Final = 1e-4
# One verdict asks for this much of a step in log-odds at most.  Without the bound a fraud that was
# thought impossible asks for 1/w, thousands, and the sums of young odds diverge.
_LARGEST_STEP: Final = 5.0
_RIDGE: Final = 5.0
_BASE_RIDGE: Final = 1e-3
# One fraud in 150 payments, until verdicts say better.
_PRIOR_BASE: Final = -5.0
_PRIOR_SLOPE: Final = 1.0
# Odds are counted in the bins of the distances, moved so that they span 2^-15 to 2^17.
_ODDS_OCTAVES: Final = 7
_LOG2_E: Final = math.log2(math.e)


class LogOdds(NamedTuple):
    """The odds of one version.

    ``means`` and ``deviations`` (n_inputs,) put the inputs on one scale; ``coefficients``
    (basis_size,).  The last input is ln distance².
    """

    means: Floats
    deviations: Floats
    coefficients: Floats

    @property
    def base(self) -> float:
        """The log-odds of a payment that is average in everything."""
        return float(self.coefficients[0])


NO_ODDS: Final = LogOdds(np.zeros(0), np.zeros(0), np.zeros(0))
"""What a kernel gets where there is none; a None would be of another type, and compiled anew."""


def basis_size(n_inputs: int) -> int:
    """Return the number of coefficients: the base, and per input a slope and one per hinge."""
    return 1 + n_inputs * (1 + len(KNOTS))


@compiled
def standardised(value: float, mean: float, deviation: float) -> float:
    """Return an input in deviations from its mean, clipped; what is not known is average, 0."""
    if math.isnan(value):
        return 0.0
    return min(max((value - mean) / deviation, -_REACH), _REACH)


@compiled
def hinge(z: float, knot: float) -> float:
    """Return how far z is beyond ``knot``, looking away from the mean: 0 at the mean itself."""
    return max(z - knot, 0.0) if knot >= 0.0 else min(z - knot, 0.0)


@compiled
def fill_basis(basis: Floats, inputs: Floats, odds: LogOdds) -> None:
    """Write a payment's basis: 1, every z, and every z's hinge at the first knot, the second, ...

    ``basis`` OUT (basis_size,); ``inputs`` (n_inputs,).
    """
    n = len(inputs)
    basis[0] = 1.0
    for j in range(n):
        z = standardised(inputs[j], odds.means[j], odds.deviations[j])
        basis[1 + j] = z
        for m in range(len(KNOTS)):
            basis[1 + (1 + m) * n + j] = hinge(z, KNOTS[m])


@compiled
def function_of(value: float, j: int, odds: LogOdds) -> float:
    """Return f_j of input j: its part of the basis times the coefficients; 0 where it is NaN."""
    n, beta = len(odds.means), odds.coefficients
    z = standardised(value, odds.means[j], odds.deviations[j])
    added: float = z * beta[1 + j]
    for m in range(len(KNOTS)):
        added += hinge(z, KNOTS[m]) * beta[1 + (1 + m) * n + j]
    return added


@compiled
def log_odds_of(inputs: Floats, odds: LogOdds) -> float:
    """Return base + Σ_j f_j of one payment's ``inputs`` (n_inputs,)."""
    total: float = odds.coefficients[0]
    for j in range(len(inputs)):
        total += function_of(inputs[j], j, odds)
    return total


@compiled
def add_irls(
    gram: Floats,
    moment: Floats,
    basis: Floats,
    coefficients: Floats,
    is_fraud: float,
    weight: float,
) -> None:
    """Add a labelled payment to ``gram`` (basis_size, basis_size) and ``moment``, IN/OUT.

    ``weight`` is how many payments it stands for; a negative one takes it back.
    """
    n, log_odds = len(basis), 0.0
    for a in range(n):
        log_odds += basis[a] * coefficients[a]
    log_odds = min(max(log_odds, -_MAX_LOG_ODDS), _MAX_LOG_ODDS)
    p = 1.0 / (1.0 + math.exp(-log_odds))
    residual = is_fraud - p
    w = max(p * (1.0 - p), abs(residual) / _LARGEST_STEP + _SMALLEST_WEIGHT)
    for a in range(n):
        # Most hinges are 0, as is what was not known.
        if basis[a] != 0.0:
            moment[a] += weight * (w * log_odds + residual) * basis[a]
            factor = weight * w * basis[a]
            for b in range(n):
                gram[a, b] += factor * basis[b]


def coefficients(gram: Floats, moment: Floats, n_inputs: int) -> Floats:
    """Return β of (gram + R) β = moment + R β₀, shape (basis_size,)."""
    prior = np.zeros(basis_size(n_inputs))
    prior[0] = _PRIOR_BASE
    prior[n_inputs] = _PRIOR_SLOPE  # the slope of the last input, ln distance²
    ridge = np.full(len(prior), _RIDGE)
    ridge[0] = _BASE_RIDGE
    if not gram.size:
        return prior
    return solve_positive_definite(gram + np.diag(ridge), moment + ridge * prior)


@compiled
def odds_position(log_odds: float) -> float:
    """Return where on the histogram's bins a log-odds lies."""
    return position(log_odds * _LOG2_E + _ODDS_OCTAVES)


def threshold(histogram: Floats, share: float) -> float:
    """Return the log-odds with ``share`` of the weight below; infinity when it is empty."""
    return float(thresholds(histogram, np.array([share]))[0])


def thresholds(histogram: Floats, shares: Floats) -> Floats:
    """Return the log-odds that `threshold` returns for each of ``shares`` (n,), shape (n,)."""
    return np.asarray(np.log(quantiles(histogram, shares) / 2.0**_ODDS_OCTAVES))
