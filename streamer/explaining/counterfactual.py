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
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.contract.codes import CURRENCIES, decimals_of
from streamer.contract.messages import Counterfactual
from streamer.features import Columns, History, Records, compare_amount
from streamer.model import Lines, LogOdds, Room, Ruler, Scorer, score_rows

__all__ = ["smaller_amounts"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Of each walk: from the amount to a hundredth of it, and between two of these, 9.3 % apart.
_GRID: Final = 48
# Below a hundredth of the amount the answer no longer helps anybody.
_SMALLEST_SHARE: Final = 0.01


class Asked(NamedTuple):
    """The payments of a batch, (n,) each, and what scored them.

    ``habits`` and ``merchants`` are what their amounts are compared with.
    """

    payments: Records
    currencies: Integers
    times_ms: Integers
    X: Floats
    V: Floats
    habits: Records
    merchants: Records
    ruler: Ruler
    odds: LogOdds
    lines: Lines


class Trial(NamedTuple):
    """One payment at the amounts of a walk, (_GRID,) each, IN/OUT.

    ``X`` and ``features`` are the same memory: the features that change with the amount are named.
    """

    X: Floats
    features: Records
    V: Floats
    currencies: Integers
    times_ms: Integers
    scored: Room


def smaller_amounts(
    version: Scorer, columns: Columns, history: History, chosen: Sequence[int]
) -> list[Counterfactual | None]:
    """Return for each of the ``chosen`` the largest smaller amount that would not alert, if any.

    "Or less" it is only where every smaller amount of the walk is quiet too.
    """
    asked = Asked(
        columns.payments,
        columns.currencies,
        columns.times_ms,
        history.X,
        history.V,
        history.spending,
        history.merchants,
        version.ruler,
        version.odds_or_none,
        version.lines,
    )
    trial = Trial(
        *history.apart(chosen[0], _GRID),
        np.empty((_GRID, history.V.shape[1])),
        np.empty(_GRID, np.int64),
        np.empty(_GRID, np.int64),
        version.room(_GRID),
    )
    currencies = [CURRENCIES[index] for index in columns.currencies[chosen].tolist()]
    decimals = [decimals_of(currency) for currency in currencies]
    minor_units = np.array([10**places for places in decimals])
    found, is_quiet_below = largest_quiet_of(asked, trial, np.array(chosen), minor_units)
    answers = zip(found.tolist(), is_quiet_below.tolist(), decimals, currencies, strict=True)
    return [_told(*answer) for answer in answers]


def _told(found: int, is_quiet_below: bool, decimals: int, currency: str) -> Counterfactual | None:
    if not found:
        return None
    amount = found / 10**decimals
    ending = "or less" if is_quiet_below else "or a little less"
    sentence = f"No alert at an amount of {amount:,.{decimals}f} {currency} {ending}."
    return Counterfactual(amount, currency, sentence)


@compiled
def largest_quiet_of(
    asked: Asked, trial: Trial, chosen: Integers, minor_units: Integers
) -> tuple[Integers, Flags]:
    """Return `largest_quiet` of each of ``chosen`` (m,), two of shape (m,)."""
    found, is_quiet_below = np.empty(len(chosen), np.int64), np.empty(len(chosen), np.bool_)
    for m in range(len(chosen)):
        i = chosen[m]
        trial.X[:], trial.V[:] = asked.X[i], asked.V[i]
        trial.currencies[:], trial.times_ms[:] = asked.currencies[i], asked.times_ms[i]
        found[m], is_quiet_below[m] = largest_quiet(asked, trial, i, minor_units[m])
    return found, is_quiet_below


@compiled
def largest_quiet(asked: Asked, trial: Trial, i: int, minor_units: int) -> tuple[int, bool]:
    """Return the largest quiet amount below payment ``i``'s, in minor units, or 0 if none is found.

    And whether all smaller ones of the walk are quiet.  A payment that does not alert has none.
    """
    amount = asked.payments[i].amount
    lowest = max(amount * _SMALLEST_SHARE, 1 / minor_units)
    if amount <= lowest:
        return 0, False
    walk, ratio = np.empty(_GRID), math.log(lowest / amount) / (_GRID - 1)
    for step in range(_GRID):
        walk[step] = max(amount * math.exp(ratio * step), lowest)
    first, is_quiet_below = first_quiet(asked, trial, i, walk)
    if first < 1:
        return 0, False
    above, width = walk[first - 1], (walk[first - 1] - walk[first]) / (_GRID - 1)
    loud = math.ceil(above * minor_units)
    for step in range(_GRID):
        walk[step] = max(math.floor((above - width * step) * minor_units), 1) / minor_units
    nearer, _ = first_quiet(asked, trial, i, walk)
    if nearer < 0:
        return 0, False
    quiet = round(walk[nearer] * minor_units)
    if nearer > 0:
        loud = round(walk[nearer - 1] * minor_units)
    middle = np.empty(1)
    while loud - quiet > 1:
        between = (loud + quiet) // 2
        middle[0] = between / minor_units
        if first_quiet(asked, trial, i, middle)[0] < 0:
            loud = between
        else:
            quiet = between
    return quiet, is_quiet_below


@compiled
def first_quiet(asked: Asked, trial: Trial, i: int, amounts: Floats) -> tuple[int, bool]:
    """Return where the first of at most _GRID ``amounts`` is with which payment ``i`` would not alert.

    -1 if there is none.  And whether it would not with all those behind it either.
    """
    n = len(amounts)
    for step in range(n):
        compare_amount(amounts[step], asked.habits[i], asked.merchants[i], trial.features[step])
    score_rows(
        trial.scored,
        trial.X[:n],
        trial.currencies,
        trial.V,
        trial.times_ms,
        asked.ruler,
        asked.odds,
        asked.lines,
    )
    for step in range(n):
        if not trial.scored.alerted[step]:
            return step, not trial.scored.alerted[step:n].any()
    return -1, False
