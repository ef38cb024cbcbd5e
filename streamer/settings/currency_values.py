"""What a unit of each currency is worth, as a setting: EUR=1,USD=0.92,JPY=0.0062."""

from __future__ import annotations

from typing import Final

from streamer.intake.code_lists import CURRENCY_OF

__all__ = ["check_currency_values", "currency_values"]

# Beyond these no unit of a currency is worth so much, or so little, of another.
_LEAST: Final = 1e-9
_MOST: Final = 1e9


def check_currency_values(text: str) -> str:
    """Return ``text`` if it says what currencies are worth; a ValueError names all that is wrong."""
    faults, seen = [], set[str]()
    for part in text.split(","):
        code, _, value = (piece.strip() for piece in part.partition("="))
        if CURRENCY_OF.get(code) != code:
            faults.append(f"{code or 'nothing'} is no currency of ISO 4217")
        elif code in seen:
            faults.append(f"{code} is there twice")
        elif not _is_value(value):
            faults.append(f"the value of {code} is {value or 'missing'}")
        seen.add(code)
    if faults:
        raise ValueError(
            f"must be currencies with their values above 0, separated by commas ({'; '.join(faults)})"
        )
    return text


def currency_values(text: str | None) -> dict[str, float]:
    """Return the value of each currency that is named.

    >>> currency_values("EUR=1, AED=0.25")
    {'EUR': 1.0, 'AED': 0.25}
    """
    if text is None:
        return {}
    parts = (part.partition("=") for part in text.split(","))
    return {code.strip(): float(value) for code, _, value in parts}


def _is_value(text: str) -> bool:
    try:
        return _LEAST <= float(text) <= _MOST
    except ValueError:
        return False
