"""Amounts: numbers, and texts with the decimal sign that a declaration names.

Without a declaration only a number is an amount: "1.234" is twelve hundred for one producer and one
and a quarter for another.  What a number means in minor units is its currency's to say (ISO 4217).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from streamer.contract.codes import CURRENCIES, decimals_of
from streamer.intake.code_lists import SYMBOLS
from streamer.intake.nothing import STANDS_FOR_NOTHING, is_no_code
from streamer.intake.readings import Fault

__all__ = [
    "MINOR_PER_MAJOR",
    "MOST_MINOR",
    "AmountReader",
    "decimal_of_base64",
    "make_amount_reader",
    "number_of_text",
    "text_hint",
]

AmountReader = Callable[[Any, str], float]
"""Takes a value and its currency; returns the amount in major units, negative for money back."""

_LARGEST: Final = 1e12
_DECIMAL_PARTS: Final = frozenset({"scale", "value", "precision"})
_MONEY_PARTS: Final = frozenset({"units", "nanos", "currencyCode", "currency_code"})
_UNITS: Final = re.compile(r"-?\d{1,15}", re.ASCII)
MOST_MINOR: Final = 10**14
# Longer than any amount with its currency: what is longer costs no time.
_LONGEST: Final = 48
MINOR_PER_MAJOR: Final = {code: 10 ** decimals_of(code) for code in CURRENCIES}
_PLAIN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
# What may stand around the digits: a currency's sign, code or abbreviation, and spaces of any width.
_MARK: Final = (
    rf"(?:[{re.escape(''.join(SYMBOLS))}]|[A-Z]{{3}}|[A-Z]{{1,3}}\$|kr\.?|zł|Kč|Ft|lei|Rs\.?|\s)*"
)
_AROUND: Final = re.compile(rf"^{_MARK}(?P<number>.*?){_MARK}$", re.DOTALL)
_SPACES: Final = re.compile(r"[\s\u00a0\u202f\u2009]")
# On a card's account a credit is money back.
_SIDE: Final = re.compile(r"(?P<number>.*[\d)])\s*(?P<side>cr|dr|db)\.?", re.IGNORECASE | re.DOTALL)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
# With the decimal sign in it, or with one between thousands.
_EITHER: Final = re.compile(r"\D*[1-9]\d{0,2}[.,]\d{3}\D*")
# Digits of other scripts, and the signs that stand for those of ASCII; marks of direction are none.
_SCRIPTS: Final = str.maketrans(
    {chr(zero + digit): str(digit) for zero in (0x660, 0x6F0, 0x966, 0xFF10) for digit in range(10)}
    | dict.fromkeys("−–‐﹣－", "-")
    | dict.fromkeys("’‘ʼ＇′", "'")
    | dict.fromkeys("٬\u200e\u200f\u061c")
)


def make_amount_reader(
    *,
    minor: bool = False,
    decimal: str | None = None,
    thousands: str | None = None,
    scale: int | None = None,
    decimals: Mapping[str, int] | None = None,
) -> AmountReader:
    """Return a reader of amounts; ``decimal`` allows texts, ``scale`` Base64 decimals.

    ``decimals`` are a producer's own where its minor units are not those of ISO 4217.
    """
    if minor:
        own = {code: 10**digits for code, digits in (decimals or {}).items()}
        return _minor(MINOR_PER_MAJOR | own, decimal, thousands)
    if scale is not None:
        return lambda value, _: decimal_of_base64(value, scale)
    if decimal is None:
        return _major
    sign = decimal

    def read(value: Any, currency: str) -> float:
        if type(value) is str:
            return _bounded(_text_number(value, sign, thousands))
        return _major(value, currency)

    return read


def number_of_text(text: str, decimal: str, thousands: str | None) -> float | None:
    """Return the number in a text such as ``$-38.48``, ``1.234,56 €`` or ``(12.00)``, or None.

    >>> number_of_text("$-38.48", ".", None), number_of_text("1.234,56 €", ",", ".")
    (-38.48, 1234.56)
    """
    body = text.strip()
    if len(body) > _LONGEST:
        return None
    if body[:1].isdigit():
        number = _plain_number(body, decimal, thousands)
        if number is not None:
            return number
    if not body.isascii():
        body = body.translate(_SCRIPTS).replace("٫", decimal).strip()
    sign = 1.0
    if body[-1:].isalpha() or body[-1:] == ".":
        side = _SIDE.fullmatch(body)
        if side:
            body = side["number"]
            sign = -1.0 if side["side"].lower() == "cr" and body[:1] not in "-(" else 1.0
    if body.startswith("(") and body.endswith(")"):
        sign, body = -sign, body[1:-1]
    sign, body = _signed(sign, body)
    located = _AROUND.match(body)
    sign, body = _signed(sign, located["number"] if located else body)
    if body.endswith(("-", "+")):
        sign, body = (-sign if body[-1] == "-" else sign), body[:-1].rstrip()
    number = _plain_number(body, decimal, thousands)
    return None if number is None else sign * number


def _plain_number(body: str, decimal: str, thousands: str | None) -> float | None:
    """Return the number in ASCII digits with these signs and nothing around them, or None."""
    body = _without_thousands(body, decimal, thousands) if thousands else body
    if decimal != ".":
        body = body.replace(".", "x").replace(decimal, ".")
    return float(body) if body.isascii() and _PLAIN.fullmatch(body) else None


def _signed(sign: float, body: str) -> tuple[float, str]:
    if body[:1] == "-":
        return -sign, body[1:].lstrip()
    return sign, body[1:].lstrip() if body[:1] == "+" else body


def decimal_of_base64(value: Any, scale: int) -> float:
    """Return a decimal as Kafka Connect encodes one: a big-endian two's complement, unscaled.

    >>> decimal_of_base64("EJo=", 2)
    42.5
    """
    if isinstance(value, str):
        try:
            value = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Fault("wrong_format", "amount must be the Base64 of a decimal") from None
    if not isinstance(value, bytes | bytearray):
        raise Fault("wrong_type", f"amount must be the Base64 of a decimal, got {_kind(value)}")
    if not 0 < len(value) <= 32:
        raise Fault("wrong_format", "amount must be a decimal of 1 to 32 bytes")
    unscaled = int.from_bytes(value, "big", signed=True)
    return _bounded(float(Decimal(unscaled).scaleb(-scale)))


def _minor(
    per_major: Mapping[str, int], decimal: str | None, thousands: str | None
) -> AmountReader:
    def read(value: Any, currency: str) -> float:
        if type(value) is not int:
            value = _whole(value, decimal, thousands)
        if -MOST_MINOR <= value <= MOST_MINOR:
            amount: float = value / per_major[currency]
            return amount
        raise _too_large()

    return read


def _whole(value: Any, decimal: str | None, thousands: str | None) -> int:
    """Return a count of minor units; texts of digits are as clear as numbers are."""
    if isinstance(value, str):
        number = _text_number(value, decimal or ".", thousands)
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _not_numeric(value)
    else:
        number = float(value) if -MOST_MINOR <= value <= MOST_MINOR else float("inf")
    if not number.is_integer():
        raise Fault(
            "wrong_format",
            "amount must be a whole number of minor units",
            'have the producer mend it if others are whole; drop unit = "minor" under [amount] only if '
            "all amounts are in major units",
        )
    return int(number)


def _major(value: Any, _: str) -> float:
    if type(value) is float:
        if -_LARGEST <= value <= _LARGEST:
            return value
        raise _too_large()
    if type(value) is int:
        if -_LARGEST <= value <= _LARGEST:
            return float(value)
        raise _too_large()
    return _other(value)


def _other(value: Any) -> float:
    if isinstance(value, Decimal):
        return _bounded(float(value))
    if isinstance(value, dict) and {"scale", "value"} <= value.keys() <= _DECIMAL_PARTS:
        # Debezium's VariableScaleDecimal, and Confluent's decimal in Protobuf.
        scale = value["scale"]
        if type(scale) is int and abs(scale) <= 40:
            return decimal_of_base64(value["value"], scale)
    if isinstance(value, dict) and "units" in value and value.keys() <= _MONEY_PARTS:
        return _of_money(value)
    if hasattr(value, "is_integer") and not isinstance(value, bool):  # A number of numpy's.
        return _bounded(float(value))
    if isinstance(value, dict) and set(value) == {"$numberDecimal"}:
        number = number_of_text(str(value["$numberDecimal"]), ".", None)
        if number is not None:
            return _bounded(number)
    raise _not_numeric(value)


def _of_money(value: dict[str, Any]) -> float:
    """Return the amount of Google's Money: whole units, as text in JSON, and billionths."""
    units, nanos = value["units"], value.get("nanos", 0)
    if type(nanos) is int and abs(nanos) < 10**9 and _UNITS.fullmatch(str(units)):
        return _bounded(float(Decimal(units) + Decimal(nanos).scaleb(-9)))
    raise Fault("wrong_format", "amount must have whole units and billionths")


def _bounded(amount: float) -> float:
    if -_LARGEST <= amount <= _LARGEST:
        return amount
    raise _too_large()


def _too_large() -> Fault:
    return Fault("out_of_range", "amount must be a finite number of at most 1e12")


def _not_numeric(value: Any) -> Fault:
    if is_no_code(value):
        return Fault("missing_field", "amount must be there", STANDS_FOR_NOTHING)
    hint = ""
    if isinstance(value, str):
        hint = text_hint(value)
    elif isinstance(value, dict):
        hint = 'name the field within it, such as amount = "amount.value"'
    return Fault("wrong_type", f"amount must be a number, got {_kind(value)}", hint)


def text_hint(text: str) -> str:
    """Return the settings under which a text would be an amount, or nothing."""
    if _EITHER.fullmatch(text):
        return (
            'its sign may be the decimal one or one between thousands: set decimal = "." or ",", '
            "and thousands to the other if there is one, under [amount]"
        )
    for decimal, thousands in ((".", None), (",", None), (".", ","), (",", "."), (",", " ")):
        if number_of_text(text, decimal, thousands) is None:
            continue
        also = f' and thousands = "{thousands}"' if thousands else ""
        return f'amounts are text: set decimal = "{decimal}"{also} under [amount]'
    if _is_packed(text):
        return (
            "a Base64 decimal (Debezium's or Kafka Connect's without its schema): set scale under "
            "[amount] to the digits that its column has behind the point, such as scale = 2 for "
            "DECIMAL(10,2); or have the connector send numbers (decimal.handling.mode)"
        )
    return ""


def _is_packed(text: str) -> bool:
    """Whether a text may be the Base64 of a whole number, and no word."""
    if not 4 <= len(text) <= 24 or not _BASE64.fullmatch(text):
        return False
    is_word = text.isalpha() and (text.istitle() or text.islower() or text.isupper())
    unscaled = int.from_bytes(base64.b64decode(text), "big", signed=True)
    return not is_word and abs(unscaled) < 10**15


def _text_number(text: str, decimal: str, thousands: str | None) -> float:
    number = number_of_text(text, decimal, thousands)
    if number is None:
        if is_no_code(text):
            raise _not_numeric(text)
        detail = f'amount must be a number with "{decimal}" as decimal sign'
        if _EITHER.fullmatch(text):
            detail = "amount must be clear, got a sign before three digits"
        raise Fault("wrong_format", detail, text_hint(text))
    return number


def _without_thousands(body: str, decimal: str, thousands: str) -> str:
    """Take the separators out where they stand between groups of digits; else leave the text."""
    if thousands == " ":
        body, thousands = _SPACES.sub(" ", body), " "
    whole, point, fraction = body.partition(decimal)
    groups = whole.split(thousands)
    # Indian grouping has groups of two; the last one has three everywhere, and none before is zero.
    if len(groups) > 1 and (
        len(groups[-1]) != 3
        or not 1 <= len(groups[0]) <= 3
        or (groups[0].startswith("0") and not groups[2:])
        or not all(2 <= len(group) <= 3 for group in groups[1:])
    ):
        return body
    return "".join(groups) + point + fraction


def _kind(value: Any) -> str:
    names = {str: "text", bool: "a boolean", dict: "an object", list: "a list", type(None): "null"}
    return names.get(type(value), "something else")
