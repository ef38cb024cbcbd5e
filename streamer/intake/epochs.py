"""Numbers that count time: which unit leads to a believable year, and the conversion.

A factor of 1,000 lies between the units and less than 7 between 1990 and 2100, so that a number has at
most one believable unit.  Even so none is ever assumed: a declaration names it, a hint proposes it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

__all__ = ["CALENDAR_UNITS", "EPOCH", "UNITS", "Unit", "believable_unit", "counted", "epoch_hint"]

Unit = Literal["s", "ms", "us", "ns", "minute", "hour", "day"]

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
# These have no customary origin: a file that counts them counts from its own beginning.
CALENDAR_UNITS: Final = ("minute", "hour", "day")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_EARLIEST_S: Final = 631_152_000  # 1990
_LATEST_S: Final = 4_102_444_800  # 2100
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
            return unit
    return None


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
