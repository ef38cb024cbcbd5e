"""Shifts of the mean log distance are found within a few thousand payments, and none where none is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import drift

from streamer.reports.drift_monitor import DistanceMonitor, PageHinkley


def distances_sq(n: int, seed: int, factor: float = 1.0) -> np.ndarray:
    """Return squared distances like those of simulated traffic: means of 1,000 vary by about 0.035."""
    rng = np.random.default_rng(seed)
    return (factor * np.exp(rng.normal(0.6, 1.1, n))) ** 2


def test_steady_distances_raise_no_alarm_in_a_million_payments() -> None:
    monitor = DistanceMonitor()
    assert monitor.add(distances_sq(1_000_000, seed=1)) == 0
    assert monitor.n_drifts == 0


@pytest.mark.parametrize("factor", [np.exp(0.2), np.exp(-0.2)])
def test_a_shift_by_a_fifth_either_way_is_found_within_10_groups(factor: float) -> None:
    monitor = DistanceMonitor()
    monitor.add(distances_sq(100_000, seed=2))
    assert monitor.n_drifts == 0
    assert monitor.add(distances_sq(10_000, seed=3, factor=factor)) == 1
    assert monitor.n_drifts == 1


def test_how_payments_come_in_batches_makes_no_difference() -> None:
    values = np.concatenate(
        [distances_sq(60_000, seed=4), distances_sq(60_000, seed=5, factor=1.5)]
    )
    whole, parts = DistanceMonitor(), DistanceMonitor()
    n_whole = whole.add(values)
    n_parts = sum(parts.add(part) for part in np.array_split(values, 777))
    assert n_whole == n_parts == whole.n_drifts == parts.n_drifts >= 1


@given(st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=300), st.floats(-1.0, 1.0))
def test_the_test_says_what_rivers_says(series: list[float], shift: float) -> None:
    """Whatever the series, and after each time that it has left its mean."""
    rivers = drift.PageHinkley(min_instances=30, delta=0.05, threshold=1.0)
    ours = PageHinkley()
    for value in [*(0.1 * x for x in series), *(0.1 * x + shift for x in series)]:
        rivers.update(value)
        has_left = ours.add(value)
        assert has_left == rivers.drift_detected
        if has_left:
            ours = PageHinkley()


def test_distances_of_zero_and_empty_batches_are_taken() -> None:
    monitor = DistanceMonitor()
    assert monitor.add(np.zeros(0)) == 0
    assert monitor.add(np.zeros(50_000)) == 0
