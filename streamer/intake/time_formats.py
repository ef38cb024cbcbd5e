"""Text forms of time: common ones by name, others by the directives of ``strftime``.

``dmy``, ``mdy`` and ``ymd`` say in which order a date has its numbers; signs between them, seconds,
fractions, am and pm and an offset may be there or not.  A form without a year takes the one that comes
nearest to the time of arrival: ISO 8583 sends ``MMDDhhmmss``.  ``month_name`` is any form that has the
month in letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from streamer.intake.time_words import LETTER, ZONE_LETTERS, month_of, zone_of_letters

__all__ = ["KNOWN_FORMS", "NAMED", "TextReader", "compile_format", "offset_of"]

TextReader = Callable[[str, int | None], datetime | None]
"""Takes a text and the time of arrival in ms; returns a moment (naive without an offset) or None."""

_ZONE: Final = rf"(?P<z>(?:UTC|GMT)?[+-]\d\d?:?(?:\d\d)?|{ZONE_LETTERS})"
_HALF: Final = r"(?P<p>[AaPp])\.?[ \u00a0\u202f]?[Mm]\.?"
_TIME: Final = (
    r"(?P<H>\d{1,2})[:.h](?P<M>\d\d)(?:[:.](?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
    rf"(?:\s*{_HALF})?(?:\s*(?:Uhr|[Hh]rs?\.?|h))?(?:\s*{_ZONE})?"
)
_CLOCK: Final = rf"(?:(?:[ T,.:_-]+|\s-\s){_TIME})?"
_DATES: Final = {
    "dmy": r"(?P<d>\d{1,2})[/.\- ](?P<m>\d{1,2})[/.\- ](?P<Y>\d{4}|\d\d)",
    "mdy": r"(?P<m>\d{1,2})[/.\- ](?P<d>\d{1,2})[/.\- ](?P<Y>\d{4}|\d\d)",
    "ymd": r"(?=\d{4}\D|\d{8})(?P<Y>\d{4})[/.\- ]?(?P<m>\d{1,2})[/.\- ]?(?P<d>\d{1,2})",
}
_DIRECTIVES: Final = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<Y>\d\d)",
    "m": r"(?P<m>\d\d)",
    "d": r"(?P<d>\d\d)",
    "H": r"(?P<H>\d\d)",
    "I": r"(?P<H>\d\d)",
    "M": r"(?P<M>\d\d)",
    "S": r"(?P<S>\d\d)",
    "f": r"(?P<f>\d{1,9})",
    "p": _HALF,
    "b": rf"(?P<b>[{LETTER}]{{3,12}})\.?",
    "B": rf"(?P<b>[{LETTER}]{{3,12}})",
    "a": r"[A-Za-z]{2,9}\.?",
    "A": r"[A-Za-z]{2,9}",
    "z": _ZONE,
    "Z": _ZONE,
    "j": r"(?P<j>\d{1,3})",
    "%": "%",
}
_DAY_NAME: Final = rf"(?:[{LETTER}]{{2,10}}\.?,?\s+)?"
_MONTH: Final = rf"(?P<b>[{LETTER}]{{3,12}})\.?"
_DAY: Final = r"(?P<d>\d{1,2})(?:st|nd|rd|th|er)?\.?"
_YEAR: Final = r"(?P<Y>\d{4})"
# The clock may stand behind the date, before it, or between the day and the year.
_MONTH_NAMES: Final = tuple(
    re.compile(_DAY_NAME + form, re.ASCII)
    for form in (
        rf"{_DAY}[\s/-]*(?:de\s+)?{_MONTH}[\s/,-]*(?:de\s+)?(?P<Y>\d{{4}}|\d\d){_CLOCK}",
        rf"{_MONTH}\s+{_DAY},?\s+{_YEAR}{_CLOCK}",
        rf"{_MONTH}\s+{_DAY},?\s+{_TIME}(?:\s+{_YEAR})?",
        rf"{_YEAR}[\s/-]{_MONTH}[\s/-]{_DAY}{_CLOCK}",
        rf"{_TIME}\s+{_MONTH}\s+{_DAY},?\s+{_YEAR}(?:\s+(?P<zz>{ZONE_LETTERS}))?",
        rf"{_TIME}\s+{_DAY}\s+{_MONTH}\s+{_YEAR}(?:\s+(?P<zz>{ZONE_LETTERS}))?",
    )
)
_NAMED_DIRECTIVES: Final = {
    "compact": "%Y%m%d%H%M%S",
    "iso8583": "%m%d%H%M%S",
    "rfc2822": "%a, %d %b %Y %H:%M:%S %z",
}
NAMED: Final = (*_DATES, *_NAMED_DIRECTIVES, "month_name")

KNOWN_FORMS: Final = (
    "compact",
    "%Y%m%d%H%M",
    "%y%m%d%H%M%S",
    "ymd",
    "dmy",
    "mdy",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %b %Y",
    "%b %d, %Y %I:%M %p",
    "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y",
    "%d-%b-%y %I.%M.%S.%f %p",
    "%d-%b-%y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S UTC %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "month_name",
    "%Y%m%d",
    "%m%d%Y",
    "%Y%m%d %H%M%S",
    "%m%d%Y %H%M%S",
    "%d%m%Y %H%M%S",
    "%Y-%m-%d %H%M%S",
    "iso8583",
    "%m%d %H%M%S",
    "%m%d",
)
"""What a time of unknown form may be, in the order in which it is believed."""


@lru_cache(maxsize=256)
def compile_format(form: str) -> TextReader:
    """Return a reader for a named form or one of directives; ValueError when it is neither.

    >>> compile_format("dmy")("28/11/2026 05:58", None)
    datetime.datetime(2026, 11, 28, 5, 58)
    """
    form = _NAMED_DIRECTIVES.get(form, form)
    patterns = _MONTH_NAMES
    if form != "month_name":
        text_form = _DATES[form] + _CLOCK if form in _DATES else _pattern(form)
        patterns = (re.compile(text_form, re.ASCII),)

    def read(text: str, arrived_ms: int | None) -> datetime | None:
        if text.endswith(")"):
            # What a mail or a browser says of the zone once more.
            text = text.partition(" (")[0]
        for pattern in patterns:
            match = pattern.fullmatch(text)
            if match is not None:
                try:
                    return _moment(match.groupdict(), arrived_ms)
                except (ValueError, OverflowError):
                    return None
        return None

    return read


def offset_of(text: str) -> timezone:
    """Return the zone of ``Z``, ``UTC``, ``+01:00``, ``+0100`` or ``+01``; ValueError otherwise."""
    if text in ("Z", "z", "UTC", "GMT"):
        return UTC
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)?", text, re.ASCII)
    if match is None:
        raise ValueError(text)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-offset if match[1] == "-" else offset)


def _pattern(form: str) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    position = 0
    while position < len(form):
        if form[position] != "%":
            parts.append(re.escape(form[position]))
            position += 1
            continue
        name = form[position + 1 : position + 2]
        if name not in _DIRECTIVES:
            raise ValueError(f"%{name}")
        directive = _DIRECTIVES[name]
        is_alone = position == 0 or form[position - 2 : position - 1] != "%"
        if is_alone and form[position + 2 : position + 3] != "%" and name in "mdHIMS":
            # "9/1/2002": with a sign on both sides a number may have lost its leading zero.
            directive = directive.replace(r"\d\d", r"\d{1,2}")
        if directive in seen:
            raise ValueError(f"%{name} twice")
        seen.add(directive)
        parts.append(directive)
        position += 2
    if not seen:
        raise ValueError("no directive")
    return "".join(parts)


def _moment(found: dict[str, str | None], arrived_ms: int | None) -> datetime | None:
    hour = int(found.get("H") or 0)
    half = found.get("p")
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "Pp" else 0)
    fraction = (found.get("f") or "0")[:6].ljust(6, "0")
    zone = _zone(found.get("z") or found.get("zz"))
    clock = (hour, int(found.get("M") or 0), min(int(found.get("S") or 0), 59), int(fraction))
    month, day = _month(found), int(found.get("d") or 1)
    year = found.get("Y")
    if year is None:
        return _nearest(month, day, clock, zone, arrived_ms)
    number = int(year) if len(year) == 4 else 2000 + int(year)
    if found.get("j"):
        start = datetime(number, 1, 1, *clock, tzinfo=zone)
        return start + timedelta(days=int(found["j"] or 1) - 1)
    return datetime(number, month, day, *clock, tzinfo=zone)


def _month(found: dict[str, str | None]) -> int:
    name = found.get("b")
    if name is None:
        return int(found.get("m") or 1)
    month = month_of(name)
    if month is None:
        raise ValueError(name)
    return month


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    text = text.removeprefix("UTC").removeprefix("GMT") or "UTC"
    sign, digits = text[0], text[1:]
    if sign in "+-" and len(digits.partition(":")[0]) == 1:
        text = f"{sign}0{digits}"
    return zone_of_letters(text) or offset_of(text)


def _nearest(
    month: int,
    day: int,
    clock: tuple[int, int, int, int],
    zone: timezone | None,
    arrived_ms: int | None,
) -> datetime | None:
    """Return the moment in the year that lies nearest to the arrival; None without one."""
    if arrived_ms is None:
        return None
    arrived = datetime.fromtimestamp(arrived_ms / 1000, tz=UTC)
    candidates = []
    for year in (arrived.year - 1, arrived.year, arrived.year + 1):
        try:
            candidates.append(datetime(year, month, day, *clock, tzinfo=zone or UTC))
        except ValueError:  # 29 February
            continue
    if not candidates:
        return None
    nearest = min(candidates, key=lambda moment: abs(moment - arrived))
    return nearest if zone else nearest.replace(tzinfo=None)
