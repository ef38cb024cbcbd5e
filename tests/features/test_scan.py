"""Decayed sums in closed form against the definition, worked through one event at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.features.scan import decayed_scan, group_by, running_maximum

HALF_LIVES = np.array([10.0, 3600.0])


def test_a_sum_halves_after_one_half_life() -> None:
    """One entity, half-life 10 s: 1 at t=0; after 10 s 0.5 is left and 1 comes on top."""
    groups = group_by(np.zeros(3, dtype=np.int64))
    before, after = decayed_scan(
        groups, np.zeros((1, 1)), np.array([0.0, 10.0, 10.0]), np.ones((3, 1)), np.array([10.0])
    )
    assert before[:, 0] == pytest.approx([0.0, 0.5, 0.75])
    assert after[0, 0] == pytest.approx(1.75)


def test_entities_do_not_mix() -> None:
    groups = group_by(np.array([5, 2, 5, 2]))
    assert groups.order.tolist() == [1, 3, 0, 2]
    before, after = decayed_scan(
        groups, np.array([[8.0], [0.0]]), np.zeros(4), np.ones((4, 1)), np.array([1.0])
    )
    assert before[:, 0].tolist() == [8.0, 9.0, 0.0, 1.0]
    assert after[:, 0].tolist() == [10.0, 2.0]


def test_years_between_events_do_not_overflow() -> None:
    gaps = np.array([0.0, 3e8, 3e8])
    before, after = decayed_scan(
        group_by(np.zeros(3, dtype=np.int64)),
        np.array([[1e6]]),
        gaps,
        np.ones((3, 1)),
        np.array([1.0]),
    )
    assert np.isfinite(before).all()
    assert after[0, 0] == 1.0


def test_a_late_event_is_raised_to_the_latest_time_of_its_entity() -> None:
    groups = group_by(np.array([0, 0, 0, 1]))
    times = np.array([50, 20, 70, 5])
    assert running_maximum(groups, times, np.array([30, 9])).tolist() == [50, 50, 70, 9]


@given(
    rows=st.lists(st.integers(0, 6), min_size=1, max_size=80),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_one_event_at_a_time(rows: list[int], seed: int) -> None:
    """The recurrence S = a·S + v, event by event in a plain loop, gives the same sums."""
    rng = np.random.default_rng(seed)
    groups = group_by(np.array(rows))
    n = len(rows)
    gaps = rng.exponential(100.0, n) * (rng.random(n) < 0.8)
    addends = rng.normal(0, 100, (n, 2))
    initial = rng.normal(0, 10, (len(groups.rows), 2))
    before, after = decayed_scan(groups, initial, gaps, addends, HALF_LIVES)
    position = 0
    for run, (first, last) in enumerate(zip(groups.first, groups.last, strict=True)):
        total = initial[run].copy()
        for position in range(first, last + 1):
            total = total * 0.5 ** (gaps[position] / HALF_LIVES)
            np.testing.assert_allclose(before[position], total, rtol=1e-9, atol=1e-9)
            total = total + addends[position]
        np.testing.assert_allclose(after[run], total, rtol=1e-9, atol=1e-9)
    assert position == n - 1
