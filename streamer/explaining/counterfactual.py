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

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.contract.codes import decimals_of
from streamer.contract.messages import Counterfactual
from streamer.features import FEATURE_ROW, Record, Records, compare_amount
from streamer.model import N_WITH_LOSS, Lines, LogOdds, Room, Ruler, score_rows

__all__ = ["Trial", "counterfactual", "largest_quiet", "new_trial"]


# Steps of each walk: from the amount to a hundredth of it, and between two of these, 9.3 % apart.
_GRID: Final = 48
# So many are scored by one call, which costs as much as three of them: a divisor of the steps.
_AT_ONCE: Final = 16
# Below a hundredth of the amount the answer no longer helps anybody.
_SMALLEST_SHARE: Final = 0.01


class Trial(NamedTuple):
    """Room for one payment at some amounts, a row for each, and for its scores, IN/OUT.

    ``X`` and ``features`` are the same memory: the features that change with the amount are named.
    """

    X: Floats
    features: Records
    V: Floats
    currencies: Integers
    times_ms: Integers
    scored: Room


def counterfactual(units: int, is_quiet_below: bool, currency: str) -> Counterfactual | None:
    """Return what `largest_quiet` found, in words; None where it found nothing.

    "Or less" it is only where every smaller amount of the walk is quiet too.

    >>> counterfactual(123_450, False, "EUR").sentence
    'No alert at an amount of 1,234.50 EUR or a little less.'
    """
    if not units:
        return None
    decimals = decimals_of(currency)
    amount = units / 10**decimals
    ending = "or less" if is_quiet_below else "or a little less"
    sentence = f"No alert at an amount of {amount:,.{decimals}f} {currency} {ending}."
    return Counterfactual(amount, currency, sentence)


@compiled
def new_trial(n_features: int, n_context: int) -> Trial:
    """Return the room for payments of so many features and so much around them."""
    n, d = _AT_ONCE, n_features
    scored = Room(
        np.empty((N_WITH_LOSS, n)),
        np.empty(n, np.int64),
        np.empty(n, np.bool_),
        np.empty((3, n, d)),
        np.empty((n, d + n_context + 1)),
    )
    X, V = np.empty((n, d)), np.empty((n, n_context))
    currencies, times_ms = np.empty(n, np.int64), np.empty(n, np.int64)
    return Trial(X, X.reshape(-1).view(FEATURE_ROW), V, currencies, times_ms, scored)


@compiled
def are_loud(
    trial: Trial,
    amounts: Floats,
    habit: Record,
    merchant: Record,
    ruler: Ruler,
    odds: LogOdds,
    lines: Lines,
    main: float,
    reserve: float,
) -> Flags:
    """Return whether the payment of ``trial`` (IN/OUT) would alert at some ``amounts`` (n,).

    ``habit`` and ``merchant`` are what these are compared with; ``main`` is the share of recent traffic
    of which it has to be by what ranks, or else ``reserve`` by the distance.
    """
    n = len(amounts)
    for step in range(n):
        compare_amount(amounts[step], habit, merchant, trial.features[step])
    rows = trial.currencies, trial.V, trial.times_ms, ruler, odds, lines
    score_rows(trial.scored, trial.X[:n], *rows)
    numbers, by_loss = trial.scored.numbers, lines.by_odds and len(lines.told) > 0
    distance_ranks, log_losses = numbers[4], numbers[7]
    ranks = numbers[6 if lines.by_odds else 4]
    if by_loss:
        ranks = numbers[8]
    loud = np.empty(n, np.bool_)
    for step in range(n):
        is_worth = not by_loss or log_losses[step] >= lines.least_log_loss
        is_main = 1.0 - ranks[step] < main and is_worth
        loud[step] = is_main or 1.0 - distance_ranks[step] < reserve
    return loud


@compiled
def largest_quiet(
    trial: Trial,
    amount: float,
    minor_units: int,
    habit: Record,
    merchant: Record,
    ruler: Ruler,
    odds: LogOdds,
    lines: Lines,
    main: float,
    reserve: float,
) -> tuple[int, bool]:
    """Return the largest quiet amount below ``amount``, in minor units, or 0 if none is found.

    And whether all smaller ones of the walk are quiet.  A payment that does not alert has none.  The
    rest is as for `are_loud`.
    """
    lowest = max(amount * _SMALLEST_SHARE, 1 / minor_units)
    if amount <= lowest:
        return 0, False
    walk, ratio = np.empty(_GRID), math.log(lowest / amount) / (_GRID - 1)
    for step in range(_GRID):
        walk[step] = max(amount * math.exp(ratio * step), lowest)
    first, is_quiet_below = -1, True
    for start in range(0, _GRID, _AT_ONCE):
        some = walk[start : start + _AT_ONCE]
        loud = are_loud(trial, some, habit, merchant, ruler, odds, lines, main, reserve)
        for m in range(_AT_ONCE):
            if loud[m]:
                is_quiet_below = first < 0
            elif first < 0:
                first = start + m
        if first == 0:
            break
    if first < 1:
        return 0, False
    above, width = walk[first - 1], (walk[first - 1] - walk[first]) / (_GRID - 1)
    for step in range(_GRID):
        walk[step] = max(math.floor((above - width * step) * minor_units), 1) / minor_units
    nearer = -1
    for start in range(0, _GRID, _AT_ONCE):
        some = walk[start : start + _AT_ONCE]
        loud = are_loud(trial, some, habit, merchant, ruler, odds, lines, main, reserve)
        for m in range(_AT_ONCE):
            if nearer < 0 and not loud[m]:
                nearer = start + m
        if nearer >= 0:
            break
    if nearer < 0:
        return 0, False
    quiet, edge = round(walk[nearer] * minor_units), math.ceil(above * minor_units)
    if nearer > 0:
        edge = round(walk[nearer - 1] * minor_units)
    middle = np.empty(1)
    while edge - quiet > 1:
        between = (edge + quiet) // 2
        middle[0] = between / minor_units
        if are_loud(trial, middle, habit, merchant, ruler, odds, lines, main, reserve)[0]:
            edge = between
        else:
            quiet = between
    return quiet, is_quiet_below
