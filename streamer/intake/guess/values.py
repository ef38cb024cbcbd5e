"""What values may be, whatever they are called: amounts, times, codes, ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from streamer.intake.amounts import number_of_text
from streamer.intake.code_lists import COUNTRY_OF, CURRENCY_OF, RETIRED, SYMBOLS
from streamer.intake.epochs import believable_unit, is_serial
from streamer.intake.nothing import is_there
from streamer.intake.readings import Fault
from streamer.intake.times import has_known_form, make_time_reader, text_hint

__all__ = [
    "AMOUNT_STYLES",
    "amount_style",
    "is_channel_word",
    "is_money",
    "is_number",
    "may_be",
    "told",
    "value_share",
]

# Decimal sign and thousands separator, in the order in which they are believed.
AMOUNT_STYLES: Final = (
    (".", None),
    (",", None),
    (".", ","),
    (",", "."),
    (",", " "),
    (".", "'"),
    (".", " "),
)

# A few texts that are no amounts at all do not keep the others from being read.
_MOSTLY: Final = 0.9
Style = tuple[str, str | None]
_THREE_BEHIND: Final = re.compile(r"\d[.,]\d{3}(?!\d)")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
# An amount with its decimals, or its currency: no id is written so.
_MONEY: Final = re.compile(
    r"\(?[-+−]?\s*([$€£¥₹]|[A-Z]{3} )?\s*[-+−]?"
    r"(\d{1,3}([., ’']\d{3})+|\d{1,9})[.,]\d\d\s*([$€£¥₹]| [A-Z]{3})?-?\)?"
)
# A time of day comes again the next day.
_CLOCK: Final = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_MCC: Final = re.compile(r"\d{3,4}(\.0)?", re.ASCII)
_CHANNEL: Final = re.compile(
    r"pos(?![a-z])|point.?of.?sale|chip|e-?com|online|internet|\bweb|atm(?![a-z])|moto(?![a-z])|mobile|"
    r"in-?app|contact.?less|swipe|stripe|keyed|key.?enter|manual|nfc|in.?store|present|phone|mail|"
    r"recurring|wallet|\bqr|face|terminal|kiosk|branch|cash.?machine|emv|cnp|\bcp\b|credential|remote",
    re.IGNORECASE,
)
_read_time: Final = make_time_reader()


def told(values: Iterable[Any]) -> list[Any]:
    """Return the values that are there: no null, nothing empty, no word for nothing."""
    return [value for value in values if is_there(value)]


def may_be(field: str, values: Sequence[Any]) -> float:
    """Return the share of values that are there which a field could have, whatever comes twice."""
    fits = _TESTS[field]
    return sum(1 for value in values if fits(value)) / len(values) if values else 0.0


def value_share(field: str, values: Sequence[Any]) -> float:
    """Return the share of ``values`` that could be ``field``, of those that are there."""
    present = told(values)
    if not present:
        return 0.0
    share = may_be(field, present)
    if field == "transaction_id" and len(present) >= 3:
        return share * len({str(value) for value in present}) / len(present)
    return share


def amount_style(values: Sequence[Any], decimals: int | None = None) -> Style | None:
    """Return the signs under which all texts are amounts; None when none are, or two may be.

    ``decimals`` are the currency's, where all of the sample have the same.  "1,250" alone is twelve
    hundred or one and a quarter; beside "950" it is twelve hundred.
    """
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    usable = [text for text in texts if _is_amount(text)]
    if len(usable) >= _MOSTLY * len(texts):
        texts = usable
    fits = [
        style
        for style in AMOUNT_STYLES
        if all(number_of_text(text, *style) is not None for text in texts)
    ]
    if not fits or fits[0][1] is not None:
        return fits[0] if fits else None
    sign = fits[0][0]
    other = ("," if sign == "." else ".", sign)
    signed = [text for text in texts if sign in text]
    if other not in fits or not all(_THREE_BEHIND.search(text) for text in signed) or not signed:
        return fits[0]
    if decimals == 0 or (len(signed) < len(texts) and decimals != 3):
        return other
    return fits[0] if decimals == 3 else None


def is_number(value: Any) -> bool:
    """Whether a value is a number, or text that is one."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float | Decimal):
        return True
    return isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None


def _is_amount(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float | Decimal):
        return -1e12 < value < 1e12
    if isinstance(value, dict):
        return set(value) in ({"scale", "value"}, {"$numberDecimal"}) or "units" in value
    if not isinstance(value, str):
        return False
    if re.fullmatch(r"[A-Za-z0-9+/]{2,14}={1,2}", value):
        return True
    return any(number_of_text(value, *style) is not None for style in AMOUNT_STYLES)


def _is_time(value: Any) -> bool:
    if isinstance(value, datetime | date):
        return True
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float | Decimal):
        return _is_count(float(value)) or has_known_form(str(value))
    try:
        _read_time(value, None)
    except Fault as fault:
        if fault.reason == "timestamp_without_offset":
            return True
        if not isinstance(value, str):
            return False
        if _NUMBER.fullmatch(value.strip()):
            return _is_count(float(value)) or has_known_form(value)
        return bool(text_hint(value))
    return True


def _is_count(number: float) -> bool:
    return believable_unit(number) is not None or is_serial(number)


def _is_currency(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    text = str(value).strip().upper()
    return value in CURRENCY_OF or text in CURRENCY_OF or text in RETIRED or text in SYMBOLS


def _is_country(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    return value in COUNTRY_OF or str(value).strip().upper() in COUNTRY_OF


def _is_mcc(value: Any) -> bool:
    return not isinstance(value, bool) and bool(_MCC.fullmatch(str(value).strip()))


def _is_id(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return isinstance(value, dict) and "$oid" in value
    if isinstance(value, float):
        return value.is_integer()
    text = str(value)
    return 0 < len(text) <= 128 and not is_money(value) and not _CLOCK.fullmatch(text)


def is_money(value: Any) -> bool:
    """Whether a text is an amount with two decimals and nothing else, with or without its currency."""
    return isinstance(value, str) and _MONEY.fullmatch(value) is not None


def _degrees(largest: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        value = value.replace(",", ".") if isinstance(value, str) else value
        return is_number(value) and abs(float(value)) <= largest

    return fits


def _is_channel(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 32 and not value.strip().isdigit()


def is_channel_word(value: Any) -> bool:
    """Whether a value names a way to pay, as a field of kinds or of modes may.

    >>> is_channel_word("CHIP_AND_PIN"), is_channel_word("$sale"), is_channel_word("purchase")
    (True, False, False)
    """
    return isinstance(value, str) and _CHANNEL.search(value) is not None


def _is_label(value: Any) -> bool:
    return str(value).strip().lower() in {"0", "1", "0.0", "1.0", "true", "false", "yes", "no"} or (
        isinstance(value, str) and len(value) <= 16
    )


_TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "transaction_id": _is_id,
    "card_id": _is_id,
    "amount": _is_amount,
    "currency": _is_currency,
    "timestamp": _is_time,
    "merchant_id": _is_id,
    "mcc": _is_mcc,
    "country": _is_country,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "channel": _is_channel,
    "label": _is_label,
}
