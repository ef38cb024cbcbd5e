"""The words in times: months in several languages, and the letters that name a zone.

Letters that more than one zone goes by (``IST`` is India's, Ireland's and Israel's) name none here.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, timedelta, timezone
from typing import Final

__all__ = ["AMBIGUOUS_ZONES", "LETTER", "ZONE_LETTERS", "month_of", "zone_of_letters"]

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
