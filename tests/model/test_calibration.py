"""Probabilities that are told: what became of payments, never falling as the log-odds rise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamer.model.calibration import (
    N_CALIBRATION_BINS,
    calibrated,
    calibration_bin,
    pooled,
    probabilities,
)


def counted(log_odds: list[float], frauds: list[int], weight: float = 1.0) -> np.ndarray:
    counts = np.zeros((2, N_CALIBRATION_BINS))
    for value, is_fraud in zip(log_odds, frauds, strict=True):
        counts[is_fraud, calibration_bin(value)] += weight
    return counts


def test_log_odds_fall_into_bins_of_half_a_unit_compiled_or_not() -> None:
    for value, at in ((-99.0, 0), (-12.0, 0), (-11.5, 1), (-0.1, 23), (11.9, 47), (99.0, 47)):
        assert calibration_bin(value) == calibration_bin.py_func(value) == at


def test_without_verdicts_the_odds_are_told_as_they_are() -> None:
    told = calibrated(np.zeros((2, N_CALIBRATION_BINS)))
    found = probabilities(np.array([-3.0, 0.0, 2.2]), told)
    assert found == pytest.approx([1 / (1 + np.exp(3)), 0.5, 1 / (1 + np.exp(-2.2))], rel=1e-9)


def test_one_fraud_in_four_is_told_as_a_quarter_whatever_the_odds_said() -> None:
    """At the middle of its bin.  One payment as the odds say is in it, and in the six below that would
    else be told more: at 1.75 to -0.75."""
    counts = counted([2.25] * 4, [1, 0, 0, 0], weight=1_000.0)
    found = probabilities(np.array([2.25]), calibrated(counts))
    believed = sum(1 / (1 + np.exp(-z)) for z in np.arange(-0.75, 2.5, 0.5))
    assert found == pytest.approx([(1_000 + believed) / 4_007])


def test_a_lower_share_above_a_higher_one_is_pooled_with_it() -> None:
    """4 of 10 at 1.25 and 1 of 10 at 1.75: both are 5 of 20, with a payment as the odds say in each and
    in the three below that would else be told more."""
    counts = counted([1.25] * 10 + [1.75] * 10, [1] * 4 + [0] * 6 + [1] + [0] * 9)
    believed = sum(1 / (1 + np.exp(-z)) for z in np.arange(-0.25, 2.0, 0.5))
    found = probabilities(np.array([1.25, 1.75]), calibrated(counts))
    assert found == pytest.approx([(5 + believed) / 25] * 2)


@settings(deadline=None)
@given(
    arrays(float, (2, N_CALIBRATION_BINS), elements=st.floats(-1.0, 1e6)),
    arrays(float, 20, elements=st.floats(-40.0, 40.0)),
)
def test_a_probability_never_falls_and_stays_within_0_and_1(
    counts: np.ndarray, log_odds: np.ndarray
) -> None:
    """Sums that verdicts were taken back from may be a little below 0."""
    found = probabilities(np.sort(log_odds), calibrated(counts))
    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_pooling_keeps_the_weighted_mean_and_moves_nothing_that_ascends(
    rows: list[tuple[float, float]],
) -> None:
    shares, weights = np.array(rows).T
    found = pooled(shares, weights)
    assert (np.diff(found) >= -1e-12).all()
    assert (found * weights).sum() == pytest.approx((shares * weights).sum())
    ascending = np.sort(shares)
    assert pooled(ascending, weights) == pytest.approx(ascending)
