"""The parts of a payment's ranking, sorted by what they add."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.compiled import compiled
from streamer.explaining.parameters import N_FEATURES
from streamer.features import JUDGED, VERDICT_FEATURES, Record
from streamer.model import LogOdds, Room, function_of

__all__ = ["insert", "tell_parts"]

_N_VERDICTS: Final = len(VERDICT_FEATURES)
# As an array of the module it is a constant of the compiled loop.
_JUDGED: Final = np.array([judged[1:] for judged in JUDGED])


@compiled
def tell_parts(found: Record, scored: Room, odds: LogOdds, by_odds: bool) -> None:
    """Write every part of the ranking of the first payment of ``scored``, the largest first.

    By the distance, a feature's part is its addend of distance².  By the odds, it is its own function
    and its share of the function of the distance, in proportion to its addend.
    """
    inputs, x, own, n, d = scored.inputs[0], scored.parts[0, 0], scored.parts[1, 0], 0, N_FEATURES
    distance_sq = found.distance_sq
    of_distance = function_of(inputs[-1], len(inputs) - 1, odds) if by_odds else 0.0
    for j in range(d):
        # An amount in a currency that has no usual amount yet is known, but nothing to compare.
        if not math.isnan(x[j]):
            added = own[j]
            if by_odds:
                added = function_of(inputs[j], j, odds)
                if distance_sq > 0:
                    added += of_distance * own[j] / distance_sq
            n = insert(found, n, j, added)
    if by_odds:
        for e in range(len(_JUDGED)):
            first, end = d + _JUDGED[e, 0], d + _JUDGED[e, 0] + 2 * _JUDGED[e, 1]
            if not math.isnan(inputs[first]):
                total, most, told = 0.0, -math.inf, first
                for j in range(first, end):
                    added = function_of(inputs[j], j, odds)
                    total += added
                    if j < first + _JUDGED[e, 1] and added > most:
                        most, told = added, j
                n = insert(found, n, told, total)
        for j in range(d + _N_VERDICTS, len(inputs) - 1):
            if not math.isnan(inputs[j]):
                n = insert(found, n, j, function_of(inputs[j], j, odds))
    found.n_parts, found.positive = n, 0.0
    for m in range(n):
        if found.contributions[m] > 0:
            found.positive += found.contributions[m]


@compiled
def insert(found: Record, n: int, column: int, added: float) -> int:
    """Insert a part among the ``n`` that are there, behind those as large; return how many are."""
    at = n
    while at > 0 and found.contributions[at - 1] < added:
        found.contributions[at], found.parts[at] = found.contributions[at - 1], found.parts[at - 1]
        at -= 1
    found.contributions[at], found.parts[at] = added, column
    return n + 1
