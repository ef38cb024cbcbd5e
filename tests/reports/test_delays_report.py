"""When frauds are found, as an object: for alerts and the rest, as far as it is known."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.reports.delays_report import describe_delays
from tests.model.test_delays import count, sums_at


def test_shares_are_told_up_to_the_longest_delay_that_could_be_seen() -> None:
    """40 frauds of the first week, seen on day 63: 56 days after the week's end, so up to 45 days."""
    sums = sums_at(63)
    count(sums, np.full(10, 3.0), 0.9)
    count(sums, np.full(30, 3.0), 20.0)
    told = describe_delays(sums)
    assert told["alerted"] is None
    assert told["other"]["frauds"] == 40
    assert told["other"]["longest_days"] == pytest.approx(45.0)
    shares = told["other"]["share_found_by_days"]
    assert shares == {"1": pytest.approx(0.25), "7": pytest.approx(0.25), "30": 1.0}
    assert 15.9 < told["other"]["median_days"] < 22.6
