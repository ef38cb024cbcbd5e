"""Values as a reviewer reads them: rounded, and never without their unit.

Each function takes a value in its feature's unit and the payment's currency.  What is too small to be
told in the digits that are shown is "less than" the smallest that is, so that it never reads as 0.
Nothing has a minus, not even -0.0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from streamer.contract.codes import decimals_of

__all__ = ["Quantity", "counted", "deviations", "duration", "measured", "money", "percent", "times"]

Quantity = Callable[[float, str], str]

# Beyond it a reviewer learns nothing from digits; an amount is told whatever it is.
_MOST: Final = 1_000_000
_DURATIONS: Final = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))
# From so many of a unit on the smaller one beside it says nothing more.
_PLENTY: Final = 10


def money(value: float, currency: str) -> str:
    """Return an amount in the digits of its currency.

    >>> money(1234.5, "EUR"), money(1234.5, "JPY"), money(0.004, "EUR"), money(0.0, "EUR")
    ('1,234.50 EUR', '1,234 JPY', 'less than 0.01 EUR', '0.00 EUR')
    """
    decimals = decimals_of(currency)
    smallest = 10.0**-decimals
    if 0 < value < smallest:
        return f"less than {smallest:.{decimals}f} {currency}"
    return f"{abs(value):,.{decimals}f} {currency}"


def times(value: float, _: str) -> str:
    """Return a ratio.

    >>> times(0.001, ""), times(0.4, ""), times(1.0, ""), times(3.21, "")
    ('less than 0.01 times', '0.40 times', '1.0 times', '3.2 times')
    >>> times(41.2, ""), times(1e300, "")
    ('41 times', 'more than 1,000,000 times')
    """
    if value < 0.005:
        return "less than 0.01 times"
    if value > _MOST:
        return f"more than {_MOST:,} times"
    if value < 1:
        return f"{value:.2f} times"
    return f"{value:.1f} times" if value < _PLENTY else f"{value:,.0f} times"


def percent(value: float, _: str = "") -> str:
    """Return a value that is in percent; only all reads as 100%, and only none as 0%.

    >>> [percent(x) for x in (0.0, 0.04, 2.04, 45.2, 99.42, 99.96, 100.0)]
    ['0%', 'less than 0.1%', '2%', '45%', '99.4%', 'more than 99.9%', '100%']
    """
    if value <= 0:
        return "0%"
    if value < 0.05:
        return "less than 0.1%"
    if value >= 100:
        return "100%"
    if value >= 99.95:
        return "more than 99.9%"
    if _PLENTY <= value < 99:
        return f"{value:.0f}%"
    return f"{value:.1f}".removesuffix(".0") + "%"


def deviations(value: float, _: str) -> str:
    """Return how far a value is above or below a habit.

    >>> deviations(1.84, ""), deviations(-12.3, "")
    ('1.8 standard deviations above', '12 standard deviations below')
    >>> deviations(0.01, "")
    'less than 0.1 standard deviations above'
    """
    size, side = abs(value), "below" if value < 0 else "above"
    if size < 0.05:
        return f"less than 0.1 standard deviations {side}"
    text = f"{size:.1f}" if size < _PLENTY else f"{size:,.0f}"
    return f"{text} standard deviations {side}"


def duration(value: float, _: str) -> str:
    """Return seconds in the largest unit that fits, and in the next as long as that says something.

    >>> [duration(s, "") for s in (0.0, 42.0, 240.0, 252.0, 3599.9, 11_400.0, 90_000.0, 2e6)]
    ['less than 1 s', '42 s', '4 min', '4 min 12 s', '1 h', '3 h 10 min', '1 d 1 h', '23 d']
    """
    if value < 0.5:
        return "less than 1 s"
    if value > _MOST * 86_400:
        return f"more than {_MOST:,} d"
    for large, of_large, small, of_small in _DURATIONS:
        n, rest = divmod(round(value / of_small), of_large // of_small)
        if n >= _PLENTY:
            return f"{value / of_large:,.0f} {large}"
        if n:
            return f"{n} {large} {rest} {small}" if rest else f"{n} {large}"
    return f"{value:.0f} s"


def counted(one: str, several: str) -> Quantity:
    """Return how a number of things is told: as a whole number.

    >>> payments = counted("payment", "payments")
    >>> payments(7.26, ""), payments(1.2, ""), payments(0.0, ""), payments(12_345.6, "")
    ('7 payments', '1 payment', '0 payments', '12,346 payments')
    """

    def tell(value: float, _: str) -> str:
        if value > _MOST:
            return f"more than {_MOST:,} {several}"
        text = f"{abs(value):,.0f}"
        return f"{text} {one if text == '1' else several}"

    return tell


def measured(unit: str) -> Quantity:
    """Return how a quantity in ``unit`` is told, which is never negative.

    >>> [measured("km")(x, "") for x in (0.0, 0.01, 4.81, 17_211.2)]
    ['0 km', 'less than 0.1 km', '4.8 km', '17,211 km']
    """

    def tell(value: float, _: str) -> str:
        if value > _MOST:
            return f"more than {_MOST:,} {unit}"
        if value >= _PLENTY:
            return f"{value:,.0f} {unit}"
        if value >= 0.05:
            return f"{value:.1f} {unit}"
        return f"less than 0.1 {unit}" if value > 0 else f"0 {unit}"

    return tell
