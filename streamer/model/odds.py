"""The log-odds model: what verdicts add to the distance, fitted online and additive per feature.

The log-odds of fraud are a constant plus one piecewise-linear function per input,

    log_odds = base + Σ_j f_j(z_j),   f_j(0) = 0,   z = (input - mean) / deviation,

so that an average value, and one that is not known, adds exactly nothing.  Each f_j is a sum of
hinges: how far z is beyond a knot, looking away from the mean.  The first on either side begins at the
mean, so that of a usual value one alone is not 0.  That of the amount has a few steps besides
(`input_scale`), which a sum of hinges cannot make.  The coefficients are those of a ridge-penalised
logistic regression by recursive iteratively reweighted least squares: with B the basis of a labelled
payment, p its probability under the version that scores now, w = p(1 - p), or more where that would
make a leap of |y - p|/w, and z = log_odds + (y - p)/w,

    gram' = γ gram + Σ w B Bᵀ      moment' = γ moment + Σ w z B      (gram + R) β = moment + R β₀

Both sums decay and merge like everything else that is learned; of the gram there is the lower triangle,
row by row (`elimination`).  β₀ ranks by the distance alone: that is where the odds start, and what the
ridge R pulls it back to where verdicts say nothing: every bend to none, and the slope below the mean.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats
from streamer.compiled import compiled
from streamer.model.elimination import row_start, solve_positive_definite
from streamer.model.histogram import log2_at, position

__all__ = [
    "ABOVE",
    "BELOW",
    "FOUND_OUT",
    "LARGEST_STEP",
    "NO_ODDS",
    "N_STEPS",
    "LogOdds",
    "add_irls",
    "basis_size",
    "bend_of",
    "coefficients",
    "fill_basis",
    "function_of",
    "gram_size",
    "input_of",
    "log_odds_at",
    "log_odds_of",
    "odds_position",
    "penalised",
    "standardised",
    "working_step",
]

Places = NDArray[np.uint32]
"""Without a sign, or each would be asked for its own."""

BELOW: Final = (0.0, 1.0)
ABOVE: Final = (0.0, 0.75, 1.5, 3.0, 6.0)
"""How far below, and above, the mean an input's function may bend, in standard deviations."""
_N_HINGES: Final = len(BELOW) + len(ABOVE)
N_STEPS: Final = 3
"""Of the first input, the amount; the last places of the basis."""

# A line of that length has said all it can; beyond, a single value would outweigh all the others.
_REACH: Final = 10.0
_MAX_LOG_ODDS: Final = 12.0
_SMALLEST_WEIGHT: Final = 1e-4
# One verdict asks for this much of a step in log-odds at most.  Without the bound a fraud that was
# thought impossible asks for 1/w, thousands, and the sums of young odds diverge.
LARGEST_STEP: Final = 5.0
FOUND_OUT: Final = 2.0
"""What was learned as legitimate was a fraud: the difference of both lessons' slopes is 1 under any
version, while to take back the curvature of a lesson of long ago, as it would be today, may leave the
sums with less than none."""
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
    (basis_size,).  The first input is the amount, with ``steps`` (N_STEPS,) in ascending order; the
    last is ln distance².
    """

    means: Floats
    deviations: Floats
    steps: Floats
    coefficients: Floats

    @property
    def base(self) -> float:
        """The log-odds of a payment that is average in everything."""
        return float(self.coefficients[0])


NO_ODDS: Final = LogOdds(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
"""What a kernel gets where there is none; a None would be of another type, and compiled anew."""


def basis_size(n_inputs: int) -> int:
    """Return the number of coefficients: the base, each input's hinges, and the amount's steps."""
    return 1 + n_inputs * _N_HINGES + N_STEPS


def gram_size(n_inputs: int) -> int:
    """Return the length of the gram's lower triangle."""
    size = basis_size(n_inputs)
    return size * (size + 1) // 2


def bend_of(place: int, n_inputs: int) -> float | None:
    """Return from where on a coefficient counts: deviations from the input's mean, below 0 from there
    down (-0.0 from the mean itself); None for the base and the steps, which have no such place.

    >>> [bend_of(place, 2) for place in (0, 1, 2, 3, 7, 8, 15)]
    [None, -0.0, -1.0, 0.0, 6.0, -0.0, None]
    """
    if place == 0 or place > n_inputs * _N_HINGES:
        return None
    m = (place - 1) % _N_HINGES
    return -BELOW[m] if m < len(BELOW) else ABOVE[m - len(BELOW)]


@compiled
def standardised(value: float, mean: float, deviation: float) -> float:
    """Return an input in deviations from its mean, clipped; what is not known is average, 0."""
    if math.isnan(value):
        return 0.0
    return min(max((value - mean) / deviation, -_REACH), _REACH)


@compiled
def fill_basis(places: Places, values: Floats, inputs: Floats, odds: LogOdds) -> int:
    """Write what is not 0 of a payment's basis and where it is, and return how many these are.

    The basis is 1, each input's hinges, those below before those above, and the steps of the amount.
    ``places`` and ``values`` OUT (basis_size,), in ascending order; ``inputs`` (n_inputs,).
    """
    places[0], values[0], n = 0, 1.0, 1
    for j in range(len(inputs)):
        z = standardised(inputs[j], odds.means[j], odds.deviations[j])
        first = 1 + j * _N_HINGES + (0 if z < 0.0 else len(BELOW))
        # The first two without a branch: half of all guesses of where a value lies would be wrong.
        places[n], values[n] = first, abs(z)
        n += int(z != 0.0)
        beyond = abs(z) - (BELOW[1] if z < 0.0 else ABOVE[1])
        places[n], values[n] = first + 1, beyond
        n += int(beyond > 0.0)
        for m in range(len(BELOW), len(ABOVE)):
            if z <= ABOVE[m]:
                break
            places[n], values[n] = first + m, z - ABOVE[m]
            n += 1
    for s in range(N_STEPS):
        # What is not known is beyond no step.
        if not inputs[0] > odds.steps[s]:
            break
        places[n], values[n] = 1 + len(inputs) * _N_HINGES + s, 1.0
        n += 1
    return n


@compiled
def function_of(value: float, j: int, odds: LogOdds) -> float:
    """Return f_j of input j: its hinges and steps times their coefficients; 0 where it is NaN."""
    z = standardised(value, odds.means[j], odds.deviations[j])
    first, added = 1 + j * _N_HINGES, 0.0
    for m in range(len(BELOW)):
        added += max(-z - BELOW[m], 0.0) * odds.coefficients[first + m]
    for m in range(len(ABOVE)):
        added += max(z - ABOVE[m], 0.0) * odds.coefficients[first + len(BELOW) + m]
    if j == 0:
        for s in range(N_STEPS):
            if value > odds.steps[s]:
                added += odds.coefficients[1 + len(odds.means) * _N_HINGES + s]
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
    places: Places,
    values: Floats,
    coefficients: Floats,
    is_fraud: float,
    weight: float,
) -> float:
    """Add a labelled payment to ``gram`` (gram_size,) and ``moment`` (basis_size,), IN/OUT.

    ``is_fraud`` 1 or 0, or `FOUND_OUT` where it was learned as 0 by an older version and is 1.

    ``places`` and ``values`` (n,) are its basis, of which four fifths are 0 and left out.  ``weight``
    is how many payments it stands for; a negative one takes it back.  Return its log-odds.
    """
    log_odds = 0.0
    for a in range(len(places)):
        log_odds += values[a] * coefficients[places[a]]
    w, response = working_step(log_odds, is_fraud)
    for a in range(len(places)):
        moment[places[a]] += weight * response * values[a]
        factor = weight * w * values[a]
        row = gram[row_start(places[a]) :]
        for b in range(a + 1):
            row[places[b]] += factor * values[b]
    return log_odds


@compiled
def working_step(log_odds: float, is_fraud: float) -> tuple[float, float]:
    """Return the weight w of a label, and w times its working response z."""
    log_odds = min(max(log_odds, -_MAX_LOG_ODDS), _MAX_LOG_ODDS)
    p = 1.0 / (1.0 + math.exp(-log_odds))
    residual = 1.0 if is_fraud == FOUND_OUT else is_fraud - p
    w = max(p * (1.0 - p), abs(residual) / LARGEST_STEP + _SMALLEST_WEIGHT)
    return w, w * log_odds + residual


@compiled
def input_of(place: int, n_inputs: int) -> int:
    """Return which input a coefficient belongs to, -1 for the base.

    >>> [input_of(place, 2) for place in (0, 1, 7, 8, 14, 15)]
    [-1, 0, 0, 1, 1, 0]
    """
    if place == 0:
        return -1
    j = (place - 1) // _N_HINGES
    # The steps, behind all hinges, are the amount's.
    return j if j < n_inputs else 0


def penalised(gram: Floats, n_inputs: int) -> Floats:
    """Return gram + R, shape (gram_size,)."""
    return gram + _ridge(n_inputs)[0]


def coefficients(gram: Floats, moment: Floats, n_inputs: int) -> Floats:
    """Return β of (gram + R) β = moment + R β₀, shape (basis_size,)."""
    ridge, pull = _ridge(n_inputs)
    return solve_positive_definite(gram + ridge, moment + pull)


@cache
def _ridge(n_inputs: int) -> tuple[Floats, Floats]:
    """Return R's lower triangle, and R β₀."""
    size = basis_size(n_inputs)
    below = np.arange(1, size - N_STEPS, _N_HINGES)
    above = below + len(BELOW)
    R = np.diag(np.full(size, _RIDGE))
    R[0, 0] = _BASE_RIDGE
    # What bends at the mean is a slope of `above` + `below`, since these look away from each other.
    R[below, below] += _RIDGE
    R[above, below] = _RIDGE
    pull = np.zeros(size)
    pull[0] = _BASE_RIDGE * _PRIOR_BASE
    # The line of ln distance², which does not bend.
    pull[below[-1]] = -_RIDGE * _PRIOR_SLOPE
    return R[np.tril_indices(size)], pull


@compiled
def odds_position(log_odds: float) -> float:
    """Return where on the histogram's bins a log-odds lies."""
    return position(log_odds * _LOG2_E + _ODDS_OCTAVES)


def log_odds_at(places: Floats) -> Floats:
    """Return the log-odds whose `odds_position` each of ``places`` (n,) is."""
    return np.asarray((log2_at(places) - _ODDS_OCTAVES) / _LOG2_E)
