"""Histograms of scores: ranks and quantiles, their tails, and that they are sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.model.histogram import (
    N_BINS,
    distance_position,
    distribution_of,
    log2_at,
    places_below,
    share_below,
)
from streamer.model.recent import histograms_of

values = st.lists(st.floats(2**-8, 2**23), min_size=1, max_size=200)


def of_values(distances_sq: list[float]) -> np.ndarray:
    """Return how many of the distances lie in each bin, by the sample's own loop."""
    values = np.array(distances_sq)
    return np.asarray(histograms_of(values, np.zeros(0), np.zeros(0), np.ones(len(values)))[0])


def quantile(histogram: np.ndarray, share: float) -> float:
    return float(2.0 ** log2_at(places_below(distribution_of(histogram), np.array([share])))[0])


def bin_of(distance_sq: float) -> int:
    return int(distance_position(distance_sq))


def rank(histogram: np.ndarray, distance_sq: float) -> float:
    return share_below(distribution_of(histogram), distance_position(distance_sq))


@given(values, st.floats(0.001, 0.999))
def test_the_share_below_a_quantile_is_the_share_asked_for(
    distances_sq: list[float], share: float
) -> None:
    histogram = of_values(distances_sq)
    found = quantile(histogram, share)
    assert rank(histogram, found) == pytest.approx(share, abs=1e-9)


@given(values, st.data())
def test_the_quantile_of_a_values_rank_is_the_value_within_an_occupied_bin(
    distances_sq: list[float], data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(distances_sq))
    histogram = of_values(distances_sq)
    share = rank(histogram, value)
    # At the very edge of a bin the quantile may be the near end of an empty stretch below it.
    inside = (np.log2(value) * 32) % 1
    if 1e-6 < inside < 1 - 1e-6:
        assert quantile(histogram, share) == pytest.approx(value, rel=1e-9)


@given(values, values)
def test_histograms_add_up(some: list[float], others: list[float]) -> None:
    np.testing.assert_array_equal(of_values(some) + of_values(others), of_values(some + others))


def test_a_bin_is_a_thirty_second_of_an_octave_wide() -> None:
    """1.0 opens bin 256 = 8·32; 2^(1/32) = 1.0219 is the first value of the next."""
    edges = 1.0, 2 ** (1 / 32) - 1e-12, 2 ** (1 / 32) + 1e-12
    assert [bin_of(edge) for edge in edges] == [256, 256, 257]


def test_values_beyond_either_end_are_counted_in_the_last_bin_there() -> None:
    extremes = 0.0, 5e-324, 2.0**24, 1e300, np.inf
    assert [bin_of(extreme) for extreme in extremes] == [0, 0, N_BINS - 1, N_BINS - 1, N_BINS - 1]


def test_an_empty_histogram_ranks_everything_lowest_and_has_no_finite_quantile() -> None:
    empty = np.zeros(N_BINS)
    assert [rank(empty, 1.0), rank(empty, 1e9)] == [0.0, 0.0]
    assert quantile(empty, 0.99) == np.inf


def test_ranks_never_fall_as_the_distance_grows() -> None:
    histogram = of_values(np.random.default_rng(2).chisquare(3, 5_000).tolist())
    ranks = np.array([rank(histogram, value) for value in np.geomspace(1e-4, 1e9, 10_000)])
    assert (np.diff(ranks) >= 0).all()
    assert ranks[0] == 0.0
    assert ranks[-1] == 1.0


def test_beyond_a_share_of_the_weight_the_rest_falls_exponentially() -> None:
    """97 payments in bin 100, one each in 110, 120 and 150; a tail of 3%.

    Above edge 110 lie 3, the last with as many: 0.5, 10.5 and 40.5 bins beyond it, 51.5 / 3 on average.
    """
    histogram = np.zeros(N_BINS)
    histogram[[100, 110, 120, 150]] = 97.0, 1.0, 1.0, 1.0
    below, excess = distribution_of(histogram, 0.0299), 51.5 / 3
    assert below[:111] == pytest.approx(distribution_of(histogram)[:111])
    assert 1 - below[[111, 130, 900]] == pytest.approx(
        0.03 * (excess / (1 + excess)) ** np.array([1.0, 20.0, 790.0]), rel=1e-6
    )


@given(values, st.floats(0.0001, 0.5))
def test_no_two_bins_beyond_the_sample_rank_alike(distances_sq: list[float], tail: float) -> None:
    """A score above all recent ones still has a rank among its like: no tie, and never 1."""
    below = distribution_of(of_values(distances_sq), tail)
    assert (np.diff(below) >= 0).all()
    beyond = below[bin_of(max(distances_sq)) + 1 :]
    assert (np.diff(beyond[1.0 - beyond > 1e-12]) > 0).all()
    assert beyond.max() <= 1.0
