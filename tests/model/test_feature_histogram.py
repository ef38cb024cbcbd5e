"""Each feature's values fall into bins one spread floor wide, counted once, in any order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.model.feature_histogram import (
    N_FEATURE_BINS,
    UNKNOWN,
    bin_centers,
    count_features,
    first_currency_means,
)

FLOORS = (0.5, 0.25)
USUAL = np.array([3.0, 0.0])


def counted(X: list[list[float]], currencies: list[int] | None = None) -> np.ndarray:
    histograms = np.zeros((2, N_FEATURE_BINS))
    which = np.array(currencies or [0] * len(X), dtype=np.int64)
    count_features(histograms, np.array(X, dtype=float).reshape(-1, 2), which, USUAL, FLOORS)
    return histograms


def bins(histogram: np.ndarray) -> list[int]:
    return np.flatnonzero(histogram).tolist()


def test_values_fall_into_bins_as_wide_as_the_floor_with_zero_at_the_lower_edge_of_one() -> None:
    """Bin 33 is [0, floor): 0.24 of a floor of 0.25 is in it, 0.25 in the next, -0.01 before it."""
    histograms = counted([[3.0, 0.24], [3.0, 0.25], [3.0, -0.01]])
    assert bins(histograms[1]) == [32, 33, 34]
    assert 0 < bin_centers(0.25)[33 - 1] < 0.25


def test_amounts_are_counted_relative_to_the_usual_amount_of_their_currency() -> None:
    assert bins(counted([[4.1, 0.0]])[0]) == [35]  # 1.1 / 0.5 = 2.2


def test_what_is_not_known_has_a_bin_of_its_own() -> None:
    histograms = counted([[3.0, np.nan], [3.0, 1.0], [3.0, np.nan]])
    assert histograms[1, UNKNOWN] == 2
    assert histograms[0, UNKNOWN] == 0


def test_an_amount_in_a_currency_without_a_usual_amount_is_not_known() -> None:
    assert bins(counted([[4.1, 0.0]], [1])[0]) == [UNKNOWN]


@pytest.mark.parametrize(("value", "bin_"), [(-1e300, 1), (-np.inf, 1), (1e300, 64), (np.inf, 64)])
def test_the_ends_take_what_lies_beyond(value: float, bin_: int) -> None:
    assert bins(counted([[3.0, value]])[1]) == [bin_]


def test_no_payments_change_nothing() -> None:
    assert not counted([]).any()


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=True), st.floats(allow_nan=True), st.integers(0, 1)),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_every_payment_is_counted_once_per_feature_and_batches_add_up(
    rows: list[tuple[float, float, int]], edge: int
) -> None:
    X, currencies = [[a, b] for a, b, _ in rows], [c for _, _, c in rows]
    whole = counted(X, currencies)
    assert whole.sum(axis=1).tolist() == [len(rows)] * 2
    parts = counted(X[:edge], currencies[:edge]) + counted(X[edge:], currencies[edge:])
    np.testing.assert_array_equal(parts, whole)


def test_the_first_usual_amount_of_a_currency_is_kept() -> None:
    """The second has become known since, at exactly 1.00, which is not the mark for unknown."""
    first = first_currency_means(np.array([3.0, 0.0, 0.0]), np.array([9.0, 0.0, np.nan]))
    assert first.tolist() == [3.0, np.finfo(float).tiny, 0.0]
