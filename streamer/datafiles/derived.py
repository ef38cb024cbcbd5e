"""What a file does not say in so many words: instants from a number of seconds or steps.

Published data sets often count days, hours or seconds from a moment they do not name.  What the
model needs of time are gaps and, where there is one, the hour of day: any origin does, and it is the
same for every file.  Numbers of the Unix epoch have an origin, and are named as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

__all__ = ["TIME_UNITS", "TimeUnit", "instants", "time_unit_hint"]

TimeUnit = Literal["day", "hour", "second", "epoch-s", "epoch-ms", "epoch-us"]

TIME_UNITS: Final[tuple[TimeUnit, ...]] = get_args(TimeUnit)
_STEPS_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final[dict[TimeUnit, tuple[datetime, timedelta]]] = {
    "day": (_STEPS_FROM, timedelta(days=1)),
    "hour": (_STEPS_FROM, timedelta(hours=1)),
    "second": (_STEPS_FROM, timedelta(seconds=1)),
    "epoch-s": (_EPOCH, timedelta(seconds=1)),
    "epoch-ms": (_EPOCH, timedelta(milliseconds=1)),
    "epoch-us": (_EPOCH, timedelta(microseconds=1)),
}
# An epoch in this unit lies between 1990 and 2100; steps of a data set are far smaller numbers.
_EPOCH_FROM: Final = datetime(1990, 1, 1, tzinfo=UTC)
_EPOCH_TO: Final = datetime(2100, 1, 1, tzinfo=UTC)


def instants(column: Sequence[Any], unit: TimeUnit) -> list[Any]:
    """Return RFC 3339 instants: the number in ``column`` times ``unit`` after 2020-01-01T00:00Z.

    The units of the epoch count from 1970.  What is no number, or leads out of the calendar, stays as
    it is: the pipeline says what is wrong.

    >>> instants([0, 1.5, "2", "soon"], "day")
    ['2020-01-01T00:00:00Z', '2020-01-02T12:00:00Z', '2020-01-03T00:00:00Z', 'soon']
    >>> instants(["1325376018"], "epoch-s")
    ['2012-01-01T00:00:18Z']
    """
    # A column of steps holds few distinct values many times: each is converted once.
    known: dict[Any, Any] = {}
    for value in column:
        key = str(value) if isinstance(value, list | dict) else value
        if key not in known:
            known[key] = _instant(value, unit)
    return [known[str(v) if isinstance(v, list | dict) else v] for v in column]


def time_unit_hint(value: Any) -> str | None:
    """Return which ``--time-unit`` would make an instant of a number; None of what is no number.

    >>> time_unit_hint(1325376018)
    '--time-unit epoch-s makes it 2012-01-01T00:00:18Z'
    >>> time_unit_hint("3")
    'a number needs --time-unit day, hour or second, counted from 2020'
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    for unit in TIME_UNITS:
        origin, length = _UNITS[unit]
        first, last = (_EPOCH_FROM - _EPOCH) / length, (_EPOCH_TO - _EPOCH) / length
        if origin is _EPOCH and first <= number < last:
            return f"--time-unit {unit} makes it {_instant(number, unit)}"
    return "a number needs --time-unit day, hour or second, counted from 2020"


def _instant(value: Any, unit: TimeUnit) -> Any:
    origin, length = _UNITS[unit]
    try:
        moment = origin + float(value) * length
    except (TypeError, ValueError, OverflowError):
        return value
    return moment.isoformat().replace("+00:00", "Z")
