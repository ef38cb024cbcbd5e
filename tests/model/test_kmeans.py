"""The arithmetic of k-means, against scikit-learn, a plain loop and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import MiniBatchKMeans

from streamer.model import Scorer, Sums, advance
from streamer.model.kmeans import (
    assign,
    best_assignment,
    cluster_sums,
    fill_distances,
    lloyd,
    nearest_of,
    seed_centers,
)
from tests.model import oracle
from tests.model.helpers import (
    Floats,
    euros,
    next_version,
    small_config,
    sums_with_centers,
    taught,
    two_clouds,
)


def test_centers_equal_those_of_scikit_learn_after_every_batch_when_nothing_decays() -> None:
    """γ = 1 and precisions of 1: spread floors of 1 above the data's spread, and a strong prior.

    The first batch is the initial centers themselves, so that both start from weights of 1.  No
    currency ever has a usual amount here, so the first feature is missing throughout and
    scikit-learn sees the other two.
    """
    rng = np.random.default_rng(11)
    config = small_config(
        n_clusters=5,
        spread_floors=(1.0, 1.0, 1.0),
        sides=(0, 0, 0),
        variance_prior_weight=1e18,
        currency_min_weight=1e18,
        dying_share=0.0,
    )
    initial = rng.normal(0, 0.3, (5, 3))
    reference = MiniBatchKMeans(5, init=initial[:, 1:], n_init=1, reassignment_ratio=0)
    reference.partial_fit(initial[:, 1:])
    sums = sums_with_centers(config, initial, np.ones(5))
    version = Scorer.of("", sums, config)
    for n in (200, 1, 37, 500, 64, 300):
        X = rng.normal(0, 0.3, (n, 3)) + rng.integers(-1, 2, (n, 1)) * 0.5
        reference.partial_fit(X[:, 1:])
        version = next_version(version, taught(version, X, only_quiet=False))
        np.testing.assert_allclose(
            version.centers[:, 1:], reference.cluster_centers_, rtol=0, atol=1e-9
        )
    assert version.variances == pytest.approx(np.ones((5, 3)))
    assert version.sums.transactions_taught == 1_102
    assert version.sums.cluster_weights.sum() == 1_107


def by_feature(*matrices: Floats) -> list[Floats]:
    """Return matrices (n_clusters, n_features) as the loops take them."""
    return [np.ascontiguousarray(matrix.T) for matrix in matrices]


def naive(X: Floats, centers: Floats, precisions: Floats) -> tuple[list[int], list[Floats]]:
    """Return the nearest centers and the four sums of `cluster_sums`, one number at a time."""
    n_clusters, n_features = centers.shape
    nearest = []
    weights, known = np.zeros(n_clusters), np.zeros((n_clusters, n_features))
    first, second = np.zeros((n_clusters, n_features)), np.zeros((n_clusters, n_features))
    for x in X.tolist():
        best, best_sq = -1, np.inf
        for k in range(n_clusters):
            distance_sq = 0.0
            for j in range(n_features):
                if x[j] == x[j]:
                    distance_sq += (x[j] - centers[k, j]) ** 2 * precisions[k, j]
            if distance_sq < best_sq:
                best, best_sq = k, distance_sq
        nearest.append(best)
        weights[best] += 1
        for j in range(n_features):
            if x[j] == x[j]:
                known[best, j] += 1
                first[best, j] += x[j]
                second[best, j] += x[j] ** 2
    return nearest, [weights, known, first, second]


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 6), st.integers(1, 5))
def test_equals_one_sample_at_a_time_with_missing_entries_and_a_precision_per_cluster(
    seed: int, n: int, n_clusters: int, n_features: int
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 3, (n, n_features))
    X[rng.random((n, n_features)) < 0.3] = np.nan
    centers = rng.normal(0, 3, (n_clusters, n_features))
    precisions = rng.uniform(0.05, 20, (n_clusters, n_features))
    nearest = assign(X, *by_feature(centers, precisions))
    expected_nearest, expected_sums = naive(X, centers, precisions)
    # A sample with nothing known is as near to every center; both then take the first.
    assert nearest.tolist() == expected_nearest
    distances_sq = oracle.squared_distances(X, centers, precisions)
    np.testing.assert_allclose(distances_sq.min(axis=1), distances_sq[np.arange(n), nearest])
    found = cluster_sums(X, nearest, n_clusters)
    for mine, theirs in zip(found, expected_sums, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_a_missing_entry_adds_nothing_to_any_distance() -> None:
    """Known: (1 - 3)²·2 = 8.  The center is a million out where the entry is missing."""
    centers, precisions = by_feature(np.array([[3.0, 1e6]]), np.array([[2.0, 1.0]]))
    distances_sq = np.empty(1)
    fill_distances(distances_sq, np.array([1.0, np.nan]), centers, precisions)
    assert distances_sq.tolist() == [8.0]


def test_of_two_centers_equally_near_the_first_is_taken() -> None:
    assert nearest_of(np.array([25.0, 1.0, 1.0])) == 1


def test_a_center_moves_by_the_published_formula() -> None:
    """Half-life 2, two new payments: γ = 0.5.

    Cluster 0 has W = 4 at c = 10 and gets m = 2 of mean 20: W' = 0.5·4 + 2 = 4 and
    c' = 10 + (2/4)(20 - 10) = 15.  Cluster 1 gets none: W' = 0.5·6 = 3, c' = c = 100.
    """
    config = small_config(half_life=2, dying_share=0.0)
    head = sums_with_centers(config, np.array([[10.0] * 3, [100.0] * 3]), np.array([4.0, 6.0]))
    delta = sums_with_centers(config, np.array([[20.0] * 3, [0.0] * 3]), np.array([2.0, 0.0]))
    delta.transactions_seen = delta.transactions_taught = 2
    after = advance(head, delta, config)
    assert after.cluster_weights.tolist() == [4.0, 3.0]
    centers = Scorer.of("", after, config).centers
    assert centers == pytest.approx(np.array([[15.0] * 3, [100.0] * 3]))


@settings(max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(1, 1e4),
    st.integers(1, 300),
    st.lists(st.floats(0.5, 1e4), min_size=2, max_size=2),
)
def test_advance_is_the_published_formula_for_any_weights(
    seed: int, half_life: float, m: int, weights: list[float]
) -> None:
    """W' = γW + m, c' = c + (m/W')(x̄ - c), every cluster discounted."""
    config = small_config(half_life=half_life, dying_share=0.0)
    rng = np.random.default_rng(seed)
    centers, mean = rng.normal(0, 5, (2, 3)), rng.normal(0, 5, 3)
    head = sums_with_centers(config, centers, np.array(weights))
    delta = sums_with_centers(config, np.array([mean, mean]), np.array([m, 0]))
    delta.transactions_seen = m
    after = advance(head, delta, config)
    discount = 0.5 ** (m / half_life)
    weight = discount * weights[0] + m
    assert after.cluster_weights == pytest.approx([weight, discount * weights[1]])
    found = Scorer.of("", after, config).centers
    assert found[0] == pytest.approx(centers[0] + (m / weight) * (mean - centers[0]))
    assert after.cluster_sums[1] == pytest.approx(discount * weights[1] * centers[1], abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_seeding_takes_no_point_twice_while_distinct_ones_remain(
    seed: int, n_distinct: int, n_clusters: int
) -> None:
    rng = np.random.default_rng(seed)
    distinct = np.arange(n_distinct)[:, None] * np.array([1.0, -2.0])
    X = distinct[np.append(np.arange(n_distinct), rng.integers(0, n_distinct, 30))]
    centers = seed_centers(X, n_clusters, np.random.default_rng(seed))
    assert len(np.unique(centers, axis=0)) == min(n_distinct, n_clusters)
    again = seed_centers(X, n_clusters, np.random.default_rng(seed))
    assert centers.tobytes() == again.tobytes()


def test_seeding_prefers_points_far_from_the_centers_chosen_so_far() -> None:
    """99 points at 0, one at 1000: whichever comes first, the second center is the other place."""
    X = np.zeros((100, 1))
    X[42] = 1_000.0
    for seed in range(20):
        assert sorted(seed_centers(X, 2, np.random.default_rng(seed))[:, 0]) == [0.0, 1_000.0]


def test_lloyd_finds_two_clouds_from_two_bad_seeds_and_keeps_an_unvisited_center() -> None:
    X = np.concatenate([np.full((10, 1), -1.0), np.full((30, 1), 1.0)])
    nearest = lloyd(X, np.array([[0.5], [0.9], [50.0]]), 10)
    assert nearest.tolist() == [0] * 10 + [1] * 30


def test_the_best_of_several_starts_escapes_a_poor_seeding() -> None:
    """Eight pairs of points: a start that seeds one of them twice stays there, ten starts find all.

    Each pair lies at ±0.5 around a multiple of 4, so that the least inertia is 16 · 0.25 = 4.
    """
    X = (np.arange(8)[:, None] * 4.0 + np.array([-0.5, 0.5])).reshape(-1, 1)

    def inertia(n_starts: int, seed: int) -> float:
        rng = np.random.default_rng(seed)
        nearest = best_assignment(X, 8, rng, n_starts=n_starts, n_iterations=10)
        own = [X[nearest == k] for k in np.unique(nearest)]
        return sum(float(((x - x.mean()) ** 2).sum()) for x in own)

    assert {round(inertia(10, seed), 9) for seed in range(30)} == {4.0}
    single = {round(inertia(1, seed), 9) for seed in range(30)}
    assert min(single) == 4.0
    assert max(single) > 4.0


def test_rows_without_any_known_feature_have_distance_zero() -> None:
    config = small_config()
    version = Scorer.of(
        "", sums_with_centers(config, np.zeros((2, 3)), np.array([5.0, 5.0])), config
    )
    X = np.full((3, 3), np.nan)
    scored = version.score(X, euros(X))
    assert scored.distances_sq.tolist() == [0.0, 0.0, 0.0]


def test_the_clouds_of_a_warm_up_are_found() -> None:
    """Two clouds six deviations apart in the first feature: centers near (±3, 0, 0)."""
    config = small_config(warmup=2_000)
    X = two_clouds(np.random.default_rng(3), 2_000)
    delta = Sums.zero(config)
    delta.transactions_seen = len(X)
    delta.warmup_X, delta.warmup_currencies = X, euros(X)
    delta.currency_weights[0], delta.currency_sums[0] = len(X), X[:, 0].sum()
    version = Scorer.of("", advance(Sums.zero(config), delta, config), config)
    assert sorted(version.centers[:, 0]) == pytest.approx([-3.0, 3.0], abs=0.15)
    assert version.centers[:, 1:] == pytest.approx(np.zeros((2, 2)), abs=0.15)
    assert version.sums.cluster_weights.sum() == 2_000
