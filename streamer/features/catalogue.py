"""The features: name, unit, how a person reads the value, and the sentence a reviewer gets.

Values enter the model on the scale of the matrix (mostly logarithmic).  ``to_unit`` turns such a value
into the payment world's unit.  ``spread_floor`` is the smallest standard deviation, on the matrix's
scale, that is taken seriously: below it a feature that happens to be constant would make every small
change look infinitely unusual.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from streamer.contract.codes import decimals_of
from streamer.features.records import record

__all__ = [
    "AMOUNT",
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_ROW",
    "MAX_EXPONENT",
    "Feature",
    "from_log1p",
    "like_fraud",
    "like_legitimate",
    "ordinary",
    "readable",
    "sentence",
    "share_percent",
]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix.

    ``sentence`` is a format string over ``value`` (in ``unit``, rounded for reading) and
    ``currency``.  ``suspect`` says on which side of a center a value is suspicious; on the other it
    adds nothing to the distance and is never a reason.
    """

    name: str
    unit: str
    to_unit: Callable[[float], float]
    spread_floor: float
    sentence: str
    suspect: Literal["above", "below"] = "above"

    @property
    def side(self) -> int:
        """1 if values above a center are suspicious, -1 if those below are."""
        return 1 if self.suspect == "above" else -1


# A ratio of extreme amounts is beyond a float, and JSON has no infinity.
MAX_EXPONENT: Final = 700.0


def _exp(x: float) -> float:
    return math.exp(min(x, MAX_EXPONENT))


def from_log1p(x: float) -> float:
    """Return the count or quantity whose ln(1 + x) a feature holds; never below 0."""
    return max(math.expm1(min(x, MAX_EXPONENT)), 0.0)


def _same(x: float) -> float:
    return float(x)


def _percent(x: float) -> float:
    return float(50.0 * (1.0 + x))


def share_percent(x: float) -> float:
    """Return a share in percent."""
    return float(100.0 * x)


AMOUNT: Final = 0
"""Column of the log amount, the one that the model centres per currency."""

FEATURES: Final[tuple[Feature, ...]] = (
    Feature(
        "amount", "currency units", _exp, 0.3,
        "the amount of {value} {currency} is high",
    ),
    Feature(
        "amount_ratio_to_card", "times the card's usual amount", _exp, 0.2,
        "the amount is {value} times what this card usually pays",
    ),
    Feature(
        "amount_deviation_from_card", "standard deviations", _same, 0.3,
        "the amount is high for this card's own habit, at {value} standard deviations",
    ),
    Feature(
        "spend_today_ratio", "times the card's usual day", _exp, 0.3,
        "the card has spent {value} times its usual day within about a day",
    ),
    Feature(
        "card_payments_1h", "payments within about an hour", from_log1p, 0.2,
        "about {value} payments with this card within an hour",
    ),
    Feature(
        "card_payments_1d", "payments within about a day", from_log1p, 0.2,
        "about {value} payments with this card within a day",
    ),
    Feature(
        "card_pace_ratio", "times the card's usual pace", _exp, 0.2,
        "the card is used {value} times as often as in its usual week",
    ),
    Feature(
        "card_gap", "seconds since the card's last payment", from_log1p, 0.5,
        "only {value} s since this card's last payment",
        "below",
    ),
    Feature(
        "card_hour_familiarity", "percent of familiarity of the hour", _percent, 0.1,
        "an unusual hour for this card, {value}% familiar",
        "below",
    ),
    Feature(
        "travel_speed", "km/h since the card's last presence", from_log1p, 0.5,
        "the card would have travelled at {value} km/h since it was last present",
    ),
    Feature(
        "travel_distance", "km since the card's last presence", from_log1p, 0.5,
        "the card is {value} km from where it was last present",
    ),
    Feature(
        "merchant_pace_ratio", "times the merchant's usual pace", _exp, 0.2,
        "the merchant takes payments {value} times as fast as on its usual day",
    ),
    Feature(
        "amount_deviation_from_merchant", "standard deviations", _same, 0.3,
        "the amount is high for this merchant, at {value} standard deviations",
    ),
    Feature(
        "card_high_series", "standard deviations in all", from_log1p, 0.3,
        "this card's payments of the last days went {value} standard deviations beyond its habit",
    ),
    Feature(
        "card_small_series", "standard deviations in all", from_log1p, 0.3,
        "this card's payments of the last hour went {value} standard deviations below its habit",
    ),
    Feature(
        "card_country_familiarity", "percent of familiarity of the country", share_percent, 0.1,
        "the card has hardly paid in this country before, {value}% familiar",
        "below",
    ),
    Feature(
        "card_category_familiarity", "percent of familiarity of the category", share_percent, 0.1,
        "the card has hardly paid for this category before, {value}% familiar",
        "below",
    ),
)  # fmt: skip

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
FEATURE_ROW: Final = record(*FEATURE_NAMES)
"""A row of X."""
# Before and after the value, with a capital: an alert has five of them, so nothing is left to parse.
_SENTENCES: Final = tuple(
    tuple(f"{text[0].upper()}{text[1:]}".replace("{value} {currency}", "{value}").split("{value}"))
    for text in (feature.sentence for feature in FEATURES)
)


def sentence(index: int, value: float, expected: float, currency: str) -> str:
    """Return the reviewer's sentence for feature ``index``; both values in the feature's unit.

    >>> sentence(AMOUNT, 412.0, 38.512, "EUR")
    'The amount of 412.00 EUR is high (similar payments: 38.51).'
    """
    before, after = _SENTENCES[index]
    told, usual = readable(index, value, currency), readable(index, expected, currency)
    if index == AMOUNT:
        told = f"{told} {currency}"
    return f"{before}{told}{after} (similar payments: {usual})."


def readable(index: int, value: float, currency: str) -> str:
    """Return a value of feature ``index``, in its unit, rounded for reading.

    >>> readable(AMOUNT, 1234.5, "JPY"), readable(AMOUNT + 1, 1234.5, "JPY")
    ('1,234', '1,234')
    """
    return _money(value, currency) if index == AMOUNT else _rounded(value)


def like_fraud(index: int, value: float, expected: float, currency: str) -> str:
    """Return the sentence for a value that is not unusual in itself, but was so in judged frauds.

    >>> like_fraud(AMOUNT, 3.0, 38.512, "EUR")
    'As in earlier frauds: amount of 3.00 EUR (similar payments: 38.51).'
    """
    return _told("As in earlier frauds", index, value, expected, currency)


def like_legitimate(index: int, value: float, expected: float, currency: str) -> str:
    """Return the sentence for a value that speaks against fraud, since judged payments had it.

    >>> like_legitimate(AMOUNT, 3.0, 38.512, "EUR")
    'As in payments judged legitimate: amount of 3.00 EUR (similar payments: 38.51).'
    """
    return _told("As in payments judged legitimate", index, value, expected, currency)


def ordinary(index: int, value: float, expected: float, currency: str) -> str:
    """Return the sentence for a value that adds nothing.

    >>> ordinary(AMOUNT, 3.0, 38.512, "EUR")
    'Not suspicious: amount of 3.00 EUR (similar payments: 38.51).'
    """
    return _told("Not suspicious", index, value, expected, currency)


def _told(opening: str, index: int, value: float, expected: float, currency: str) -> str:
    feature = FEATURES[index]
    if index == AMOUNT:
        told, usual = f"{_money(value, currency)} {currency}", _money(expected, currency)
    else:
        told, usual = f"{_rounded(value)} {feature.unit}", _rounded(expected)
    name = feature.name.replace("_", " ")
    return f"{opening}: {name} of {told} (similar payments: {usual})."


def _money(value: float, currency: str) -> str:
    return f"{value:,.{decimals_of(currency)}f}"


def _rounded(value: float) -> str:
    """Round for reading: no decimals from 100 on, one from 10 on, else two.

    >>> [_rounded(x) for x in (12345.6, 12.34, 0.123, -0.004)]
    ['12,346', '12.3', '0.12', '0']
    """
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    text = (f"{value:.1f}" if size >= 10 else f"{value:.2f}").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
