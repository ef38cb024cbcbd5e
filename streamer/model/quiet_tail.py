"""Whether low amounts count as high ones do: by what they come with, without labels.

A feature counts on its suspicious side (`streamer.model.scores.suspicious`), an amount above.  Where a
stream's frauds have low amounts that hides them.  So of recent payments it is asked how much more
often than usual those that are extreme in what has nothing to do with amounts are low by theirs:

    lift = P(low 2% by amount | top 0.5% by the others) / P(low 2% by amount)

and low amounts count where its lower limit is above 8.  What several amounts make up is no witness: a
series of small amounts comes with a small amount by construction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.model.agreement import TOP, top_of
from streamer.model.scored import Scored

__all__ = ["MIN_QUIET_LIFT", "least_quiet_lift", "mean_addends", "sides_of"]

MIN_QUIET_LIFT: Final = 8.0
_LOW: Final = 0.02
"""A share of which enough is kept of the quiet tail, which is not what the sample is drawn by."""
_DEVIATIONS: Final = 3.0


def least_quiet_lift(
    loud: Floats, quiet: Floats, weights: Floats, is_amount: Flags, is_witness: Flags
) -> float:
    """Return the lower limit (Wilson's, of 3 deviations) of how many times as often as usual the top by
    the witnesses is low by amount; 0 where one of them has no top.

    ``loud`` IN (n, d) are what the features have of each payment's distance² on their suspicious side,
    ``quiet`` (n, d) what they would have on the other, ``weights`` (n,) what payments count for.
    """
    if not weights.any():
        return 0.0
    is_odd = top_of(loud[:, is_witness].sum(axis=1), weights, TOP)
    is_low = top_of(quiet[:, is_amount].sum(axis=1), weights, _LOW)
    if not is_odd.any() or not is_low.any():
        return 0.0
    odd = weights[is_odd]
    n_effective = odd.sum() ** 2 / (odd**2).sum()
    share = float(weights[is_odd & is_low].sum() / odd.sum())
    usual = float(weights[is_low].sum() / weights.sum())
    return _least_share(share, float(n_effective)) / usual


def sides_of(
    loud: Floats, quiet: Floats, weights: Floats, sides: Integers, of_amounts: Sequence[str | None]
) -> Integers:
    """Return on which side each feature counts, (d,): amounts on both (0) where their lower limit is
    above `MIN_QUIET_LIFT`, else all on their own of ``sides``.

    The first three are as in `least_quiet_lift`, ``of_amounts`` as in `ModelConfig`.
    """
    kinds = np.array([*of_amounts] or [None] * len(sides), dtype=object)
    is_amount, is_witness = kinds == "own", np.array([kind is None for kind in kinds])
    least = least_quiet_lift(loud, quiet, weights, is_amount, is_witness)
    return np.where(is_amount, 0, sides) if least > MIN_QUIET_LIFT else sides


def mean_addends(scored: Scored, weights: Floats, otherwise: Floats) -> Floats:
    """Return each feature's mean addend over those of the payments ``scored`` in which it is known, by
    their ``weights`` (n,); what is ``otherwise`` (d,) expected where there are none."""
    is_known = ~np.isnan(scored.X)
    known = is_known.T @ weights
    sums = np.where(is_known, scored.addends, 0.0).T @ weights
    return np.where(known > 0.0, sums / np.maximum(known, 1e-12), otherwise)


def _least_share(share: float, n: float) -> float:
    """Return Wilson's lower limit of a ``share`` of ``n`` payments."""
    square = _DEVIATIONS**2
    half_width = _DEVIATIONS * math.sqrt(share * (1.0 - share) / n + square / (4.0 * n * n))
    return (share + square / (2.0 * n) - half_width) / (1.0 + square / n)
