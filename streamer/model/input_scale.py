"""On which scale the odds' inputs lie, and where amounts step: frozen once enough has been judged.

The gram of the odds is a sum over payments whose basis was filled on the scale of their day.  While the
scale followed the verdicts, old sums said something else in the new basis: with a scale that holds
still the average precision on the evaluation data rose by 0.01 (docs/decisions/0014).

A hinge cannot make a step, and limits of amount do: of a card, of a shop, of a rule that fraudsters
know.  So there are steps where the upper twentieth, hundredth and five-hundredth of amounts begin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.model.feature_histogram import UNKNOWN, bin_edges
from streamer.model.model_config import ModelConfig
from streamer.model.odds import N_STEPS
from streamer.model.sums import Sums

__all__ = ["follow_scale", "scale_of"]

# The odds' inputs are logarithms for the most part; closer together than this they are one value.
_SPREAD_FLOOR: Final = 0.1
_DEVIATION: Final = 1
_AMOUNT: Final = 0
_ENOUGH: Final = 200_000.0
"""Judged payments in which an input was known: weeks, in which fraud shares have found their range."""
_STEPS_BELOW: Final = (0.95, 0.99, 0.998)
"""The share of amounts below each step."""


def follow_scale(sums: Sums, config: ModelConfig) -> Sums:
    """Return ``sums`` with the scale of each input frozen that is due; the same object if none is."""
    if not sums.input_weights.size:
        return sums
    is_due = (sums.input_weights >= _ENOUGH) & (sums.input_scale[_DEVIATION] == 0.0)
    if not is_due.any():
        return sums
    scale = np.where(is_due, _of_verdicts(sums), sums.input_scale)
    if not is_due[_AMOUNT]:
        return replace(sums, input_scale=scale)
    return replace(sums, input_scale=scale, amount_steps=_steps(sums, config, scale[0, _AMOUNT]))


def scale_of(sums: Sums) -> tuple[Floats, Floats, Floats]:
    """Return means and deviations (n_inputs,) of the inputs, and the steps (N_STEPS,) of the amount.

    Before it is frozen an input's scale is that of the verdicts so far, and an amount has no step.
    """
    is_frozen = sums.input_scale[_DEVIATION] > 0.0
    means, deviations = np.where(is_frozen, sums.input_scale, _of_verdicts(sums))
    steps = sums.amount_steps if is_frozen[_AMOUNT] else np.full(N_STEPS, np.inf)
    return means, deviations, steps


def _of_verdicts(sums: Sums) -> Floats:
    """Return mean and deviation of each input over the verdicts, (2, n_inputs)."""
    weights = np.maximum(sums.input_weights, 1e-12)
    means = sums.input_sums / weights
    variances = np.maximum(sums.input_sums_sq / weights - means**2, 0.0)
    return np.stack([means, np.maximum(np.sqrt(variances), _SPREAD_FLOOR)])


def _steps(sums: Sums, config: ModelConfig, mean: float) -> Floats:
    """Return where shares of the amounts lie below, relative to the usual; none is below ``mean``.

    An average amount then lies below every step, and adds nothing.
    """
    weights = np.delete(sums.feature_histograms[0], UNKNOWN)
    if not weights.any():
        return np.full(N_STEPS, np.inf)
    below = np.append(0.0, np.cumsum(weights) / weights.sum())
    steps = np.interp(_STEPS_BELOW, below, bin_edges(config.spread_floors[0]))
    return np.asarray(np.maximum(steps, mean))
