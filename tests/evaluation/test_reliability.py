"""What was told and what it was, in groups of equal size and of equally many frauds expected."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.evaluation.reliability import Group, reliability_of


def test_groups_are_of_equal_size_and_of_equally_many_expected_frauds() -> None:
    """90 rows at 0.1, 10 of them frauds, and 10 rows at 0.9, all frauds: 9 expected of each kind."""
    told = np.array([0.9] * 10 + [0.1] * 90)
    frauds = np.array([True] * 10 + [True] * 10 + [False] * 80)
    found = reliability_of(told, frauds)
    assert [group.n for group in found.by_rows] == [10] * 10
    assert found.by_rows[-1] == Group(10, pytest.approx(0.9), 1.0)
    assert found.by_rows[0] == Group(10, pytest.approx(0.1), 1.0)
    assert [group.n for group in found.by_expected_frauds] == [18, 18, 18, 18, 18, 2, 2, 2, 2, 2]
    expected = [group.n * group.probability for group in found.by_expected_frauds]
    assert expected == pytest.approx([1.8] * 10)


def test_rows_of_which_nothing_was_told_are_in_no_group() -> None:
    found = reliability_of(np.array([np.nan, 0.25]), np.array([True, False]))
    assert found.by_rows == (Group(1, 0.25, 0.0),)
    nothing = reliability_of(np.array([np.nan]), np.array([True]))
    assert nothing == ((), ())
