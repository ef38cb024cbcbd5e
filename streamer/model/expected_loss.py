"""The expected loss of a payment: its probability of fraud times its amount, in one currency.

    loss = p · amount · value of the payment's currency

It is kept as its logarithm, ln p + ln amount + ln value, so that a rank between payments of any amount
is as fine as that of log-odds.  p is the calibrated probability, made to rise everywhere: a fiftieth of
what is told is the odds' own, within the bins and beyond them.  So of two payments of one amount the
one of higher log-odds ranks higher, also where `calibration` has pooled bins.

An amount of 0, which verifies a card, counts as the smallest amount that has a logarithm, a
thousandth of its currency's unit.

A currency that nobody gave a value has that by which its usual payment is worth what the usual one in
the named currencies is; one that no version has met yet counts as 1, like all where none is named.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.compiled import compiled
from streamer.model.calibration import MIDDLES, N_CALIBRATION_BINS, PER_UNIT, calibration_place
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = [
    "NEVER_WORTH",
    "NO_LOSS",
    "estimated_currencies",
    "log_loss_of",
    "log_values",
    "rising",
    "told_at",
    "told_probabilities",
]

NO_LOSS: Final = np.zeros(0)
"""What is told of log-odds where nothing is ranked by it."""
NEVER_WORTH: Final = -1_000.0
"""The ln of a loss below any: where a review costs nothing."""
# Of the odds' own log-odds in what is told: a factor of e by which they are off is 2% of a loss.
_OWN: Final = 0.02
# Within these 1 - p is still told from 0.
_LARGEST: Final = 30.0
# ln of a thousandth: of what `streamer.features.equations.log_amount` takes for the smallest amount.
_NOTHING: Final = math.log(1e-3)


def rising(told: Floats) -> Floats:
    """Return ``told`` (`calibrated`) so that it rises from each bin to the next, (n_bins,)."""
    return np.asarray((1.0 - _OWN) * told + _OWN * MIDDLES)


@compiled
def told_at(log_odds: float, told: Floats) -> float:
    """Return the log-odds that are told, between the middles of bins, and beyond them by `_OWN`.

    ``told`` (n_bins,) is `rising`.
    """
    place = calibration_place(log_odds)
    if place <= 0.0:
        at = told[0] + place * (_OWN / PER_UNIT)
    elif place >= N_CALIBRATION_BINS - 1.0:
        beyond = place - (N_CALIBRATION_BINS - 1.0)
        at = told[N_CALIBRATION_BINS - 1] + beyond * (_OWN / PER_UNIT)
    else:
        i = int(place)
        at = told[i] + (place - i) * (told[i + 1] - told[i])
    within: float = min(max(at, -_LARGEST), _LARGEST)
    return within


@compiled
def told_probabilities(log_odds: Floats, told: Floats) -> Floats:
    """Return the probabilities of fraud that are told of ``log_odds`` (n,), by `told_at`."""
    found = np.empty(len(log_odds))
    for i in range(len(log_odds)):
        found[i] = 1.0 / (1.0 + math.exp(-told_at(log_odds[i], told)))
    return found


@compiled
def log_loss_of(log_odds: float, log_amount: float, log_value: float, told: Floats) -> float:
    """Return ln of the expected loss in the reference currency.

    ``log_amount`` is NaN for an amount of 0, ``log_value`` that of a unit of its currency.
    """
    log_p = -math.log1p(math.exp(-told_at(log_odds, told)))
    log_amount = _NOTHING if math.isnan(log_amount) else log_amount
    return log_p + log_amount + log_value


def log_values(sums: Sums, config: ModelConfig) -> Floats:
    """Return ln of what a unit of each currency is worth in the reference currency, (c,)."""
    found = np.zeros(config.n_currencies)
    named = [index for index, _ in config.currency_values]
    if not named:
        return found
    found[named] = np.log([value for _, value in config.currency_values])
    is_known = sums.currency_weights > 0
    means = sums.currency_sums[is_known] / sums.currency_weights[is_known]
    weights = np.zeros(config.n_currencies)
    weights[named] = sums.currency_weights[named]
    if weights.sum() > 0:
        usual = np.average(found[is_known] + means, weights=weights[is_known])
        is_estimated = is_known.copy()
        is_estimated[named] = False
        found[is_estimated] = usual - means[is_estimated[is_known]]
    return found


def estimated_currencies(sums: Sums, config: ModelConfig) -> int:
    """Return how many currencies of the traffic have no value of their own, where any has one."""
    if not config.currency_values:
        return 0
    is_met = sums.currency_weights >= 1.0
    is_met[[index for index, _ in config.currency_values]] = False
    return int(is_met.sum())
