"""How much each feature counts in the distance, without labels: by what its extremes come with.

A payment that is extreme in one feature alone is mostly chance; a fraud tends to be so in several.  So
of recent payments it is asked how much more often than usual what one feature puts into its top 0.5%
lies in the top 0.5% by the others as well:

    lift_j = P(top by the others | top by j) / P(top by the others)          shrunk towards 1
    weight_j ∝ sqrt(lift_j + floor)

Features of one subject (`streamer.features.catalogue`) go along by construction, and an amount that is
high by three of them is no more suspicious for it: they are not each other's witnesses.

Invariants: with all payments known in full the weights leave the expected distance as it was; no weight
is more than sqrt((1 / 0.5% + floor) / floor) times another, whatever the sample holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats

__all__ = ["TOP", "lifts", "top_of", "weights_of"]

TOP: Final = 0.005
"""The default budget: it is among what may alert that features are to agree."""
_PRIOR: Final = 30.0
"""Payments of a feature's top with which its lift is half believed; the sample has a hundred."""


def lifts(contributions: Floats, weights: Floats, subjects: Sequence[str]) -> Floats:
    """Return how many times as often as usual the top of each feature is the others' top, (d,).

    ``contributions`` IN (n, d) are what the features have of each payment's distance², and ``weights``
    IN (n,) what the payments count for.  Of the others are those whose subject is another.  1 where a
    feature or the others have no top.
    """
    found = np.ones(contributions.shape[1])
    if not weights.any():
        return found
    names = np.array(subjects)
    for subject in dict.fromkeys(subjects):
        is_own = names == subject
        is_odd = top_of(contributions[:, ~is_own].sum(axis=1), weights, TOP)
        usual = weights[is_odd].sum() / weights.sum() if is_odd.any() else 0.0
        if usual == 0.0:
            continue
        for j in np.flatnonzero(is_own):
            top = weights * top_of(contributions[:, j], weights, TOP)
            if top.any():
                n_effective = top.sum() ** 2 / (top**2).sum()
                lift = top[is_odd].sum() / top.sum() / usual
                found[j] = (n_effective * min(lift, 1.0 / TOP) + _PRIOR) / (n_effective + _PRIOR)
    return found


def weights_of(lift: Floats, expected: Floats, floor: float) -> Floats:
    """Return what each feature counts for, (d,), by its lift and by ``expected`` (d,), its mean addend
    as far as it counts by itself."""
    weights = np.sqrt(lift + floor)
    total = float((weights * expected).sum())
    return np.asarray(weights * (float(expected.sum()) / total if total > 0.0 else 1.0))


def top_of(values: Floats, weights: Floats, share: float) -> Flags:
    """Return which of ``values`` (n,) are the highest ``share`` by weight, and above 0."""
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(weights[order])
    lowest = values[order[np.searchsorted(reached, share * reached[-1])]]
    is_top: Flags = (values > 0.0) & (values >= lowest)
    return is_top
