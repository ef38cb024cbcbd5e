"""When payments were, in numbers, of a whole batch at once.

msgspec writes times as text ten times faster than Python counts their seconds; reading that text, whose
form it alone decides, is one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled

__all__ = ["Clocks", "clocks", "read_clocks"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Clocks(NamedTuple):
    """Of n times, milliseconds since the epoch, and the wall clock where they were, in hours."""

    times_ms: Integers
    local_hours: Floats


def clocks(times: Sequence[datetime]) -> Clocks:
    """Return what the clocks showed; every time has an offset, of whole minutes.

    >>> clocks([datetime.fromisoformat("1970-01-01T01:30:00.250+01:00")])
    Clocks(times_ms=array([1800250]), local_hours=array([1.5]))
    """
    found = Clocks(np.empty(len(times), dtype=np.int64), np.empty(len(times)))
    read_clocks(np.frombuffer(msgspec.json.encode(times), np.uint8), *found)
    return found


@compiled
def read_clocks(text: Bytes, times_ms: Integers, local_hours: Floats) -> None:
    """Fill ``times_ms`` and ``local_hours`` (OUT, n) from times as msgspec writes them.

    A list of ``"2026-01-05T01:00:01.945000+01:00"``, where the fraction is left out if it is 0, and the
    offset is Z if that is.
    """
    at = 2
    for i in range(len(times_ms)):
        hour, minute = _number(text, at + 11, 2), _number(text, at + 14, 2)
        seconds = _days(_number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2))
        seconds = ((seconds * 24 + hour) * 60 + minute) * 60 + _number(text, at + 17, 2)
        micros = 0
        at += 19
        if text[at] == ord("."):
            micros = _number(text, at + 1, 6)
            at += 7
        if text[at] == ord("Z"):
            at += 1
        else:
            offset_s = (_number(text, at + 1, 2) * 60 + _number(text, at + 4, 2)) * 60
            seconds += offset_s if text[at] == ord("-") else -offset_s
            at += 6
        # The quote that ends it, the comma, the next quote.
        at += 3
        # To the last bit what `datetime.timestamp` says, cut off behind the millisecond.
        times_ms[i] = int((seconds * 1_000_000 + micros) / 1_000_000 * 1000)
        local_hours[i] = hour + minute / 60


@compiled
def _number(text: Bytes, first: int, n_digits: int) -> int:
    number = 0
    for at in range(first, first + n_digits):
        number = number * 10 + int(text[at]) - ord("0")
    return number


@compiled
def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01, in the Gregorian calendar.

    Years are counted from March, so that the day that may be there or not is the last of one.
    """
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * month + 2) // 5 + day - 719_469
