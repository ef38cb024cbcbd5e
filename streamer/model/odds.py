"""The log-odds head: what verdicts add to the distance, fitted online and additive per feature.

The log-odds of fraud are a constant plus one piecewise-linear function per input,

    log_odds = base + Σ_j f_j(z_j),   f_j(0) = 0,   z = (input - mean) / deviation,

so that an average value, and one that is not known, adds exactly nothing.  Each f_j is a line with
hinges at `KNOTS`.  The coefficients are those of a ridge-penalised logistic regression by recursive
iteratively reweighted least squares: with B the basis of a labelled payment, p its probability under
the version that scores now, w = p(1 - p), or more where that would make a leap of |y - p|/w, and
z = log_odds + (y - p)/w,

    gram' = γ gram + Σ w B Bᵀ      moment' = γ moment + Σ w z B      (gram + R) β = moment + R β₀

Both sums decay and merge like everything else that is learned.  β₀ ranks by the distance alone: that is
where the head starts, and what the ridge R pulls it back to where labels say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.model.elimination import solve_positive_definite
from streamer.model.histogram import bin_of, quantiles, share_below

__all__ = [
    "KNOTS",
    "LogOdds",
    "basis",
    "basis_size",
    "coefficients",
    "functions",
    "irls_sums",
    "odds_bin",
    "odds_ranks",
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
# One label asks for this much of a step in log-odds at most.  Without the bound a fraud that was
# thought impossible asks for 1/w, thousands, and the sums of a young head diverge.
_LARGEST_STEP: Final = 5.0
_RIDGE: Final = 5.0
_BASE_RIDGE: Final = 1e-3
# One fraud in 150 payments, until labels say better.
_PRIOR_BASE: Final = -5.0
_PRIOR_SLOPE: Final = 1.0
# Odds are counted in the bins of the distances, moved so that they span 2^-15 to 2^17.
_ODDS_SCALE: Final = 2.0**7


@dataclass(frozen=True, slots=True)
class LogOdds:
    """The head of one version.

    ``means`` and ``deviations`` (n_inputs,) put the inputs on one scale; ``coefficients``
    (basis_size,).  The last input is ln distance².
    """

    means: Floats
    deviations: Floats
    coefficients: Floats

    def functions(self, inputs: Floats) -> Floats:
        """Return f_j of every input, shape (n, n_inputs); 0 where the input is NaN."""
        return functions(self.standardised(inputs), self.coefficients)

    def standardised(self, inputs: Floats) -> Floats:
        """Return ``inputs`` (n, n_inputs) in deviations from the mean, clipped; NaN becomes 0."""
        z = (inputs - self.means) / self.deviations
        z[np.isnan(z)] = 0.0
        return np.asarray(np.clip(z, -_REACH, _REACH, out=z))

    @property
    def base(self) -> float:
        """The log-odds of a payment that is average in everything."""
        return float(self.coefficients[0])


def basis_size(n_inputs: int) -> int:
    """Return the number of coefficients: the base, and per input a slope and one per hinge."""
    return 1 + n_inputs * (1 + len(KNOTS))


def basis(standardised: Floats) -> Floats:
    """Return the basis, shape (n, basis_size); every column but the first is 0 at the mean."""
    columns = [np.ones((len(standardised), 1)), standardised]
    columns += [_hinge(standardised, knot) for knot in KNOTS]
    return np.hstack(columns)


def functions(standardised: Floats, coefficients: Floats) -> Floats:
    """Return f_j, shape (n, n_inputs): the basis times its coefficients, summed per input."""
    parts = coefficients[1:].reshape(1 + len(KNOTS), standardised.shape[1])
    total: Floats = standardised * parts[0]
    for knot, slopes in zip(KNOTS, parts[1:], strict=True):
        hinge = _hinge(standardised, knot)
        hinge *= slopes
        total += hinge
    return total


def _hinge(z: Floats, knot: float) -> Floats:
    """Return how far z is beyond ``knot``, looking away from the mean: 0 at the mean itself."""
    beyond = np.maximum if knot >= 0 else np.minimum
    past = z - knot
    return np.asarray(beyond(past, 0.0, out=past))


def irls_sums(
    B: Floats, coefficients: Floats, frauds: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Return what labelled payments add to ``gram`` and ``moment``.

    ``B`` IN (n, basis_size); ``frauds`` (n,) 1 or 0; ``weights`` (n,) how many payments each stands
    for.  OUT: (basis_size, basis_size), (basis_size,).
    """
    log_odds = np.clip(B @ coefficients, -_MAX_LOG_ODDS, _MAX_LOG_ODDS)
    p = 1.0 / (1.0 + np.exp(-log_odds))
    residuals = frauds - p
    w = np.maximum(p * (1.0 - p), np.abs(residuals) / _LARGEST_STEP + _SMALLEST_WEIGHT)
    gram = (B * (weights * w)[:, None]).T @ B
    moment = B.T @ (weights * (w * log_odds + residuals))
    return np.asarray(gram), np.asarray(moment)


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


def odds_bin(log_odds: Floats) -> NDArray[np.int64]:
    """Return the histogram's bin of each log-odds."""
    return bin_of(_scaled(log_odds))


def odds_ranks(histogram: Floats, log_odds: Floats) -> Floats:
    """Return the share of the histogram's weight below each log-odds, in [0, 1]."""
    return share_below(histogram, _scaled(log_odds))


def threshold(histogram: Floats, share: float) -> float:
    """Return the log-odds with ``share`` of the weight below; infinity when it is empty."""
    return float(thresholds(histogram, np.array([share]))[0])


def thresholds(histogram: Floats, shares: Floats) -> Floats:
    """Return the log-odds that `threshold` returns for each of ``shares`` (n,), shape (n,)."""
    return np.asarray(np.log(quantiles(histogram, shares) / _ODDS_SCALE))


def _scaled(log_odds: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(log_odds, -50.0, 50.0)) * _ODDS_SCALE)
