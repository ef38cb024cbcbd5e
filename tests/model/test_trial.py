"""Average precision from counts: by hand, and as scikit-learn has it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from streamer.model.trial import N_TRIAL_BINS, average_precision, rarity_bin


def test_average_precision_by_hand() -> None:
    """The best bin holds a fraud alone, the worst one fraud among four: (1 + 2/5) / 2."""
    assert average_precision(np.array([3.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(0.7)
    assert average_precision(np.array([3.0, 0.0]), np.zeros(2)) == 0.0


def test_it_is_that_of_the_binned_ranks() -> None:
    rng = np.random.default_rng(0)
    frauds = rng.random(5_000) < 0.02
    ranks = np.clip(rng.random(5_000) + 0.4 * frauds, 0, 1)
    bins = np.array([rarity_bin(rank) for rank in ranks])
    counts = [np.bincount(bins[frauds == kind], minlength=N_TRIAL_BINS) for kind in (0, 1)]
    assert average_precision(*counts) == pytest.approx(average_precision_score(frauds, bins))


def test_bins_grow_with_the_rank_and_never_run_over() -> None:
    bins = np.array([rarity_bin(rank) for rank in np.linspace(0, 1, 1_001)])
    assert (np.diff(bins) >= 0).all()
    assert bins[[0, -1]].tolist() == [0, N_TRIAL_BINS - 1]
