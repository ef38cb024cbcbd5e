"""A worker's wall clock is what a file says, and goes on from there."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.limited import _Clock
from tests.rig.waiting import wait_until


def test_a_clock_jumps_when_its_file_says_so(tmp_path: Path) -> None:
    """An hour ahead, then an hour back, in seconds and in nanoseconds."""
    path = tmp_path / "clock"
    path.write_text("+3600")
    clock = _Clock(path)
    half_an_hour = 1_800
    assert clock.time() - time.time() == pytest.approx(3_600, abs=half_an_hour)
    path.write_text("-3600")
    wait_until(lambda: clock.time() < time.time(), "the clock jumps back")
    assert clock.time_ns() / 1e9 - time.time() == pytest.approx(-3_600, abs=half_an_hour)
