"""A soak finds the worker that grows, and not the one that has only begun to."""

from __future__ import annotations

import pytest

from tests.faults.soak import Usage


def _usage(megabytes: list[float], n_files: list[int]) -> Usage:
    # A sample every 10 s.
    samples = [(10.0 * i, mb, n) for i, (mb, n) in enumerate(zip(megabytes, n_files, strict=True))]
    return Usage(samples={7: samples})


@pytest.mark.parametrize(
    ("megabytes", "n_files", "found"),
    [
        ([200.0] * 40, [20] * 40, []),
        # All of it within the two minutes in which tables fill: 12 samples.
        ([100.0 + 10 * min(i, 11) for i in range(40)], [20] * 40, []),
        # 28 samples after that: 14 of 200, 14 of 221.
        ([200.0] * 26 + [221.0] * 14, [20] * 40, ["worker 7 grew from 200 to 221 MB"]),
        ([200.0] * 26 + [219.0] * 14, [20] * 40, []),
        ([200.0] * 40, [20] * 26 + [31] * 14, ["worker 7 holds 31 files open, 20 before"]),
        # Nine samples after the warm-up say nothing.
        ([200.0] * 15 + [400.0] * 6, [20] * 21, []),
    ],
)
def test_growth_is_the_later_half_against_the_earlier_one(
    megabytes: list[float], n_files: list[int], found: list[str]
) -> None:
    """By medians, after the warm-up of two minutes."""
    assert _usage(megabytes, n_files).grown() == found
