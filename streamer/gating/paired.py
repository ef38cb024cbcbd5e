"""By how much one ranking is better than another on the same payments, with an interval.

Rows of a card are not independent, so the bootstrap draws cards, and both rankings are measured on the
same draws: their difference varies far less than either of them (Efron and Tibshirani 1993, chapter 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.evaluation.ranking_metrics import Ranking, at_budget, average_precision, cumulated

__all__ = ["Difference", "paired_differences"]

_N_RESAMPLES: Final = 200
_ENDS: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the base and of the candidate, and the 95% interval of candidate less base."""

    base: float
    candidate: float
    low: float
    high: float


def paired_differences(
    base: Floats,
    candidate: Floats,
    frauds: Flags,
    cards: Integers,
    budgets: tuple[float, float],
    seed: int,
) -> tuple[Difference, Difference]:
    """Return average precision and recall at the budget of two scores; all arrays (n,), no NaN.

    ``cards`` are numbers from 0.  There must be a fraud.
    """
    rankings = Ranking.of(base, frauds), Ranking.of(candidate, frauds)
    rng, n_cards = np.random.default_rng(seed), int(cards.max()) + 1

    def figures(weights: Floats | None) -> list[tuple[float, float]]:
        found = []
        for ranking, budget in zip(rankings, budgets, strict=True):
            sums = cumulated(ranking, weights)
            found.append((average_precision(*sums), at_budget(*sums, budget)[1]))
        return found

    drawn = []
    for _ in range(_N_RESAMPLES):
        times = np.bincount(rng.integers(0, n_cards, n_cards), minlength=n_cards).astype(float)
        (a, b), (c, d) = figures(times[cards])
        drawn.append((c - a, d - b))
    # A draw without a fraud has no figure; it takes no part.
    known = np.array([each for each in drawn if each[0] == each[0]])
    low, high = np.percentile(known, _ENDS, axis=0)
    of_base, of_candidate = figures(None)
    made = [
        Difference(*figure)
        for figure in zip(of_base, of_candidate, low.tolist(), high.tolist(), strict=True)
    ]
    return made[0], made[1]
