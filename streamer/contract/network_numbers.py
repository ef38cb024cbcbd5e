"""Which digits are the number of a payment card: by length, the networks' first digits and check digit.

One in ten numbers has the check digit (Luhn, ISO/IEC 7812-1), so that random ids of 16 digits would be
taken for cards' numbers by the thousand; first digits and length leave 1 in 24 of such ids, and none
that begins with 0, 1, 7 or most of 8 and 9.  A range may be wider than what a network has issued: a
number that gets through is worse than an id that is looked at twice.

The ranges are those of `credit-card-type` (Braintree, src/lib/card-types.ts, 2026) and of "Payment card
number" in Wikipedia, whichever is wider, but for Maestro below 16 digits: there 50 and 56 to 69 would
take mobile numbers for cards (12 digits of Colombia begin with 57, of the Philippines with 63), so only
what Wikipedia has for Maestro counts.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np

from streamer.arrays import Bytes, Integers
from streamer.compiled import borrowing

__all__ = ["FEWEST", "MOST", "NETWORKS", "card_number", "is_card_number", "may_be_card_number"]

FEWEST, MOST = 12, 19
"""Digits of a card's number, in those that are looked for."""

_MAESTRO: Final = ((5018, 5018), (5020, 5020), (5038, 5038), (5893, 5893), (6304, 6304))
NETWORKS: Final[tuple[tuple[str, tuple[tuple[int, int], ...], tuple[int, ...]], ...]] = (
    ("Visa", ((4000, 4999),), (13, 16, 18, 19)),
    ("Mastercard", ((5100, 5599), (2221, 2720)), (16,)),
    ("American Express", ((3400, 3499), (3700, 3799)), (15,)),
    ("Diners Club", ((3000, 3059), (3095, 3095), (3600, 3699), (3800, 3999)), tuple(range(14, 20))),
    # Discover, RuPay, Troy, UnionPay (62) and what else begins with 6; Maestro, Verve and Elo with 5.
    ("6", ((6000, 6999),), (16, 17, 18, 19)),
    ("Maestro", ((5000, 5099), (5600, 5999)), (16, 17, 18, 19)),
    ("Maestro, short", (*_MAESTRO, (6759, 6759), (6761, 6763)), (12, 13, 14, 15)),
    ("JCB", ((3528, 3589),), (16, 17, 18, 19)),
    ("JCB, 15 digits", ((1800, 1800), (2131, 2131)), (15,)),
    ("UnionPay", ((8100, 8171),), (16, 17, 18, 19)),
    ("RuPay", ((8200, 8299),), (16,)),
    ("Mir", ((2200, 2204),), (16, 17, 18, 19)),
    ("UATP", ((1000, 1999),), (15,)),
    ("Troy", ((9792, 9792),), (16,)),
    ("Napas", ((9704, 9704),), (16, 19)),
    ("UzCard and Humo", ((8600, 8600), (9860, 9860)), (16,)),
)
"""Networks, or several of them: the first four digits from and to, and how many digits there are."""

_PREFIX: Final = 4
_SEPARATORS: Final = frozenset("-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
# Where digits and blanks of other scripts begin in UTF-8, and not the letters of most.
_LEADS: Final = np.isin(np.arange(256), [0xC2, 0xD9, 0xDB, 0xE0, 0xE1, 0xE2, 0xEF])


def _lengths() -> Integers:
    """Return for each first four digits the lengths that count, one bit each, shape (10,000,)."""
    found = np.zeros(10**_PREFIX, np.int64)
    for _, ranges, lengths in NETWORKS:
        for first, last in ranges:
            found[first : last + 1] |= sum(1 << length for length in lengths)
    return found


_LENGTHS: Final = _lengths()
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")


def is_card_number(digits: str) -> bool:
    """Whether ASCII digits, and nothing else, are the number of a payment card.

    >>> [is_card_number(each) for each in ("4111111111111111", "4111111111111112", "0000000000000000")]
    [True, False, False]
    """
    n = len(digits)
    if not FEWEST <= n <= MOST or not _LENGTHS.item(int(digits[:_PREFIX])) >> n & 1:
        return False
    values = digits.encode()
    total = sum(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED)) - n * ord("0")
    return total % 10 == 0


def card_number(text: str) -> str | None:
    """Return the ASCII digits of the card's number that ``text`` is as a whole, or None.

    Blanks and dashes, around digits of any script, and the ``.0`` of a spreadsheet's number are none.

    >>> card_number(" 4111-1111 1111 1111.0"), card_number("c-4111111111111111")
    ('4111111111111111', None)
    """
    if len(text) < FEWEST or text[0].isalpha():
        return None
    if text.isascii() and text.isdecimal():
        return text if is_card_number(text) else None
    whole, point, rest = text.strip().partition(".")
    if point and rest.strip("0"):
        return None
    found = []
    for each in whole:
        if each.isdecimal():
            found.append(each if each.isascii() else str(unicodedata.decimal(each)))
        elif not each.isspace() and each not in _SEPARATORS:
            return None
    digits = "".join(found)
    return digits if is_card_number(digits) else None


@borrowing
def may_be_card_number(text: Bytes, first: int, last: int) -> bool:
    """Whether `card_number` has to be asked about the UTF-8 from ``first`` to ``last``.

    Of plain digits, blanks and dashes this is the answer.  One that begins with a letter costs a look.
    """
    if last - first < FEWEST:
        return False
    n, zero = 0, np.int64(0)
    prefix, even, odd = zero, zero, zero
    is_plain = True
    for at in range(first, last):
        byte = text[at]
        if ord("0") <= byte <= ord("9"):
            digit = np.int64(byte) - ord("0")
            if n < _PREFIX:
                prefix = 10 * prefix + digit
            n += 1
            doubled = 2 * digit - 9 * (digit > 4)
            # Which digits are doubled is known at the end: those at an odd distance from the last.
            if n % 2:
                odd, even = odd + doubled, even + digit
            else:
                odd, even = odd + digit, even + doubled
        elif byte < 0x80:
            if byte == ord(".") or ord("\t") <= byte <= ord("\r"):
                is_plain = False
            elif byte != ord(" ") and byte != ord("-"):
                return False
        elif byte >= 0xC0:
            if not _LEADS[byte]:
                return False
            is_plain = False
    if not is_plain:
        return True
    if n < FEWEST or n > MOST or not _LENGTHS[prefix] >> n & 1:
        return False
    return bool((even if n % 2 else odd) % 10 == 0)
