"""For how many alerts a judged one stands, by hand, and without the bias of judging in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.impact.unjudged import stands_for

PLACES = st.lists(st.sampled_from([0.001, 0.002, 0.003, 0.004, 0.005, 0.02]), max_size=60)


def test_a_judged_alert_stands_for_those_of_its_rank() -> None:
    """Two strata of two: one waits among the rare and before them, none between, three behind."""
    judged, waiting = np.array([5.0, 1.0, 6.0, 2.0]), np.array([0.5, 1.5, 5.0, 7.0, 9.0])
    assert stands_for(judged, waiting, least=2).tolist() == [2.5, 2.0, 2.5, 2.0]
    assert stands_for(judged, np.zeros(0)).tolist() == [1.0] * 4
    assert stands_for(np.zeros(0), waiting).tolist() == []


def test_alerts_of_one_rank_are_one_stratum() -> None:
    """Twenty of the same place would be two strata, of which one had nobody judged."""
    found = stands_for(np.full(20, 0.01), np.full(10, 0.01))
    assert found.tolist() == [1.5] * 20


@given(PLACES, PLACES)
def test_the_weights_sum_to_all_alerts(judged: list[float], waiting: list[float]) -> None:
    found = stands_for(np.array(judged), np.array(waiting))
    assert (found >= 1.0).all()
    assert found.sum() == pytest.approx(len(judged) + len(waiting) if judged else 0.0)


def test_judging_the_highest_ranks_first_does_not_bias_what_all_are_worth() -> None:
    """2,000 alerts, the rarer the more often a fraud and the more often judged, seed 4; 200 draws."""
    rng, ranks = np.random.default_rng(4), np.linspace(0.0, 1.0, 2_000)
    frauds, shares = rng.random(2_000) < 0.9 - 0.8 * ranks, 0.9 - 0.7 * ranks
    naive, weighted = [], []
    for _ in range(200):
        is_judged = rng.random(2_000) < shares
        weights = stands_for(ranks[is_judged], ranks[~is_judged])
        naive.append(frauds[is_judged].mean() * 2_000)
        weighted.append((weights * frauds[is_judged]).sum())
    assert np.mean(naive) > 1.1 * frauds.sum()
    assert np.mean(weighted) == pytest.approx(frauds.sum(), rel=0.01)
