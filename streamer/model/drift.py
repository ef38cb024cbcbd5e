"""How far the features' distributions have moved from the reference, and which way.

With p and q the shares of the reference and of recent traffic in a feature's bins,

    PSI = Σ (q - p) ln(q / p)        KS = max |Σ q - Σ p| over the bins up to any one

A share below 1 in 10,000 counts as that: one payment in a bin that was empty is not an infinite drift.
Both are 0 for equal distributions; a PSI above 0.2 is taken for a shift that somebody should look at
(the usual rule of thumb: Siddiqi 2006, "Credit Risk Scorecards").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats
from streamer.model.feature_histogram import UNKNOWN, bin_centers
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = ["MOVED_PSI", "Drift", "drift_of", "kolmogorov_smirnov", "shares_of", "stability_index"]


MOVED_PSI: Final = 0.2
_SMALLEST_SHARE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Drift:
    """Per feature, all of shape (n_features,): recent traffic held against the reference.

    ``means`` and ``spreads`` (standard deviations) are those of the known values, on the matrix's
    scale, NaN where none is known; amounts are relative to the first usual amount of their currency.
    ``known`` is the share of payments in which the feature was known.  ``is_settled`` is False while
    the reference is provisional; ``reference_at`` is after how many transactions it was frozen, 0 if
    never.
    """

    psi: Floats
    ks: Floats
    reference_means: Floats
    means: Floats
    reference_spreads: Floats
    spreads: Floats
    reference_known: Floats
    known: Floats
    is_settled: bool
    reference_at: int

    @property
    def worst(self) -> int:
        """The feature that has moved most."""
        return int(self.psi.argmax())


def drift_of(sums: Sums, config: ModelConfig) -> Drift:
    """Return the drift of ``sums`` against the reference they carry; 0 before there is one."""
    reference, current = sums.reference_histograms, sums.feature_histograms
    centers = bin_centers(np.array(config.spread_floors)[:, np.newaxis])
    reference_known, reference_means, reference_spreads = _moments(reference, centers)
    known, means, spreads = _moments(current, centers)
    return Drift(
        psi=stability_index(reference, current),
        ks=kolmogorov_smirnov(reference, current),
        reference_means=reference_means,
        means=means,
        reference_spreads=reference_spreads,
        spreads=spreads,
        reference_known=reference_known,
        known=known,
        is_settled=sums.is_reference_settled,
        reference_at=sums.reference_at,
    )


def stability_index(reference: Floats, current: Floats) -> Floats:
    """Return the PSI of each row of two histograms (..., n_bins); 0 where either is empty.

    >>> halves, quarters = np.array([[5.0, 5.0]]), np.array([[25.0, 75.0]])
    >>> stability_index(halves, quarters).round(4).tolist()  # (1/4) ln 2 + (1/4) ln 1.5
    [0.2747]
    """
    p, q = _raised(reference), _raised(current)
    psi: Floats = ((q - p) * np.log(q / p)).sum(axis=-1)
    return np.where(_both(reference, current), psi, 0.0)


def kolmogorov_smirnov(reference: Floats, current: Floats) -> Floats:
    """Return the largest difference of the rows' cumulative shares, in [0, 1]; 0 where one is empty.

    >>> kolmogorov_smirnov(np.array([[5.0, 5.0]]), np.array([[25.0, 75.0]])).tolist()
    [0.25]
    """
    p, q = shares_of(reference), shares_of(current)
    # The last sums are 1 up to rounding; two of them would otherwise differ by an ulp.
    difference = np.abs(np.cumsum(q - p, axis=-1)[..., :-1]).max(axis=-1)
    return np.where(_both(reference, current), np.clip(difference, 0.0, 1.0), 0.0)


def shares_of(histogram: Floats) -> Floats:
    """Return each bin's share of its row (..., n_bins); 0 where the row is empty.

    >>> shares_of(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist()
    [[0.25, 0.75], [0.0, 0.0]]
    """
    weights = histogram.sum(axis=-1, keepdims=True)
    return np.asarray(histogram / np.where(weights > 0, weights, 1.0))


def _raised(histogram: Floats) -> Floats:
    """Return the shares, each at least `_SMALLEST_SHARE` of all."""
    shares = np.maximum(shares_of(histogram), _SMALLEST_SHARE)
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _both(reference: Floats, current: Floats) -> Flags:
    return np.asarray((reference.sum(axis=-1) > 0) & (current.sum(axis=-1) > 0))


def _moments(histograms: Floats, centers: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each row's share of known values, and their mean and standard deviation."""
    weights, values = histograms.sum(axis=1), np.delete(histograms, UNKNOWN, axis=1)
    n_known = values.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.where(weights > 0, n_known / weights, 0.0)
        means = (values * centers).sum(axis=1) / n_known
        variances = (values * centers**2).sum(axis=1) / n_known - means**2
    return known, means, np.sqrt(np.maximum(variances, 0.0))
