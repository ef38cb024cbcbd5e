"""The other fields: ids, codes and places, from what producers write for them to the contract.

Every reader takes a value that is there and returns one of the contract's, or raises a `Fault`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from streamer.intake.code_lists import COUNTRY_OF, CURRENCY_OF, RETIRED
from streamer.intake.money_texts import currency_in
from streamer.intake.nothing import NO_NAMES, STANDS_FOR_NOTHING, is_no_code
from streamer.intake.readings import Fault

__all__ = [
    "NO_IDS",
    "OPTIONAL_READERS",
    "Reader",
    "category_code",
    "channel",
    "country",
    "currency",
    "identifier",
    "identifier_of_cell",
    "is_destroyed",
    "is_minus_zero",
]

Reader = Callable[[Any], Any]

_LONGEST_ID: Final = 128
_LONGEST_CHANNEL: Final = 32
# A float holds whole numbers up to here; beyond it an id has lost digits.
_EXACT: Final = 2**53
_LONGEST_WORD: Final = max(map(len, NO_NAMES))
_BLANKS: Final = " \t\0"
NO_IDS: Final = NO_NAMES | {sign * n for n in range(1, _LONGEST_ID + 1) for sign in _BLANKS}
"""What the contract takes for a name, and is none: a word for nothing, or blank, or zero bytes.

Cards that are called so would all be one.
"""
_DESTROYED: Final = re.compile(r"\d([.,]\d+)?[eE]\+?\d{1,3}")
_NUMBER_WITH_POINT: Final = re.compile(r"[1-9]\d{0,15}\.0|0\.0", re.ASCII)
_WHOLE: Final = re.compile(r"(?P<whole>[0-9]{1,4})(\.0+)?")
_CODE: Final = re.compile(r"[0-9]{1,3}(\.0+)?")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,3}([.,][0-9]{0,20})?")


def identifier(value: Any) -> str:
    """Return an id as text; a number is as good an id as its digits.

    >>> identifier(383), identifier(596.0), identifier("c-1")
    ('383', '596', 'c-1')
    """
    if type(value) is str:
        text = value
    elif value is None:
        raise Fault("missing_field", "an id must be there")
    else:
        text = _text_of(value)
    n = len(text)
    if (
        0 < n <= _LONGEST_ID
        and "+" not in text
        and (n > _LONGEST_WORD or text not in NO_NAMES)
        and text[0] > " "
        and (text.isascii() or _is_unicode(text))
    ):
        return text
    return _odd_identifier(text)


def is_minus_zero(amount: float) -> bool:
    """Return whether it is -0.0: an amount of 0 has no minus, and a verification reads as one.

    >>> is_minus_zero(-0.0), is_minus_zero(0.0), is_minus_zero(-1.0)
    (True, False, False)
    """
    return amount == 0.0 and math.copysign(1.0, amount) < 0.0


def is_destroyed(text: str) -> bool:
    """Whether a text is a number as a spreadsheet rounds it, most of its digits gone.

    >>> is_destroyed("4.92912E+15"), is_destroyed("4,92E+15"), is_destroyed("c-1")
    (True, True, False)
    """
    return _DESTROYED.fullmatch(text) is not None


def identifier_of_cell(value: Any) -> str:
    """Return an id from a file's cell; of a whole number that a program has made a fraction, the
    number.

    A column of numbers with a gap in it is one of fractions to pandas, and ``2972`` is written
    ``2972.0``.

    >>> identifier_of_cell("2972.0"), identifier_of_cell("v2.0")
    ('2972', 'v2.0')
    """
    text = identifier(value)
    return text[:-2] if text.endswith(".0") and _NUMBER_WITH_POINT.fullmatch(text) else text


def _odd_identifier(text: str) -> str:
    """Return an id that only looks like none, or raise what it is instead."""
    if not text.replace("\0", " ").strip():
        raise Fault("missing_field", "an id must not be empty")
    if len(text) > _LONGEST_ID:
        raise Fault("wrong_format", f"an id must have at most {_LONGEST_ID} characters")
    if text in NO_NAMES:
        raise Fault("missing_field", "an id must be there", STANDS_FOR_NOTHING)
    if is_destroyed(text):
        raise Fault(
            "wrong_format",
            "an id must have all its digits, got a number as a spreadsheet rounds one",
            "a spreadsheet has destroyed it: export again with the column as text",
        )
    if _is_unicode(text):
        return text
    raise Fault("lone_surrogate", "text must be Unicode, got half of a surrogate pair")


def currency(value: Any) -> str:
    """Return the ISO 4217 code of a currency by letters of any case, by number, or in an amount's text.

    >>> currency("gbp"), currency(36), currency("036")
    ('GBP', 'AUD', 'AUD')
    """
    try:
        return CURRENCY_OF[value]
    except (KeyError, TypeError):  # Another spelling, or no value that could be a key.
        pass
    if value is None or value == "":
        raise Fault("missing_field", "currency must be there")
    if is_no_code(value):
        raise Fault("missing_field", "currency must be there", STANDS_FOR_NOTHING)
    code = _code_of(value)
    known = CURRENCY_OF.get(code) or currency_in(value)
    if known is not None:
        return known
    if code in RETIRED:
        retired, successor, year = RETIRED[code]
        raise Fault(
            "retired_code",
            f"currency must be in use (ISO 4217, January 2026); {retired} is retired since {year}",
            f"convert amounts to {successor}, or leave such payments out with a [[skip]] rule",
        )
    if isinstance(value, dict):
        raise Fault(
            "wrong_type",
            "currency must be text or a number, got an object",
            'name the field within it, such as currency = "currency.code"',
        )
    raise Fault(
        "unknown_code",
        "currency must be a code of ISO 4217 (January 2026), such as EUR, eur or 978",
        'for other spellings list them, such as values = { "€" = "EUR" } under [currency]',
    )


def country(value: Any) -> str:
    """Return the ISO 3166-1 alpha-2 code of a country's alpha-2, alpha-3 or numeric code.

    >>> country("GBR"), country("uk"), country(4), country("004")
    ('GB', 'GB', 'AF', 'AF')
    """
    try:
        return COUNTRY_OF[value]
    except (KeyError, TypeError):
        pass
    known = COUNTRY_OF.get(_code_of(value))
    if known is None:
        raise _empty_or(value, "unknown_code", "country must be a code of ISO 3166-1")
    return known


def category_code(value: Any) -> str:
    """Return a merchant category code (ISO 18245) with the leading zeros that a number has lost.

    >>> category_code(742), category_code("5411"), category_code("5411.0")
    ('0742', '5411', '5411')
    """
    if type(value) is str and len(value) == 4 and value.isdecimal() and value.isascii():
        return value
    if type(value) is int and 0 <= value < 10_000:
        return f"{value:04d}"
    text = value.strip() if isinstance(value, str) else _text_of(value)
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        raise _empty_or(value, "wrong_format", "mcc must be a number of four digits")
    return whole["whole"].zfill(4)


def channel(value: Any) -> str:
    """Return a channel's name of at most 32 characters."""
    text = value if type(value) is str else _text_of(value)
    if 0 < len(text) <= _LONGEST_CHANNEL and text.isascii() and text not in NO_IDS:
        return text
    if not 0 < len(text) <= _LONGEST_CHANNEL or text in NO_IDS:
        detail = f"channel must have 1 to {_LONGEST_CHANNEL} characters"
        raise _empty_or(text, "wrong_format", detail)
    if not _is_unicode(text):
        raise Fault("lone_surrogate", "text must be Unicode, got half of a surrogate pair")
    return text


def _degrees(name: str, largest: float) -> Reader:
    """Return a reader of degrees from -``largest`` to ``largest``; plain text is read too."""

    def read(value: Any) -> float:
        if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
            value = float(value.replace(",", "."))
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise _empty_or(value, "wrong_type", f"{name} must be a number")
        if -largest <= value <= largest:
            return float(value)
        raise Fault("out_of_range", f"{name} must be from -{largest:g} to {largest:g}")

    return read


OPTIONAL_READERS: Final[dict[str, Reader]] = {
    "merchant_id": identifier,
    "mcc": category_code,
    "country": country,
    "latitude": _degrees("latitude", 90.0),
    "longitude": _degrees("longitude", 180.0),
    "channel": channel,
}
"""In the order in which a transaction has its optional fields."""


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise Fault("wrong_type", "value must be text or a number, got a boolean")
    if isinstance(value, int):
        if abs(value) >= 10**_LONGEST_ID:
            raise Fault("wrong_format", f"an id must have at most {_LONGEST_ID} characters")
        return str(value)
    if isinstance(value, float | Decimal):
        if -_EXACT < value < _EXACT and value == int(value):
            return str(int(value))
        raise Fault(
            "wrong_type",
            "an id must be text or a whole number, got one that may have lost digits",
            "have the producer send it as text",
        )
    if isinstance(value, dict) and len(value) == 1:
        # MongoDB's extended JSON.
        for name in ("$oid", "$numberLong", "$numberInt", "$uuid"):
            if isinstance(value.get(name), str):
                return str(value[name])
    raise Fault("wrong_type", f"value must be text or a number, got {_kind(value)}")


def _code_of(value: Any) -> str:
    """Return a code as the lists spell it: capitals, or three digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return ""
    if isinstance(value, int | float | Decimal):
        return str(int(value)).zfill(3) if 0 <= value < 1000 and value == int(value) else ""
    text = value.strip()
    if len(text) > 8:
        return ""
    if _CODE.fullmatch(text):
        return text.partition(".")[0].zfill(3)
    return text.upper()


def _empty_or(value: Any, reason: Any, detail: str) -> Fault:
    if isinstance(value, str) and not value.replace("\0", " ").strip():
        return Fault("empty", detail)
    return Fault("missing_field" if is_no_code(value) else reason, detail)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "something else"
