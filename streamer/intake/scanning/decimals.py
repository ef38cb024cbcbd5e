"""Decimal numbers to the nearest float, where that is certain."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.compiled import borrowing
from streamer.intake.scanning.tokens import Bytes

__all__ = ["decimal"]

# Whole numbers up to here, and these powers, are floats without rounding.
_EXACT: Final = 1 << 53
_POWERS: Final = np.array([10.0**k for k in range(23)])
# Veltkamp's: splits a float into two halves of its digits.
_SPLITTER: Final = 134_217_729.0
# What is left of a division by then is off by less than this share of itself.
_DOUBT: Final = 1e-14


@borrowing
def decimal(text: Bytes, first: int, last: int) -> float:
    """Return what the number from ``first`` up to ``last``, of the form that `tokens` knows, is;
    NaN where this cannot be told, and for a zero below zero.

    Digits m and power 10^k are one rounding away from m x 10^k or m / 10^k if both are exact (Clinger,
    1990).  A float written in full has 17 digits: m is then two floats, the remainder of the division
    is found exactly (Dekker, 1971), and taken where the sum does not depend on its last bits.
    """
    digits, power, at = 0, 0, first
    if text[at] == ord("-"):
        at += 1
    is_fraction = False
    while at < last and text[at] != ord("e") and text[at] != ord("E"):
        if text[at] == ord("."):
            is_fraction = True
        else:
            digits = digits * 10 + int(text[at]) - ord("0")
            power -= is_fraction
        at += 1
    if at < last:
        power += _exponent(text, at + 1, last)
    if not -22 <= power <= 22:
        return math.nan
    found: float
    if digits < _EXACT:
        found = digits * _POWERS[power] if power >= 0 else digits / _POWERS[-power]
    elif power >= 0:
        return math.nan
    else:
        found = _quotient(digits, _POWERS[-power])
    if text[first] == ord("-"):
        return -found if digits else math.nan
    return found


@borrowing
def _exponent(text: Bytes, at: int, last: int) -> int:
    is_below = text[at] == ord("-")
    if is_below or text[at] == ord("+"):
        at += 1
    exponent = 0
    while at < last:
        exponent = exponent * 10 + int(text[at]) - ord("0")
        at += 1
    return -exponent if is_below else exponent


@borrowing
def _quotient(digits: int, divisor: float) -> float:
    """Return ``digits`` / ``divisor`` rounded once, NaN where that cannot be told."""
    high = float(digits)
    low = float(digits - int(high))
    quotient = high / divisor
    product = quotient * divisor
    one, other = _halves(quotient)
    upper, lower = _halves(divisor)
    # What the product was rounded by, so that what is left of the dividend is exact.
    error = ((one * upper - product) + one * lower + other * upper) + other * lower
    rest = ((high - product) - error + low) / divisor
    found = quotient + rest * (1.0 + _DOUBT)
    return found if found == quotient + rest * (1.0 - _DOUBT) else math.nan


@borrowing
def _halves(number: float) -> tuple[float, float]:
    scaled = _SPLITTER * number
    upper = scaled - (scaled - number)
    return upper, number - upper
