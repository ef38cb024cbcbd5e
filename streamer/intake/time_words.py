"""The words in times: months in several languages, and the letters that name a zone.

Letters that more than one zone goes by (``IST`` is India's, Ireland's and Israel's) name none here.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = [
    "AMBIGUOUS_ZONES",
    "LETTER",
    "ZONE_LETTERS",
    "month_of",
    "zone_behind",
    "zone_named",
    "zone_of_letters",
]

LETTER: Final = "A-Za-zÀ-ÖØ-öø-ÿ"
"""What a month may be written with, within brackets of a pattern."""

_MONTHS: Final = (
    "jan january januar janner janv janvier ene enero gen gennaio janeiro januari stycznia",
    "feb february februar fev fevr fevrier febrero febbraio fevereiro februari lutego",
    "mar march marz mrz mars marzo marco mrt maart marca",
    "apr april avr avril abr abril aprile kwietnia",
    "may mai mayo mag maggio maio mei maja",
    "jun june juni juin junio giu giugno junho czerwca",
    "jul july juli juil juillet julio lug luglio julho lipca",
    "aug august aout ago agosto augustus sierpnia",
    "sep sept september septembre septiembre setiembre set settembre setembro wrzesnia",
    "oct october okt oktober octobre octubre ott ottobre out outubro pazdziernika",
    "nov november novembre noviembre novembro listopada",
    "dec december dez dezember decembre dic diciembre dicembre dezembro grudnia",
)
_MONTH_OF: Final = {
    name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()
}
_OFFSET: Final = re.compile(
    r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d\d?)(?::?(?P<minutes>\d\d))?", re.ASCII
)
_PLACE: Final = re.compile(r"[A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+){1,2}", re.ASCII)
_OFFSET_HOURS: Final[dict[str, float]] = {
    "EST": -5,
    "EDT": -4,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "SAST": 2,
    "BRT": -3,
    "ART": -3,
    "SGT": 8,
    "HKT": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "ACST": 9.5,
    "NZST": 12,
    "NZDT": 13,
}
_ZONES: Final = {
    "Z": UTC,
    "UT": UTC,
    "UTC": UTC,
    "GMT": UTC,
    **{name: timezone(timedelta(hours=hours)) for name, hours in _OFFSET_HOURS.items()},
}
ZONE_LETTERS: Final = "|".join(sorted(_ZONES, key=lambda name: (-len(name), name)))
"""Every abbreviation that means one zone, as alternatives of a pattern, the longer ones first."""

AMBIGUOUS_ZONES: Final = frozenset("IST BST CST AST GST SST WST AMT BDT ECT".split())


def month_of(name: str) -> int | None:
    """Return the number of a month's name or abbreviation, or None.

    >>> month_of("NOV"), month_of("März"), month_of("févr."), month_of("Monday")
    (11, 3, 2, None)
    """
    plain = unicodedata.normalize("NFKD", name.rstrip(".").lower())
    return _MONTH_OF.get("".join(c for c in plain if not unicodedata.combining(c)))


def zone_of_letters(text: str) -> timezone | None:
    """Return the zone that letters name, or None."""
    return _ZONES.get(text.upper())


def zone_named(text: str) -> tzinfo | None:
    """Return the zone of a place (``Europe/Berlin``), of letters or of an offset, or None.

    >>> str(zone_named("Europe/Berlin")), str(zone_named("+01:00")), zone_named("IST")
    ('Europe/Berlin', 'UTC+01:00', None)
    """
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        ahead = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        if ahead >= timedelta(days=1):
            return None
        return timezone(-ahead if offset["sign"] == "-" else ahead)
    if "/" not in text:
        return zone_of_letters(text)
    try:
        return ZoneInfo(text) if _PLACE.fullmatch(text) else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_behind(text: str) -> tuple[str, tzinfo] | None:
    """Return what stands before a zone at a text's end, and the zone; None where there is none."""
    time, space, name = text.rpartition(" ")
    zone = zone_named(name) if space else None
    return None if zone is None else (time.rstrip(), zone)
