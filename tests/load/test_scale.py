"""What several workers came to, by hand; the measurement itself is run by hand."""

from __future__ import annotations

import pytest

from load.scale_figures import Moment, figures_of
from streamer.errors import InvariantError

ALONE = Moment(0.5, (50, 0), 0.5, 0, 5, 50, 500, 0.25)
BOTH = Moment(1.0, (60, 20), 1.0, 1, 10, 100, 1_000, 0.5)
DONE = Moment(3.0, (100, 80), 1.5, 9, 60, 5_100, 2_000, 0.6)


def test_the_window_begins_when_all_are_at_work_and_figures_are_of_it_alone() -> None:
    """100 payments in 2 s: half a second of processors, 8 merges, 50 commands, 5,000 bytes, 1,000."""
    assert figures_of([ALONE, BOTH, DONE], 40, 180) == pytest.approx(
        {
            "payments/s": 50.0,
            "CPU, µs a payment": 5_000.0,
            "merges/s": 4.0,
            "Redis, commands a payment": 0.5,
            "Redis, bytes in a payment": 50.0,
            "Redis, bytes out a payment": 10.0,
            "Redis, CPU µs a payment": 1_000.0,
        }
    )


def test_a_run_in_which_one_worker_never_worked_is_none() -> None:
    with pytest.raises(InvariantError, match="all workers must be at work"):
        figures_of([ALONE, ALONE._replace(at_s=2.0, n_done=(180, 0))], 40, 180)
