"""Timestamps: RFC 3339 and what means the same; counts, other forms and zones by declaration.

What is unambiguous needs no setting: any ISO 8601 form with an offset or its zone's name, RFC 2822, the
month in letters with a zone, ``/Date(ms)/``, ``{"$date": ...}`` and ``{"seconds": ..., "nanos": ...}``.
A number without a unit, a time without a zone and a date of unknown order are refused with the setting
that would make them clear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamer.intake.epochs import (
    EPOCH,
    Unit,
    believable_unit,
    counted,
    epoch_hint,
)
from streamer.intake.nothing import STANDS_FOR_NOTHING, is_no_code
from streamer.intake.readings import Fault
from streamer.intake.time_formats import KNOWN_FORMS, TextReader, compile_format
from streamer.intake.time_words import (
    AMBIGUOUS_ZONES,
    ZONE_LETTERS,
    zone_behind,
    zone_of_letters,
)

__all__ = [
    "DOTTED",
    "EARLIEST_S",
    "LATEST_S",
    "TimeReader",
    "has_known_form",
    "make_time_reader",
    "text_hint",
]

TimeReader = Callable[[Any, int | None], datetime]
"""Takes a value and the time of arrival in ms, where it is known; returns an aware moment."""

# Counts of seconds from 1990 to 2100 are taken for what they are said to be.
EARLIEST_S: Final = 631_152_000
LATEST_S: Final = 4_102_444_800

# A spreadsheet writes its days with 15 digits, ten of them a fraction.
_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{1,15})?", re.ASCII)
_DOTNET: Final = re.compile(r"\\?/Date\((-?\d{1,17})(?:[+-]\d{4})?\)\\?/", re.ASCII)
_PLACE: Final = re.compile(
    r"(?P<time>\d.*)\[(?P<name>[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*)\]", re.ASCII
)
_LETTERS: Final = re.compile(rf"(?<=\d)\s*({ZONE_LETTERS})$", re.ASCII | re.IGNORECASE)
_ORDINAL: Final = re.compile(r"([12]\d{3})-(\d{3})(?=[T ])", re.ASCII)
_by_month_name: Final = compile_format("month_name")
_LONGEST: Final = 80
# More nanoseconds than a calendar has; NaN is not below it either.
_BEYOND: Final = 1e21
_ZONE_HINT: Final = 'set zone = "UTC", or the place\'s such as "Europe/London", under [timestamp]'
_LETTERS_HINT: Final = (
    "the letters of its zone mean several places: set format with the letters in it, such as "
    'format = "%Y-%m-%d %H:%M:%S CST", and zone = "America/Chicago", or the right place\'s, '
    "under [timestamp]"
)
# Forms without a year need some arrival to be recognised.
_SOME_ARRIVAL_MS: Final = 1_795_845_480_000
DOTTED: Final = re.compile(r"\d{1,2}\.\d{1,2}\.\d", re.ASCII)
"""A date with points between its numbers, whose first one is the day wherever they are written."""
_TEXT_FORMS: Final = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d")


def make_time_reader(
    *,
    unit: Unit | None = None,
    origin: datetime | None = None,
    zone: tzinfo | None = None,
    formats: Sequence[str] = (),
) -> TimeReader:
    """Return a reader of timestamps; ``zone`` is that of times which do not name theirs."""
    forms = [compile_format(form) for form in formats]

    def read(value: Any, arrived_ms: int | None) -> datetime:
        if value is None or value == "":
            raise Fault("missing_field", "timestamp must be there")
        moment = _moment(value, arrived_ms)
        return moment if moment.tzinfo is not None else _placed(moment, zone)

    def _moment(value: Any, arrived_ms: int | None) -> datetime:
        if forms:
            found = _by_form(value, forms, arrived_ms)
            if found is not None:
                return found
        if type(value) is str:
            if unit is not None and _NUMBER.fullmatch(value):
                return _counted(float(value) if "." in value else int(value), unit, origin)
            return _of_text(value, tells_form=bool(forms))
        if unit is not None and isinstance(value, int | float | Decimal):
            return _counted(value, unit, origin)
        return _of_other(value)

    if unit in ("s", "ms") and origin is None and not forms:
        return _epoch_reader(1 if unit == "s" else 1000, read)
    return read


def text_hint(text: str) -> str:
    """Return the settings under which a text would be a time, or nothing."""
    stripped = text.strip()
    for form in _TEXT_FORMS:
        if _is_read(stripped, form):
            return f'set format = "{form}" and zone under [timestamp]'
    if _NUMBER.fullmatch(stripped):
        return epoch_hint(float(stripped))
    if any(word in AMBIGUOUS_ZONES for word in stripped.split()):
        return _LETTERS_HINT
    return _order_hint(stripped)


def has_known_form(text: str) -> bool:
    """Whether some declared form would read a text as a time."""
    return any(_is_read(text.strip(), form) for form in KNOWN_FORMS if form not in ("%m%d",))


def _order_hint(text: str) -> str:
    possible = [form for form in ("ymd", "dmy", "mdy") if _is_read(text, form)]
    if possible == ["dmy", "mdy"] and DOTTED.match(text):
        possible = ["dmy"]
    if possible == ["dmy", "mdy"]:
        return 'set format = "dmy" or "mdy", whichever comes first, and zone under [timestamp]'
    possible = possible or [form for form in KNOWN_FORMS if _is_read(text, form)]
    return f'set format = "{possible[0]}" and zone under [timestamp]' if possible else ""


def _is_read(text: str, form: str) -> bool:
    moment = compile_format(form)(text, _SOME_ARRIVAL_MS)
    return moment is not None and 1990 <= moment.year < 2100


def _epoch_reader(per_second: int, otherwise: TimeReader) -> TimeReader:
    from_timestamp = datetime.fromtimestamp
    earliest, latest = EARLIEST_S * per_second, LATEST_S * per_second

    def read(value: Any, arrived_ms: int | None) -> datetime:
        if type(value) is int and earliest <= value < latest:
            return from_timestamp(value / per_second, UTC)
        return otherwise(value, arrived_ms)

    return read


def _placed(moment: datetime, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise Fault("timestamp_without_offset", "timestamp must have an offset", _ZONE_HINT)
    return moment.replace(tzinfo=zone)


def _counted(number: float | Decimal, unit: Unit, origin: datetime | None) -> datetime:
    if isinstance(number, bool) or not -_BEYOND < number < _BEYOND:
        raise Fault("wrong_type", "timestamp must be a number within the calendar")
    number = number if isinstance(number, int) else float(number)
    try:
        moment = counted(number, unit, origin or EPOCH)
    except (OverflowError, ValueError):
        moment = None
    if origin is None and believable_unit(number) not in (None, unit):
        raise Fault("invalid_timestamp", f"timestamp must count {unit}", epoch_hint(number))
    if moment is None:
        raise Fault("invalid_timestamp", f"timestamp must be a count of {unit} within the calendar")
    return moment


def _by_form(value: Any, forms: list[TextReader], arrived_ms: int | None) -> datetime | None:
    if isinstance(value, int) and not isinstance(value, bool):
        # Digits that a producer wrote as a number; ISO 8583 fields lose their leading zero then.
        texts = [str(value), f"0{value}"]
    elif isinstance(value, str) and len(value) <= _LONGEST:
        texts = [value.strip()]
    else:
        return None
    for text in texts:
        for form in forms:
            moment = form(text, arrived_ms)
            if moment is not None:
                return moment
    behind = zone_behind(texts[0]) if isinstance(value, str) else None
    moment = _by_form(behind[0], forms, arrived_ms) if behind else None
    return moment if moment is None or behind is None else moment.replace(tzinfo=behind[1])


def _of_text(text: str, *, tells_form: bool) -> datetime:
    if not text.isdigit():
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
        moment = _lenient(text.strip()) if len(text) <= _LONGEST else None
        if moment is not None:
            return moment
    if is_no_code(text):
        raise Fault("missing_field", "timestamp must be there", STANDS_FOR_NOTHING)
    detail = "timestamp must be RFC 3339, such as 2026-11-28T05:58:00Z"
    if tells_form:
        detail = "timestamp must have one of the declared formats, or be RFC 3339"
    raise Fault("invalid_timestamp", detail, text_hint(text) if len(text) <= _LONGEST else "")


def _lenient(text: str) -> datetime | None:
    """Return a moment from a text that leaves no doubt, or None."""
    dotnet = _DOTNET.fullmatch(text)
    if dotnet:
        return _counted(int(dotnet[1]), "ms", None)
    place = _PLACE.fullmatch(text)
    moment = _iso(place["time"] if place else text)
    if moment is None:
        named = _by_month_name(text, None)
        if named is not None and named.tzinfo is not None:
            return named
        behind = zone_behind(text)
        moment = _iso(behind[0]) if behind else None
        return moment if moment is None or behind is None else moment.replace(tzinfo=behind[1])
    if place and moment.tzinfo is None:
        try:
            return moment.replace(tzinfo=ZoneInfo(place["name"]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
    return moment


def _iso(text: str) -> datetime | None:
    """Return an ISO 8601 time with a leap second, a day of the year, or its zone in letters."""
    letters = _LETTERS.search(text)
    zone = zone_of_letters(letters[1]) if letters else None
    if letters and zone:
        text = text[: letters.start()]
    text = re.sub(r"\s+(?=[+-]\d\d:?(\d\d)?$)", "", text)
    text = re.sub(r"(?<=\d\d:\d\d):60", ":59", text)
    ordinal = _ORDINAL.match(text)
    if ordinal and 1 <= int(ordinal[2]) <= 366:
        day = date(int(ordinal[1]), 1, 1) + timedelta(days=int(ordinal[2]) - 1)
        text = f"{day:%Y-%m-%d}{text[ordinal.end() :]}"
    try:
        moment = datetime.fromisoformat(text) if not text.isdigit() else None
    except ValueError:
        return None
    return moment if moment is None or zone is None else moment.replace(tzinfo=zone)


def _of_other(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, dict):
        return _of_object(value)
    if isinstance(value, list) and 3 <= len(value) <= 7:
        # Java's LocalDateTime as Jackson writes it unless told otherwise.
        try:
            return datetime(*(*value[:6], *[part // 1000 for part in value[6:]]))
        except (TypeError, ValueError, OverflowError):
            pass
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        hint = text_hint(str(value)) if -_BEYOND < value < _BEYOND else ""
        raise Fault("wrong_type", "timestamp must be text, got a number", hint)
    raise Fault("wrong_type", "timestamp must be RFC 3339 text")


def _of_object(value: dict[Any, Any]) -> datetime:
    if "$date" in value:
        inner = value["$date"]
        if isinstance(inner, dict):
            inner = inner.get("$numberLong")
        if isinstance(inner, str) and not _NUMBER.fullmatch(inner):
            return _of_text(inner, tells_form=False)
        try:
            return _counted(int(inner), "ms", None)
        except (TypeError, ValueError):
            pass
    elif set(value) in ({"seconds"}, {"seconds", "nanos"}):
        try:
            return _counted(int(value["seconds"]), "s", None)
        except (TypeError, ValueError):
            pass
    raise Fault(
        "wrong_type",
        "timestamp must be RFC 3339 text, got an object",
        'name the field within it, such as path = "created.at" under [timestamp]',
    )
