"""Figures of one detector on the measured rows, with intervals from resampling cards.

Rows of a card are not independent: its frauds come together.  The bootstrap therefore draws cards
with replacement, and a row weighs as often as its card was drawn (Efron and Tibshirani 1993, chapter
8).  Every detector is measured on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.evaluation.ranking_metrics import (
    CardRanking,
    Ranking,
    at_budget,
    auc_roc,
    average_precision,
    card_precision_at_k,
    cumulated,
)

__all__ = ["METRICS", "N_RESAMPLES", "Figures", "Sample", "ScenarioFigures", "measure"]


METRICS: Final = (
    "auc_roc",
    "average_precision",
    "cp_at_100",
    "precision_at_budget",
    "recall_at_budget",
)
N_RESAMPLES: Final = 200
"""The ends of a 95% interval are then the fifth draws from either end."""
_TOP_CARDS: Final = 100
_ENDS: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Sample:
    """The measured rows, without any score: all arrays (n,).

    ``cards`` are numbers from 0 without gaps, ``scenarios`` -1 for a legitimate row, else an index of
    ``scenario_names``, and ``periods`` the days that card precision is averaged over.  Rows of
    different ``folds``, numbered from 0, are not ranked against each other.
    """

    frauds: Flags
    cards: Integers
    periods: Integers
    scenarios: Integers
    scenario_names: tuple[str, ...]
    folds: Integers

    def __len__(self) -> int:
        return len(self.frauds)


@dataclass(frozen=True, slots=True)
class ScenarioFigures:
    """One fraud scenario against all legitimate rows."""

    n_frauds: int
    auc_roc: float
    recall_at_budget: float


@dataclass(frozen=True, slots=True)
class Figures:
    """``values`` and ``intervals`` are by the names in `METRICS`; NaN where there is no figure.

    ``values`` are means over ``folds``, which have values of their own.
    """

    values: dict[str, float]
    folds: tuple[dict[str, float], ...]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    scenarios: dict[str, ScenarioFigures] = field(default_factory=dict)


def measure(
    scores: Floats,
    sample: Sample,
    *,
    budget: float,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> Figures:
    """Return the figures of ``scores`` (n,), higher being more suspicious, never NaN."""
    ranked = [_Fold.of(scores, sample, fold) for fold in np.unique(sample.folds)]
    n_cards = int(sample.cards.max(initial=-1)) + 1
    draws = []
    for _ in range(n_resamples):
        drawn = _multiplicities(n_cards, rng)
        draws.append(_mean([fold.values(budget, drawn) for fold in ranked]))
    folds = tuple(fold.values(budget) for fold in ranked)
    return Figures(
        values=_mean(folds),
        folds=folds,
        intervals={name: _interval([draw[name] for draw in draws]) for name in METRICS},
        scenarios=_scenarios(scores, Ranking.of(scores, sample.frauds), sample, budget),
    )


@dataclass(frozen=True, slots=True)
class _Fold:
    """The rows of a sample that are ranked together."""

    ranking: Ranking
    by_card: CardRanking
    cards: Integers

    @classmethod
    def of(cls, scores: Floats, sample: Sample, fold: int) -> _Fold:
        rows = sample.folds == fold
        scores, frauds, cards = scores[rows], sample.frauds[rows], sample.cards[rows]
        by_card = CardRanking.of(scores, frauds, cards, sample.periods[rows])
        return cls(Ranking.of(scores, frauds), by_card, cards)

    def values(self, budget: float, drawn: Floats | None = None) -> dict[str, float]:
        """Return the metrics, each card counting as often as it was ``drawn`` (n_cards,)."""
        frauds, total = cumulated(self.ranking, None if drawn is None else drawn[self.cards])
        values = (
            auc_roc(frauds, total),
            average_precision(frauds, total),
            card_precision_at_k(self.by_card, _TOP_CARDS, drawn),
            *at_budget(frauds, total, budget),
        )
        return dict(zip(METRICS, values, strict=True))


def _mean(values: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(each[name] for each in values) / len(values) for name in METRICS}


def _multiplicities(n_cards: int, rng: np.random.Generator) -> Floats:
    return np.bincount(rng.integers(0, n_cards, n_cards), minlength=n_cards).astype(float)


def _interval(values: list[float]) -> tuple[float, float]:
    # A draw without any fraud has no figure; it takes no part.
    known = [value for value in values if value == value]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(known, _ENDS)
    return float(low), float(high)


def _scenarios(
    scores: Floats, ranking: Ranking, sample: Sample, budget: float
) -> dict[str, ScenarioFigures]:
    """Return each scenario's figures; the alerts at the budget are those over all rows."""
    result = {}
    named = sorted((name, index) for index, name in enumerate(sample.scenario_names))
    for name, index in named:
        own = sample.scenarios == index
        n_frauds = int(own.sum())
        if not n_frauds:
            continue
        rows = own | ~sample.frauds
        against = cumulated(Ranking.of(scores[rows], own[rows]))
        ordered = Ranking(ranking.order, own[ranking.order].astype(float), ranking.ends)
        _, recall = at_budget(*cumulated(ordered), budget)
        result[name] = ScenarioFigures(n_frauds, auc_roc(*against), recall)
    return result
