"""What a file does not say in so many words: instants from a step number.

Published data sets often count days, hours or seconds from a moment they do not name.  What the
model needs of time are gaps and, where there is one, the hour of day: any origin does, and it is the
same for every file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

__all__ = ["TIME_UNITS", "TimeUnit", "instants"]

TimeUnit = Literal["day", "hour", "second"]

TIME_UNITS: Final[tuple[TimeUnit, ...]] = get_args(TimeUnit)
_ORIGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_UNITS: Final[dict[TimeUnit, timedelta]] = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "second": timedelta(seconds=1),
}


def instants(column: Sequence[Any], unit: TimeUnit) -> list[Any]:
    """Return RFC 3339 instants: the number in ``column`` times ``unit`` after 2020-01-01T00:00Z.

    What is no number, or leads out of the calendar, stays as it is: the pipeline says what is wrong.

    >>> instants([0, 1.5, "2", "soon"], "day")
    ['2020-01-01T00:00:00Z', '2020-01-02T12:00:00Z', '2020-01-03T00:00:00Z', 'soon']
    """
    # A column of steps holds few distinct values many times: each is converted once.
    known: dict[Any, Any] = {}
    for value in column:
        if value not in known:
            known[value] = _instant(value, _UNITS[unit])
    return [known[value] for value in column]


def _instant(value: Any, unit: timedelta) -> Any:
    try:
        moment = _ORIGIN + float(value) * unit
    except (TypeError, ValueError, OverflowError):
        return value
    return moment.isoformat().replace("+00:00", "Z")
