"""Silhouette and stability by k: what is measured, in which space, and which k is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from streamer.errors import ConfigurationError
from streamer.fitting.choosing import choose, quality
from streamer.fitting.curve import Point, fitted, measure, pairwise_distances
from streamer.fitting.file_features import Traffic
from streamer.fitting.fit import candidates
from tests.builders import model_config
from tests.fitting.helpers import blobs

KS = [2, 3, 4, 5, 6, 8]
CONFIG = model_config(n_starts=4)


def measured(traffic: Traffic, ks: list[int] = KS, seed: int = 0) -> list[Point]:
    fitting, held_back = traffic.split(0.25)
    return measure(fitting, held_back, ks, CONFIG, np.random.default_rng(seed), lambda: None)


@pytest.mark.parametrize("n_kinds", [2, 3, 5])
def test_as_many_clusters_are_chosen_as_there_are_kinds_of_payments(n_kinds: int) -> None:
    """Eight deviations apart in every feature: every fit finds them, and nothing else as well."""
    points = measured(blobs(3_000, n_kinds))
    chosen = choose(points)
    assert chosen.n_clusters == n_kinds
    assert chosen.stability == 1.0
    assert chosen.stability_error == 0.0
    assert chosen.silhouette is not None
    assert chosen.silhouette > 0.75


def test_every_k_has_its_figures_and_progress_is_reported_for_each() -> None:
    """Of traffic without any structure too; figures stay within their bounds."""
    fitting, held_back = blobs(1_200, 1).split(0.25)
    steps: list[int] = []
    points = measure(
        fitting, held_back, KS, CONFIG, np.random.default_rng(0), lambda: steps.append(1)
    )
    assert [point.n_clusters for point in points] == KS
    assert len(steps) == len(KS)
    for point in points:
        assert point.silhouette is not None
        assert -1 <= point.silhouette < 0.2
        assert -0.5 <= point.stability < 0.9
        assert point.stability_error >= 0


def test_the_same_seed_measures_the_same() -> None:
    traffic = blobs(1_200, 1)
    assert measured(traffic, [2, 4], seed=1) == measured(traffic, [2, 4], seed=1)
    assert measured(traffic, [2, 4], seed=1) != measured(traffic, [2, 4], seed=2)


def test_payments_that_are_all_alike_have_no_silhouette_and_no_k() -> None:
    """One cluster takes them all; the error says what the file lacks."""
    traffic = Traffic(np.ones((400, CONFIG.n_features), np.float32), np.zeros(400, dtype=np.int64))
    points = measured(traffic, [2, 3])
    assert [point.silhouette for point in points] == [None, None]
    assert quality(points[0]) is None
    with pytest.raises(ConfigurationError, match="at least two clusters, got one for every k"):
        choose(points)


def test_a_distance_counts_what_both_payments_have_and_nothing_else() -> None:
    """By hand: scale (mean 0, deviation 2) in each feature; deviations over 10 are cut.

    First and second share features 1 and 2: (6-0)/2 = 3, (8-0)/2 = 4, distance 5.  First and third
    share feature 1 only: (6-2)/2 = 2.  Second and third: (0-2)/2 = 1.  The fourth's 100 is cut to 20.
    """
    d = CONFIG.n_features
    version = fitted(blobs(200, 1), CONFIG)
    none = np.zeros(CONFIG.n_currencies)
    version = replace(version, means=np.zeros(d), deviations=np.full(d, 2.0), currency_means=none)
    X = np.full((4, d), np.nan, dtype=np.float32)
    X[0, 1:3], X[1, 1:3], X[2, 1], X[3, 1] = (6.0, 8.0), (0.0, 0.0), 2.0, 100.0
    distances = pairwise_distances(Traffic(X, np.zeros(4, dtype=np.int64)), version)
    expected = [[0, 5, 2, 7], [5, 0, 1, 10], [2, 1, 0, 9], [7, 10, 9, 0]]
    assert distances == pytest.approx(np.array(expected, dtype=float))


def test_without_missing_entries_the_silhouette_is_scikit_learns_of_scaled_rows() -> None:
    traffic = blobs(300, 3)
    version = fitted(traffic, replace(CONFIG, n_clusters=3))
    X, currencies = traffic.X.astype(float), traffic.currencies
    scored = version.score(X, currencies)
    Z = (scored.X - version.means) / version.deviations
    ours = silhouette_score(
        pairwise_distances(traffic, version), scored.nearest, metric="precomputed"
    )
    assert ours == pytest.approx(silhouette_score(Z, scored.nearest), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9))
def test_distances_are_symmetric_and_zero_to_oneself(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    traffic = blobs(60, 3, seed=seed)
    traffic.X[rng.random(traffic.X.shape) < missing] = np.nan
    distances = pairwise_distances(traffic, fitted(traffic, CONFIG))
    assert (distances == distances.T).all()
    assert (np.diag(distances) == 0).all()
    assert np.isfinite(distances).all()


def test_the_choice_is_the_largest_product_and_of_equal_ones_the_smallest_k() -> None:
    """0.5·1 = 0.5; 0.8·0.9 = 0.72, twice; 0.9·0.3 = 0.27.  Negative figures count as 0."""
    points = [
        Point(2, 0.5, 1.0, 0.0),
        Point(3, 0.8, 0.9, 0.1),
        Point(4, 0.8, 0.9, 0.0),
        Point(6, 0.9, 0.3, 0.0),
        Point(8, -0.9, -0.9, 0.0),
        Point(12, None, 1.0, 0.0),
    ]
    assert choose(points).n_clusters == 3
    assert choose(points[::-1]).n_clusters == 3
    assert quality(points[4]) == 0.0


def test_k_is_limited_by_the_warm_up_and_by_the_rows() -> None:
    """20 payments per cluster of the warm-up, and of half of the stretch to fit to."""
    assert candidates(None, 100_000, 5_000) == [2, 3, 4, 6, 8, 12, 16, 24, 32]
    assert candidates(None, 100_000, 200) == [2, 3, 4, 6, 8]
    assert candidates([8, 3, 8], 100_000, 200) == [3, 8]
    with pytest.raises(
        ConfigurationError,
        match=r"k must be at most 10 \(20 payments per cluster of STREAMER_WARMUP.* = 200\), got 11",
    ):
        candidates([2, 11], 100_000, 200)
    with pytest.raises(ConfigurationError, match=r"at most 2 \(.* in half of the 80 to fit to\)"):
        candidates([3], 80, 5_000)
    with pytest.raises(ConfigurationError, match="k must be at most 1 "):
        candidates(None, 79, 5_000)


def test_the_stretch_held_back_is_the_last() -> None:
    traffic = Traffic(np.arange(10, dtype=np.float32)[:, None], np.arange(10))
    fitting, held_back = traffic.split(0.25)
    assert fitting.currencies.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert held_back.X[:, 0].tolist() == [8.0, 9.0]
    drawn = traffic.sample(4, np.random.default_rng(0)).currencies.tolist()
    assert len(set(drawn)) == 4
    assert drawn == sorted(drawn)
    assert len(traffic.sample(11, np.random.default_rng(0))) == 10
