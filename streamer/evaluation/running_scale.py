"""Scales each row by what was known before it, as a scaler in a stream would, a block at a time.

Equivalent to river's ``MinMaxScaler`` and ``StandardScaler`` fed row by row, in a fraction of the time.
A missing value becomes the running mean: it is neither high nor low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.arrays import Floats

__all__ = ["RunningScale"]


@dataclass(slots=True)
class RunningScale:
    """Counts, sums, sums of squares and ranges of d features over the rows so far."""

    counts: Floats
    sums: Floats
    sums_sq: Floats
    lowest: Floats
    highest: Floats

    @classmethod
    def empty(cls, n_features: int) -> RunningScale:
        """Return the scale before the first row."""
        zeros, infinite = np.zeros(n_features), np.full(n_features, np.inf)
        return cls(zeros, zeros.copy(), zeros.copy(), infinite, -infinite)

    def to_deviations(self, X: Floats) -> Floats:
        """Return X (n, d) in standard deviations from the mean, and take the rows in (IN/OUT)."""
        counts, means = self._means(X)
        squares = _before(self.sums_sq, np.where(np.isnan(X), 0.0, X) ** 2)
        self.sums_sq = squares[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations = np.sqrt(np.maximum(squares[:-1] / counts - means**2, 0.0))
            Z = (X - means) / deviations
        # Before a feature has varied, nothing is unusual about it.
        return np.where(np.isfinite(Z), Z, 0.0)

    def to_range(self, X: Floats) -> Floats:
        """Return X (n, d) with the range so far as 0 to 1, and take the rows in (IN/OUT)."""
        _, means = self._means(X)
        lows = np.fmin.accumulate(np.vstack([self.lowest, X]))
        highs = np.fmax.accumulate(np.vstack([self.highest, X]))
        self.lowest, self.highest = lows[-1], highs[-1]
        filled = np.where(np.isnan(X), means, X)
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = (filled - lows[:-1]) / (highs[:-1] - lows[:-1])
        return np.where(np.isfinite(scaled), scaled, 0.0)

    def _means(self, X: Floats) -> tuple[Floats, Floats]:
        known = ~np.isnan(X)
        counts = _before(self.counts, known.astype(float))
        sums = _before(self.sums, np.where(known, X, 0.0))
        self.counts, self.sums = counts[-1], sums[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return counts[:-1], sums[:-1] / counts[:-1]


def _before(start: Floats, addends: Floats) -> Floats:
    """Return the sums before each row and, last, after them all: shape (n + 1, d)."""
    return np.cumsum(np.vstack([start, addends]), axis=0)
