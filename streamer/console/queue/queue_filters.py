"""Which alerts of the queue are shown: pure, from an address to rows and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlencode

from streamer.durations import HOUR_MS
from streamer.store import QueueRow

__all__ = ["Choices", "Filters", "choices_of", "chosen"]

_NUMBERS: Final = ("least", "most", "hours")
_LONGEST: Final = 128
_MOST_CHOICES: Final = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reviewer asked for, each as text, empty for all.

    ``least`` and ``most`` are amounts in the payment's currency, ``hours`` the largest age of an alert.
    """

    severity: str = ""
    reason: str = ""
    merchant: str = ""
    country: str = ""
    least: str = ""
    most: str = ""
    hours: str = ""
    ranked_by: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Filters:
        """Return the filters in an address; other names in it are none of them."""
        names = [each.name for each in fields(cls)]
        return cls(**{name: asked.get(name, "").strip()[:_LONGEST] for name in names})

    @property
    def query(self) -> str:
        """The same as the end of an address, without those that are empty.

        >>> Filters(severity="high", merchant="a&b").query
        'severity=high&merchant=a%26b'
        """
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return urlencode({name: value for name, value in told.items() if value})

    @property
    def faults(self) -> list[str]:
        """What cannot be a number though it must be; such a filter shows all."""
        return [
            f"{name} must be a number, got {getattr(self, name)}"
            for name in _NUMBERS
            if getattr(self, name) and math.isnan(_number(getattr(self, name)))
        ]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the open alerts have, in order, for lists to choose from."""

    reasons: Sequence[str]
    countries: Sequence[str]


def choices_of(rows: Iterable[QueueRow]) -> Choices:
    """Return the first reasons and the countries of ``rows``."""
    found = list(rows)
    reasons = sorted({row.feature for row in found if row.feature})
    countries = sorted({row.country for row in found if row.country})
    return Choices(reasons[:_MOST_CHOICES], countries[:_MOST_CHOICES])


def chosen(rows: Iterable[QueueRow], filters: Filters, now_ms: int) -> list[QueueRow]:
    """Return the rows that every filter lets through, in their order."""
    least, most, hours = (_number(getattr(filters, name)) for name in _NUMBERS)
    same = [
        (name, wanted)
        for name, wanted in (
            ("severity", filters.severity),
            ("feature", filters.reason),
            ("merchant_id", filters.merchant),
            ("country", filters.country.upper()),
            ("ranked_by", filters.ranked_by),
        )
        if wanted
    ]
    oldest_ms = -math.inf if math.isnan(hours) else now_ms - hours * HOUR_MS
    # A comparison with NaN is false: what is no number leaves nothing out.
    return [
        row
        for row in rows
        if all(getattr(row, name) == wanted for name, wanted in same)
        and not row.amount < least
        and not row.amount > most
        and row.scored_ms >= oldest_ms
    ]


def _number(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan
