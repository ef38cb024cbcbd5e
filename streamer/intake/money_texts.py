"""The currency that stands in an amount's text: ``USD 42.99``, ``42,50 €``.

Only what means one currency everywhere: ``$`` and ``kr`` are those of many countries.
"""

from __future__ import annotations

import re
from typing import Any, Final

from streamer.intake.code_lists import CURRENCY_OF

__all__ = ["currency_in"]

_SIGNS: Final = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "zł": "PLN"} | {
    "Kč": "CZK",
    "R$": "BRL",
    "A$": "AUD",
    "C$": "CAD",
    "NZ$": "NZD",
}
_NUMBER: Final = r"[-−+(]?\d[\d.,'’\s]*[-)]?"
_MARK: Final = rf"[A-Z]{{3}}|{'|'.join(map(re.escape, _SIGNS))}"
_MONEY: Final = re.compile(
    rf"-?\s*(?P<before>{_MARK})\s*{_NUMBER}|{_NUMBER}\s*(?P<behind>{_MARK})\s*-?"
)
_LONGEST: Final = 48


def currency_in(value: Any) -> str | None:
    """Return the code of the one currency in an amount's text, or None.

    >>> currency_in("USD 42.99"), currency_in("42,50 €"), currency_in("$42"), currency_in("EUR")
    ('USD', 'EUR', None, None)
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    found = _MONEY.fullmatch(value.strip())
    if found is None:
        return None
    mark = found["before"] or found["behind"]
    return _SIGNS.get(mark) or CURRENCY_OF.get(mark)
