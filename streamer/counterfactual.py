"""At which smaller amount would the same payment not have been alerted?

Every feature is a function of the payment and of what was known before it, so the question is
answered by asking the model again with other amounts and nothing else changed: one compiled loop,
with the very functions that described and scored the payment.

A walk in equal ratios finds the first amount that does not alert, one in equal steps narrows it down,
and bisection in the currency's minor unit finds the edge.  A payment's distance mostly falls with its
amount; where it does not, since another center becomes the nearest, a larger quiet amount may lie
between two steps.

Invariant: at the amount found there is no alert, and at one minor unit more there is, unless that is no
smaller amount.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.codes import decimals_of
from streamer.compiled import compiled
from streamer.events import Counterfactual
from streamer.features import Columns, History, Records, compare_amount
from streamer.model import Lines, LogOdds, ModelVersion, Ruler, score_rows

__all__ = ["smaller_amount"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Of each walk: from the amount to a hundredth of it, and between two of these, 9.3 % apart.
_GRID: Final = 48
# Below a hundredth of the amount the answer no longer helps anybody.
_SMALLEST_SHARE: Final = 0.01


class Asked(NamedTuple):
    """A payment, as many times as there are steps in a walk, and what scored it.

    ``X`` are its features, ``features`` (_GRID,) the same memory, IN/OUT: those of the amount change.
    ``V``, ``currencies`` and ``times_ms`` stay, as do ``habits`` and ``merchants``, what the amounts of
    its batch are compared with, its own at ``payment``.
    """

    X: Floats
    features: Records
    V: Floats
    currencies: Integers
    times_ms: Integers
    habits: Records
    merchants: Records
    payment: int
    ruler: Ruler
    odds: LogOdds
    lines: Lines


def smaller_amount(
    version: ModelVersion, columns: Columns, history: History, index: int, currency: str
) -> Counterfactual | None:
    """Return the largest smaller amount that would not alert, or None if none is found.

    "Or less" it is only where every smaller amount of the walk is quiet too.
    """
    X, features = history.apart(index, _GRID)
    asked = Asked(
        X,
        features,
        np.repeat(history.V[index : index + 1], _GRID, axis=0),
        np.repeat(columns.currencies[index : index + 1], _GRID),
        np.repeat(columns.times_ms[index : index + 1], _GRID),
        history.spending,
        history.merchants,
        index,
        version.ruler,
        version.odds,
        version.lines,
    )
    decimals = decimals_of(currency)
    minor_units = 10**decimals
    found, is_quiet_below = largest_quiet(asked, float(columns.amounts[index]), minor_units)
    if not found:
        return None
    amount = found / minor_units
    ending = "or less" if is_quiet_below else "or a little less"
    sentence = f"No alert at an amount of {amount:,.{decimals}f} {currency} {ending}."
    return Counterfactual(amount, currency, sentence)


@compiled
def largest_quiet(asked: Asked, amount: float, minor_units: int) -> tuple[int, bool]:
    """Return the largest quiet amount below ``amount``, in minor units, or 0 if none is found.

    And whether all smaller ones of the walk are quiet.  A payment that does not alert has none.
    """
    lowest = max(amount * _SMALLEST_SHARE, 1 / minor_units)
    if amount <= lowest:
        return 0, False
    walk, ratio = np.empty(_GRID), math.log(lowest / amount) / (_GRID - 1)
    for i in range(_GRID):
        walk[i] = max(amount * math.exp(ratio * i), lowest)
    is_loud = alerts_at(asked, walk)
    first = first_quiet(is_loud)
    if first < 1:
        return 0, False
    step = (walk[first - 1] - walk[first]) / (_GRID - 1)
    above = walk[first - 1]
    loud = math.ceil(above * minor_units)
    for i in range(_GRID):
        walk[i] = max(math.floor((above - step * i) * minor_units), 1) / minor_units
    nearer = first_quiet(alerts_at(asked, walk))
    if nearer < 0:
        return 0, False
    quiet = round(walk[nearer] * minor_units)
    if nearer > 0:
        loud = round(walk[nearer - 1] * minor_units)
    return edge_between(asked, loud, quiet, minor_units), not is_loud[first:].any()


@compiled
def first_quiet(is_loud: Flags) -> int:
    """Return where the first amount is that does not alert, -1 if there is none."""
    for i in range(len(is_loud)):
        if not is_loud[i]:
            return i
    return -1


@compiled
def edge_between(asked: Asked, loud: int, quiet: int, minor_units: int) -> int:
    """Return a quiet amount whose next larger one is not, by bisection; all in minor units."""
    middle = np.empty(1)
    while loud - quiet > 1:
        between = (loud + quiet) // 2
        middle[0] = between / minor_units
        if alerts_at(asked, middle)[0]:
            loud = between
        else:
            quiet = between
    return quiet


@compiled
def alerts_at(asked: Asked, amounts: Floats) -> Flags:
    """Return for each of at most _GRID ``amounts`` whether the payment would alert with it."""
    n, habit, merchant = len(amounts), asked.habits[asked.payment], asked.merchants[asked.payment]
    for i in range(n):
        compare_amount(amounts[i], habit, merchant, asked.features[i])
    return score_rows(
        asked.X[:n],
        asked.currencies[:n],
        asked.V[:n],
        asked.times_ms[:n],
        asked.ruler,
        asked.odds,
        asked.lines,
    ).alerted
