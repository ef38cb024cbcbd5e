"""Numbers that count time: which unit leads to a believable year, and the conversion.

A factor of 1,000 lies between the units and less than 7 between 1990 and 2100, so that a number has at
most one believable unit.  Even so none is ever assumed: a declaration names it, a hint proposes it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

__all__ = [
    "CALENDAR_UNITS",
    "EPOCH",
    "SERIAL_ORIGIN",
    "UNITS",
    "Unit",
    "believable_unit",
    "counted",
    "epoch_hint",
    "is_serial",
]

Unit = Literal["s", "ms", "us", "ns", "minute", "hour", "day"]

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
# These have no customary origin: a file that counts them counts from its own beginning.
CALENDAR_UNITS: Final = ("minute", "hour", "day")
SERIAL_ORIGIN: Final = "1899-12-30T00:00:00Z"
"""From which a spreadsheet counts its days."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_EARLIEST_S: Final = 631_152_000  # 1990
_LATEST_S: Final = 4_102_444_800  # 2100
# .NET counts a tenth of a microsecond since the year 1: its numbers of this century lie below.
_NOT_TICKS_NS: Final = 663_000_000 * 10**9
# A spreadsheet counts days since the end of 1899: 1990 to 2100.
_SERIALS: Final = (32_874, 73_051)
_PER_SECOND: Final[dict[Unit, int]] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS: Final[dict[Unit, int]] = {"s": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_NAMES: Final[dict[Unit, str]] = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}


def believable_unit(number: float) -> Unit | None:
    """Return the unit in which ``number`` since 1970 lies between 1990 and 2100, or None.

    >>> [believable_unit(1795845480 * factor) for factor in (1, 1_000, 10**6, 10**9, 10**12)]
    ['s', 'ms', 'us', 'ns', None]
    """
    for unit, per_second in _PER_SECOND.items():
        if _EARLIEST_S * per_second <= number < _LATEST_S * per_second:
            return None if unit == "ns" and number < _NOT_TICKS_NS else unit
    return None


def is_serial(number: float) -> bool:
    """Whether a number with a fraction is a spreadsheet's count of days, of 1990 to 2100.

    >>> is_serial(45989.427), is_serial(45989), is_serial(1795845480)
    (True, False, False)
    """
    return _SERIALS[0] <= number < _SERIALS[1] and number != int(number)


def counted(number: float, unit: Unit, origin: datetime) -> datetime:
    """Return the moment ``number`` units after ``origin``; OverflowError when the calendar ends."""
    if unit in _PER_SECOND:
        per_second = _PER_SECOND[unit]
        # Whole seconds first: a float of microseconds would lose the last of them.
        seconds, rest = divmod(number, per_second)
        return origin + timedelta(seconds=seconds, microseconds=rest * 10**6 / per_second)
    return origin + timedelta(seconds=number * _SECONDS[unit])


def epoch_hint(number: float) -> str:
    """Return the setting under which ``number`` is a time, with the year that it leads to.

    >>> epoch_hint(1795845480000)
    'it reads as milliseconds since 1970, in the year 2026: set unit = "ms" under [timestamp]'
    """
    unit = believable_unit(number)
    if is_serial(number):
        return (
            'it reads as a spreadsheet\'s count of days: set unit = "day" and '
            f'origin = "{SERIAL_ORIGIN}" under [timestamp]'
        )
    if number >= _EARLIEST_S and unit is None:
        return "its count leads to no year from 1990 to 2100: have it sent as RFC 3339 text"
    if unit is None:
        return (
            'a count of steps needs its unit and where it starts: set unit = "hour" (or s, minute, '
            'day) and origin = "2020-01-01T00:00:00Z" under [timestamp]'
        )
    year = counted(number, unit, EPOCH).year
    return (
        f"it reads as {_NAMES[unit]} since 1970, in the year {year}: "
        f'set unit = "{unit}" under [timestamp]'
    )
