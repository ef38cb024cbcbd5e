"""When payments were, in numbers, of a whole batch at once.

msgspec writes times as text ten times faster than Python counts their seconds; reading that text, whose
form it alone decides, is one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np

from streamer.arrays import Bytes, Floats, Integers
from streamer.compiled import borrowing

__all__ = ["NO_TIME", "Clocks", "clocks", "read_clocks", "read_time"]


NO_TIME: Final = -(1 << 62)
"""Stands for a time that could not be read; no text with a year says it."""


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


@borrowing
def read_clocks(text: Bytes, times_ms: Integers, local_hours: Floats) -> None:
    """Fill ``times_ms`` and ``local_hours`` (OUT, n) from times as msgspec writes them: a list of
    what `read_time` reads, in quotes."""
    first = 2
    for i in range(len(times_ms)):
        last = first
        while text[last] != ord('"'):
            last += 1
        times_ms[i], local_hours[i] = read_time(text, first, last)
        # The quote that ends it, the comma, the next quote.
        first = last + 3


@borrowing
def read_time(text: Bytes, first: int, last: int) -> tuple[int, float]:
    """Return what the clocks showed at ``2026-01-05T01:00:01.945+01:00``, as it stands in ``text``.

    The fraction may be missing or have up to six digits; the offset is Z, or hours and minutes.
    `NO_TIME` and 0 is what any other text comes to, a day that no calendar has, and a leap second.
    """
    none = NO_TIME, 0.0
    if last - first < 20:
        return none
    year, month = _number(text, first, 4), _number(text, first + 5, 2)
    day, hour = _number(text, first + 8, 2), _number(text, first + 11, 2)
    minute, second = _number(text, first + 14, 2), _number(text, first + 17, 2)
    if not (
        text[first + 4] == text[first + 7] == ord("-")
        and text[first + 10] == ord("T")
        and text[first + 13] == text[first + 16] == ord(":")
        and year >= 1
        and 1 <= month <= 12
        and 1 <= day <= _days_of(year, month)
        and 0 <= hour < 24
        and 0 <= minute < 60
        and 0 <= second < 60
    ):
        return none
    at, micros = first + 19, 0
    if text[at] == ord("."):
        n_digits = 0
        while n_digits < 6 and at + 1 < last and ord("0") <= text[at + 1] <= ord("9"):
            micros = micros * 10 + int(text[at + 1]) - ord("0")
            n_digits, at = n_digits + 1, at + 1
        if n_digits == 0:
            return none
        for _ in range(n_digits, 6):
            micros *= 10
        at += 1
    seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    if last - at == 6:
        hours, minutes = _number(text, at + 1, 2), _number(text, at + 4, 2)
        is_ahead, is_behind = text[at] == ord("+"), text[at] == ord("-")
        is_offset = (is_ahead or is_behind) and text[at + 3] == ord(":")
        if not (is_offset and 0 <= hours < 24 and 0 <= minutes < 60):
            return none
        offset_s = (hours * 60 + minutes) * 60
        seconds += offset_s if is_behind else -offset_s
    elif not (last - at == 1 and text[at] == ord("Z")):
        return none
    # To the last bit what `datetime.timestamp` says, cut off behind the millisecond.
    return int((seconds * 1_000_000 + micros) / 1_000_000 * 1000), hour + minute / 60


@borrowing
def _number(text: Bytes, first: int, n_digits: int) -> int:
    """Return the number that the digits from ``first`` on are, -1 if one of them is none."""
    number = 0
    for at in range(first, first + n_digits):
        digit = int(text[at]) - ord("0")
        if not 0 <= digit <= 9:
            return -1
        number = number * 10 + digit
    return number


@borrowing
def _days_of(year: int, month: int) -> int:
    """Return how many days a month has."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@borrowing
def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01, in the Gregorian calendar.

    Years are counted from March, so that the day that may be there or not is the last of one.
    """
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * month + 2) // 5 + day - 719_469
