"""How well a score ranks frauds, with a weight per row.

A ranking is sorted once (`Ranking.of`); every metric is then a few cumulative sums over any weights.
Rows of equal score are one step: nothing depends on the order in which ties happen to lie.  The
weights are what the bootstrap varies: a card drawn twice counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.arrays import Flags, Floats, Integers

__all__ = [
    "CardRanking",
    "Ranking",
    "at_budget",
    "auc_roc",
    "average_precision",
    "card_precision_at_k",
    "cumulated",
]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows from the highest score to the lowest.

    ``order`` (n,) sorts the rows, ``frauds`` (n,) are the sorted labels as 0 and 1, and ``ends`` (m,)
    is the sorted position of the last row of each distinct score.
    """

    order: Integers
    frauds: Floats
    ends: Integers

    @classmethod
    def of(cls, scores: Floats, frauds: Flags) -> Ranking:
        """Rank rows; ``scores`` must not hold NaN."""
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
        return cls(order, frauds[order].astype(float), ends)


def cumulated(ranking: Ranking, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the weight of frauds and of all rows down to each distinct score, shape (m,) each."""
    if weights is None:
        weights = np.ones(len(ranking.order))
    ordered = weights[ranking.order]
    return np.cumsum(ordered * ranking.frauds)[ranking.ends], np.cumsum(ordered)[ranking.ends]


def auc_roc(frauds: Floats, total: Floats) -> float:
    """Return the area under the ROC curve from `cumulated` weights; NaN without both classes.

    The share of pairs of a fraud and a legitimate row in which the fraud scores higher, ties half.
    """
    legitimate = total - frauds
    pairs = frauds[-1] * legitimate[-1]
    if pairs <= 0:
        return float("nan")
    steps = np.diff(legitimate, prepend=0.0)
    heights = frauds - np.diff(frauds, prepend=0.0) / 2
    return float((steps * heights).sum() / pairs)


def average_precision(frauds: Floats, total: Floats) -> float:
    """Return Σ (R_i - R_{i-1}) P_i over distinct scores, scikit-learn's definition."""
    if frauds[-1] <= 0:
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(total > 0, frauds / total, 0.0)
    gains = np.diff(frauds, prepend=0.0) / frauds[-1]
    return float((gains * precision).sum())


def at_budget(frauds: Floats, total: Floats, budget: float) -> tuple[float, float]:
    """Return precision and recall when the ``budget`` share of rows with the highest scores alert.

    A group of equal scores that does not fit in whole alerts in part, with its average of frauds.
    """
    n_alerts = budget * total[-1]
    if frauds[-1] <= 0 or n_alerts <= 0:
        return float("nan"), float("nan")
    caught = float(np.interp(n_alerts, np.append(0.0, total), np.append(0.0, frauds)))
    return caught / float(n_alerts), caught / float(frauds[-1])


@dataclass(frozen=True, slots=True)
class CardRanking:
    """Per period, its cards from the highest single score to the lowest.

    ``periods`` holds (cards, is_compromised) pairs of arrays, in order of time.
    """

    periods: tuple[tuple[Integers, Flags], ...]
    n_cards: int

    @classmethod
    def of(
        cls,
        scores: Floats,
        frauds: Flags,
        cards: Integers,
        periods: Integers,
    ) -> CardRanking:
        """Rank the cards of every period; ``cards`` are numbers from 0."""
        ranked = []
        for period in np.unique(periods):
            rows = np.flatnonzero(periods == period)
            present, of_row = np.unique(cards[rows], return_inverse=True)
            highest = np.full(len(present), -np.inf)
            np.maximum.at(highest, of_row, scores[rows])
            compromised = np.zeros(len(present), dtype=bool)
            compromised[of_row[frauds[rows]]] = True
            order = np.argsort(-highest, kind="stable")
            ranked.append((present[order], compromised[order]))
        return cls(tuple(ranked), int(cards.max(initial=-1)) + 1)


def card_precision_at_k(ranking: CardRanking, k: int, weights: Floats | None = None) -> float:
    """Return the share of compromised cards among the ``k`` highest, averaged over periods.

    A card that was caught in a period is left out of later ones.  ``weights`` (n_cards,) says how
    often each card was drawn: one drawn twice takes two places.  A period of fewer than k cards
    counts its compromised ones over k all the same, as the Handbook does.
    """
    places = np.ones(ranking.n_cards) if weights is None else weights.copy()
    precisions = []
    for cards, is_compromised in ranking.periods:
        wanted = places[cards]
        taken = np.clip(k - (np.cumsum(wanted) - wanted), 0.0, wanted)
        caught = is_compromised & (taken > 0)
        precisions.append(float(taken[caught].sum()) / k)
        places[cards[caught]] = 0.0
    return float(np.mean(precisions))
