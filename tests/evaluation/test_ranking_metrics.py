"""The metrics against scikit-learn and against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from streamer.evaluation.ranking_metrics import (
    CardRanking,
    Ranking,
    at_budget,
    auc_roc,
    average_precision,
    card_precision_at_k,
    cumulated,
)
from streamer.evaluation.resampling import METRICS, Sample, measure


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_weighted", [False, True])
def test_areas_equal_those_of_scikit_learn_with_ties_and_weights(
    seed: int, is_weighted: bool
) -> None:
    """500 rows on 20 distinct scores; a weight of 0 is a row that is not there."""
    rng = np.random.default_rng(seed)
    frauds = rng.random(500) < 0.2
    scores = np.round(rng.normal(frauds * 0.7, 1.0) * 3)
    weights = rng.integers(0, 4, 500).astype(float) if is_weighted else None
    sums = cumulated(Ranking.of(scores, frauds), weights)
    assert auc_roc(*sums) == pytest.approx(roc_auc_score(frauds, scores, sample_weight=weights))
    assert average_precision(*sums) == pytest.approx(
        average_precision_score(frauds, scores, sample_weight=weights)
    )


def test_areas_by_hand() -> None:
    """Scores 4 3 3 1, frauds 1 1 0 0: pairs 1, 1, ½, 1 of 4; precision 1 at recall ½, 2/3 at 1."""
    frauds = np.array([True, True, False, False])
    sums = cumulated(Ranking.of(np.array([4.0, 3.0, 3.0, 1.0]), frauds))
    assert auc_roc(*sums) == pytest.approx(3.5 / 4)
    assert average_precision(*sums) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_a_tied_group_beyond_the_budget_alerts_in_part() -> None:
    """Half of four rows is two: the first, a fraud, and one of two tied, of which one is a fraud."""
    frauds = np.array([True, True, False, False])
    sums = cumulated(Ranking.of(np.array([4.0, 3.0, 3.0, 1.0]), frauds))
    assert at_budget(*sums, 0.5) == pytest.approx((1.5 / 2, 1.5 / 2))
    assert at_budget(*sums, 0.25) == pytest.approx((1.0, 0.5))
    assert at_budget(*sums, 1.0) == pytest.approx((0.5, 1.0))


def test_without_frauds_there_is_no_figure() -> None:
    sums = cumulated(Ranking.of(np.array([1.0, 2.0]), np.array([False, False])))
    assert np.isnan([auc_roc(*sums), average_precision(*sums), *at_budget(*sums, 0.5)]).all()


# Two days. Day 0: card 0 (fraud) 9, card 1 8, card 2 (fraud) 1. Day 1: the same cards, all frauds,
# and card 3, legitimate, between them.
SCORES = np.array([9.0, 3.0, 8.0, 1.0, 9.0, 5.0, 7.0, 1.0])
CARDS = np.array([0, 0, 1, 2, 0, 1, 3, 2])
FRAUDS = np.array([False, True, False, True, True, True, False, True])
DAYS = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_a_card_counts_by_its_highest_score_and_once_it_is_caught_no_more() -> None:
    """k = 2. Day 0: cards 0 and 1, one compromised. Day 1 without card 0: 3 and 1, one of two."""
    ranking = CardRanking.of(SCORES, FRAUDS, CARDS, DAYS)
    assert card_precision_at_k(ranking, 2) == pytest.approx((0.5 + 0.5) / 2)
    assert card_precision_at_k(ranking, 1) == pytest.approx((1 + 0) / 2)
    assert card_precision_at_k(ranking, 3) == pytest.approx((2 / 3 + 1 / 3) / 2)


def test_a_card_drawn_twice_takes_two_places_and_one_not_drawn_takes_none() -> None:
    """k = 3, card 0 twice, card 1 not. Day 0: 0, 0, 2: three of three. Day 1: card 3 alone."""
    ranking = CardRanking.of(SCORES, FRAUDS, CARDS, DAYS)
    weights = np.array([2.0, 0.0, 1.0, 1.0])
    assert card_precision_at_k(ranking, 3, weights) == pytest.approx((1 + 0) / 2)


def _sample(rng: np.random.Generator, n_cards: int) -> tuple[np.ndarray, Sample]:
    """Ten rows a card; a card's rows share a level, and one card in ten is compromised."""
    cards = np.repeat(np.arange(n_cards), 10)
    frauds = np.repeat(rng.random(n_cards) < 0.1, 10)
    level = np.repeat(rng.normal(0, 1, n_cards), 10)
    scores = level + rng.normal(frauds * 1.0, 0.5)
    periods = np.tile(np.arange(10), n_cards)
    scenarios = np.where(frauds, cards % 2, -1)
    folds = np.zeros(len(cards), dtype=np.int64)
    return scores, Sample(frauds, cards, periods, scenarios, ("even", "odd"), folds)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """AUC of N(1, 1.25) over N(0, 1.25): Φ(1/√2.5) = 0.736. Of 60 samples at least 50 cover it."""
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scores, sample = _sample(rng, 200)
        figures = measure(scores, sample, budget=0.05, rng=rng, n_resamples=100)
        low, high = figures.intervals["auc_roc"]
        covered += low <= 0.736 <= high
    assert 50 <= covered <= 60


def test_the_same_seed_gives_the_same_intervals_and_they_hold_the_figure() -> None:
    scores, sample = _sample(np.random.default_rng(0), 300)
    first, second = (
        measure(scores, sample, budget=0.05, rng=np.random.default_rng(3)) for _ in range(2)
    )
    assert first.intervals == second.intervals
    for name in METRICS:
        low, high = first.intervals[name]
        assert low <= first.values[name] <= high


def test_a_scenario_is_held_against_all_legitimate_rows_and_alerts_against_all() -> None:
    """Even frauds score 9, odd ones -9, the others 0: a budget of a tenth takes the even first."""
    scenarios = np.array([0, 1] + [-1] * 18)
    sample = Sample(
        frauds=scenarios >= 0,
        cards=np.arange(20),
        periods=np.zeros(20, dtype=np.int64),
        scenarios=scenarios,
        scenario_names=("even", "odd", "unseen"),
        folds=np.zeros(20, dtype=np.int64),
    )
    scores = np.where(scenarios == 0, 9.0, np.where(scenarios == 1, -9.0, 0.0))
    figures = measure(scores, sample, budget=0.1, rng=np.random.default_rng(0), n_resamples=5)
    assert set(figures.scenarios) == {"even", "odd"}
    even, odd = figures.scenarios["even"], figures.scenarios["odd"]
    assert (even.n_frauds, even.auc_roc, even.recall_at_budget) == (1, 1.0, 1.0)
    assert (odd.n_frauds, odd.auc_roc, odd.recall_at_budget) == (1, 0.0, 0.0)
