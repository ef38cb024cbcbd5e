"""Times as numbers: the same as Python makes of each by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from streamer.contract.clocks import clocks

OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda m: timezone(timedelta(minutes=m)))
TIMES = st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1), timezones=OFFSETS | st.just(UTC))


@given(st.lists(TIMES, max_size=20))
@example([datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC)])
@example([datetime(2000, 3, 1, tzinfo=UTC), datetime(1900, 2, 28, tzinfo=UTC)])
def test_times_are_those_of_python_to_the_last_bit(times: list[datetime]) -> None:
    """Whatever the offset, with a fraction or without, before and after 1970."""
    found = clocks(times)
    assert found.times_ms.tolist() == [int(time.timestamp() * 1000) for time in times]
    assert found.local_hours.tolist() == [time.hour + time.minute / 60 for time in times]
