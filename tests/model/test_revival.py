"""Re-seeding a dying cluster: what is conserved, and what the two halves look like."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.model.revival import revive
from tests.model.helpers import small_config, sums_with_centers

CONFIG = small_config(n_clusters=3)


def test_the_halves_of_a_normal_cluster_are_those_of_a_normal_distribution_cut_at_its_mean() -> (
    None
):
    """Center 10, variance 4 in the widest feature: children at 10 ± 2·√(2/π) = 10 ± 1.5958 with
    variance 4·(1 - 2/π) = 1.4535; half the weight of 100 each; the other features as they were.
    """
    config = small_config()
    sums = sums_with_centers(
        config, np.array([[10.0, 5.0, -1.0], [0.0, 0.0, 0.0]]), np.array([100.0, 0.0]), 0.25
    )
    sums.cluster_sums_sq[0, 0] = 100 * (10.0**2 + 4.0)
    after = revive(sums, config)
    centers = after.cluster_sums / after.cluster_known
    variances = after.cluster_sums_sq / after.cluster_known - centers**2
    assert after.cluster_weights.tolist() == [50.0, 50.0]
    assert centers[:, 0] == pytest.approx([8.40423, 11.59577], abs=1e-5)
    assert variances[:, 0] == pytest.approx([1.45352, 1.45352], abs=1e-5)
    assert centers[:, 1:] == pytest.approx(np.array([[5.0, -1.0], [5.0, -1.0]]))
    assert variances[:, 1:] == pytest.approx(np.full((2, 2), 0.25))
    assert after.revivals == 1


def test_those_numbers_are_what_a_sample_gives() -> None:
    """200,000 standard normal draws: the mean of the positive ones and their variance."""
    upper = np.abs(np.random.default_rng(1).normal(size=200_000))
    assert upper.mean() == pytest.approx(math.sqrt(2 / math.pi), abs=0.005)
    assert upper.var() == pytest.approx(1 - 2 / math.pi, abs=0.005)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([0.0, 1e-9, 0.01, 5.0, 300.0]), min_size=2, max_size=6),
)
def test_weight_sum_and_sum_of_squares_are_conserved_and_no_cluster_stays_dying(
    seed: int, others: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.permutation(np.array([1_000.0, *others]))
    config = small_config(n_clusters=len(weights))
    sums = sums_with_centers(config, rng.normal(0, 5, (len(weights), 3)), weights, 2.0)
    before = [a.copy() for a in (sums.cluster_weights, sums.cluster_sums, sums.cluster_sums_sq)]
    after = revive(sums, config)
    for old, new in zip(
        before, (after.cluster_weights, after.cluster_sums, after.cluster_sums_sq), strict=True
    ):
        np.testing.assert_allclose(new.sum(axis=0), old.sum(axis=0), rtol=1e-9, atol=1e-9)
    threshold = config.dying_share * weights.mean()
    n_dying = int((weights < threshold).sum())
    assert after.revivals == n_dying
    assert (after.cluster_weights >= threshold).all()
    variances = after.cluster_sums_sq / after.cluster_known
    variances -= (after.cluster_sums / after.cluster_known) ** 2
    assert (variances > -1e-6).all()


def test_what_is_left_of_a_dying_cluster_goes_to_its_nearest_neighbour() -> None:
    """Cluster 2 at 9 with weight 1 joins cluster 1 at 10, which is then not the heaviest to split."""
    centers = np.array([[0.0] * 3, [10.0] * 3, [9.0] * 3])
    sums = sums_with_centers(CONFIG, centers, np.array([1_000.0, 100.0, 1.0]), 1.0)
    after = revive(sums, CONFIG)
    assert after.cluster_weights.tolist() == [500.0, 101.0, 500.0]
    assert after.cluster_sums[1].tolist() == [1_009.0] * 3


def test_a_feature_that_few_payments_have_is_not_split_along() -> None:
    """Feature 2 is by far the widest but known in 10 of 100 payments; feature 0 is next."""
    config = small_config()
    sums = sums_with_centers(config, np.zeros((2, 3)), np.array([100.0, 0.0]), 1.0)
    sums.cluster_known[0, 2] = 10.0
    sums.cluster_sums_sq[0] = [400.0, 100.0, 10.0 * 900.0]
    after = revive(sums, config)
    centers = after.cluster_sums / after.cluster_known
    assert centers[0, 0] < -1.5 < 1.5 < centers[1, 0]
    assert centers[:, 2].tolist() == [0.0, 0.0]


def test_when_none_is_dying_the_very_same_sums_come_back() -> None:
    sums = sums_with_centers(CONFIG, np.zeros((3, 3)), np.array([3.0, 4.0, 5.0]))
    assert revive(sums, CONFIG) is sums


def test_reviving_leaves_its_input_alone() -> None:
    sums = sums_with_centers(CONFIG, np.eye(3), np.array([100.0, 100.0, 0.0]), 1.0)
    before = sums.cluster_sums.tobytes()
    revive(sums, CONFIG)
    assert sums.cluster_sums.tobytes() == before
    assert sums.cluster_weights.tolist() == [100.0, 100.0, 0.0]
