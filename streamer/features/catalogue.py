"""The features: name, unit, how a person reads the value, and the sentence a reviewer gets.

Values enter the model on the scale of the matrix (mostly logarithmic).  ``to_unit`` turns such a value
into the payment world's unit, ``quantity`` that into text.  ``spread_floor`` is the smallest standard
deviation, on the matrix's scale, that is taken seriously: below it a feature that happens to be constant
would make every small change look infinitely unusual.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from streamer.features.quantities import (
    Quantity,
    counted,
    deviations,
    duration,
    measured,
    money,
    percent,
    times,
)
from streamer.features.records import record

__all__ = [
    "AMOUNT",
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_ROW",
    "MAX_EXPONENT",
    "Feature",
    "from_log1p",
    "share_percent",
]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix, and its words.

    ``sentence`` says what is suspicious of a ``value``, ``phrase`` only what it is; both are format
    strings over what ``quantity`` makes of it.  ``mild`` is the sentence for a value that does not stand
    out by itself, though it does among similar payments: where ``stands_out`` of the value and what was
    expected is false.  ``suspect`` says on which side of a center a value is suspicious; on the other it
    adds nothing to the distance and is never a reason.  ``about`` names what it measures where others
    measure the same: their extremes come together whether or not anything is wrong.  ``of_amount`` says
    whether it measures the payment's amount, what several amounts make up, or no amount.
    """

    name: str
    unit: str
    to_unit: Callable[[float], float]
    spread_floor: float
    sentence: str
    suspect: Literal["above", "below"] = "above"
    quantity: Quantity = field(kw_only=True)
    phrase: str = field(kw_only=True)
    mild: str | None = field(default=None, kw_only=True)
    stands_out: Callable[[float, float], bool] | None = field(default=None, kw_only=True)
    about: str | None = field(default=None, kw_only=True)
    of_amount: Literal["own", "several"] | None = field(default=None, kw_only=True)

    @property
    def subject(self) -> str:
        """What it measures: by default nothing that another does."""
        return self.about or self.name

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


def _is_twice(value: float, expected: float) -> bool:
    return value > 2 * expected


def _is_rare(value: float, _: float) -> bool:
    """Whether a deviation is one that a tenth of all payments have at most."""
    return value >= 1.5


def _is_opposite(value: float, _: float) -> bool:
    """Whether an hour is further than six hours from those that are usual."""
    return value < 50.0


def _is_a_second(value: float, _: float) -> bool:
    """Whether a gap is told as a number: less than 1 s needs no "only" before it."""
    return value >= 0.5


_PAYMENTS: Final = counted("payment", "payments")

FEATURES: Final[tuple[Feature, ...]] = (
    Feature(
        "amount", "currency units", _exp, 0.3,
        "The amount of {value} is high",
        mild="The amount of {value} is above the usual", stands_out=_is_twice,
        phrase="an amount of {value}", quantity=money, about="amount", of_amount="own",
    ),
    Feature(
        "amount_ratio_to_card", "times the card's usual amount", _exp, 0.2,
        "The amount is {value} what this card usually pays",
        phrase="an amount {value} what this card usually pays", quantity=times, about="amount",
        of_amount="own",
    ),
    Feature(
        "amount_deviation_from_card", "standard deviations", _same, 0.3,
        "The amount is high for this card, {value} its habit",
        mild="The amount is {value} this card's habit", stands_out=_is_rare,
        phrase="an amount {value} this card's habit", quantity=deviations, about="amount",
        of_amount="own",
    ),
    Feature(
        "spend_today_ratio", "times the card's usual day", _exp, 0.3,
        "The card has spent {value} its usual day within about a day",
        phrase="a card that has spent {value} its usual day within about a day", quantity=times,
        of_amount="several",
    ),
    Feature(
        "card_payments_1h", "payments within about an hour", from_log1p, 0.2,
        "{value} with this card within about an hour",
        phrase="{value} with this card within about an hour", quantity=_PAYMENTS, about="pace",
    ),
    Feature(
        "card_payments_1d", "payments within about a day", from_log1p, 0.2,
        "{value} with this card within about a day",
        phrase="{value} with this card within about a day", quantity=_PAYMENTS, about="pace",
    ),
    Feature(
        "card_pace_ratio", "times the card's usual pace", _exp, 0.2,
        "The card is used {value} as often as in its usual week",
        phrase="a card used {value} as often as in its usual week", quantity=times, about="pace",
    ),
    Feature(
        "card_gap", "seconds since the card's last payment", from_log1p, 0.5,
        "Only {value} since this card's last payment",
        "below",
        mild="{value} since this card's last payment", stands_out=_is_a_second,
        phrase="{value} since this card's last payment", quantity=duration, about="pace",
    ),
    Feature(
        "card_hour_familiarity", "percent of familiarity of the hour", _percent, 0.1,
        "Far from the hours at which this card usually pays, {value} like them",
        "below",
        mild="Not quite the hours at which this card usually pays, {value} like them",
        stands_out=_is_opposite,
        phrase="an hour {value} like those at which this card usually pays", quantity=percent,
    ),
    Feature(
        "travel_speed", "km/h since the card's last presence", from_log1p, 0.5,
        "The card would have travelled at {value} since it was last present",
        phrase="travel at {value} since the card was last present", quantity=measured("km/h"), about="travel",
    ),
    Feature(
        "travel_distance", "km since the card's last presence", from_log1p, 0.5,
        "The card is {value} from where it was last present",
        phrase="{value} from where the card was last present", quantity=measured("km"), about="travel",
    ),
    Feature(
        "merchant_pace_ratio", "times the merchant's usual pace", _exp, 0.2,
        "The merchant takes payments {value} as fast as on its usual day",
        phrase="a merchant that takes payments {value} as fast as on its usual day", quantity=times,
    ),
    Feature(
        "amount_deviation_from_merchant", "standard deviations", _same, 0.3,
        "The amount is high for this merchant, {value} its usual ones",
        mild="The amount is {value} this merchant's usual ones", stands_out=_is_rare,
        phrase="an amount {value} this merchant's usual ones", quantity=deviations,
        of_amount="own",
    ),
    Feature(
        "card_high_series", "standard deviations in all", from_log1p, 0.3,
        "This card's payments of the last days went {value} beyond its habit, taken together",
        phrase="this card's payments of the last days went {value} beyond its habit, taken together",
        quantity=measured("standard deviations"), of_amount="several",
    ),
    Feature(
        "card_small_series", "standard deviations in all", from_log1p, 0.3,
        "This card's payments of the last hour went {value} below its habit, taken together",
        phrase="this card's payments of the last hour went {value} below its habit, taken together",
        quantity=measured("standard deviations"), of_amount="several",
    ),
    Feature(
        "card_country_familiarity", "percent of familiarity of the country", share_percent, 0.1,
        "{value} of this card's payments are from this country",
        "below",
        phrase="{value} of this card's payments from this country", quantity=percent,
    ),
    Feature(
        "card_category_familiarity", "percent of familiarity of the category", share_percent, 0.1,
        "{value} of this card's payments are for this category",
        "below",
        phrase="{value} of this card's payments for this category", quantity=percent,
    ),
)  # fmt: skip

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
FEATURE_ROW: Final = record(*FEATURE_NAMES)
"""A row of X."""
