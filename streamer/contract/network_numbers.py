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

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

__all__ = [
    "FEWEST",
    "LENGTHS",
    "MOST",
    "NETWORKS",
    "NOTHING",
    "PREFIX",
    "card_number",
    "is_card_number",
]

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

PREFIX: Final = 4
"""First digits that tell a network."""
NOTHING: Final = frozenset(" -/'\"`\\_\x7f").union(map(chr, range(32)))
"""What stands between or around the digits of a number; other signs of ASCII make another id of it."""
# A longer text is a number only where it is of digits alone; an id has 128 letters at most.
_LONGEST: Final = 256
# The number as a program writes one that it took for a fraction, after `_spelled`.
_FRACTION: Final = re.compile(r"([0-9]+)(?:\.([0-9]*))?(?:[eE]\+?([0-9]{1,2}))?")


def _lengths() -> tuple[int, ...]:
    found = [0] * 10**PREFIX
    for _, ranges, lengths in NETWORKS:
        for first, last in ranges:
            for each in range(first, last + 1):
                found[each] |= sum(1 << length for length in lengths)
    return tuple(found)


LENGTHS: Final = _lengths()
"""For each first four digits the lengths that count, one bit each."""
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")


def is_card_number(digits: str) -> bool:
    """Whether ASCII digits, and nothing else, are the number of a payment card.

    >>> [is_card_number(each) for each in ("4111111111111111", "4111111111111112", "0000000000000000")]
    [True, False, False]
    """
    n = len(digits)
    if not FEWEST <= n <= MOST or not LENGTHS[int(digits[:PREFIX])] >> n & 1:
        return False
    values = digits.encode()
    total = sum(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED)) - n * ord("0")
    return total % 10 == 0


def card_number(text: str) -> str | None:
    """Return the ASCII digits of the card's number that ``text`` is as a whole, or None.

    Its digits may be of any script, with zeros in front, blanks, dashes, dots, slashes, apostrophes and
    signs that nobody sees between them, or be written as a fraction or with an exponent.

    >>> card_number(" 4111-1111 1111 1111.0"), card_number("4.111111111111111E15")
    ('4111111111111111', '4111111111111111')
    >>> card_number("0004111111111111111"), card_number("c-4111111111111111")
    ('4111111111111111', None)
    """
    if len(text) < FEWEST or text[0].isalpha():
        return None
    is_plain = text.isascii() and text.isdecimal()
    if len(text) > _LONGEST and not is_plain:
        return None
    for digits in (text,) if is_plain else _readings(text):
        stripped = digits.lstrip("0")
        if is_card_number(stripped):
            return stripped
    return None


def _readings(text: str) -> Iterator[str]:
    """Yield the digits that a text may be."""
    spelled = _spelled(text)
    if spelled is None:
        return
    fraction = _FRACTION.fullmatch(spelled)
    if fraction is not None:
        whole, part, power = fraction.groups("")
        part, n = part.rstrip("0"), int(power or 0)
        if len(part) <= n:
            yield whole + part.ljust(n, "0")
    digits = spelled.replace(".", "")
    if digits.isdecimal():
        yield digits


def _spelled(text: str) -> str | None:
    """Return a text as ASCII digits, points and the signs of an exponent, None where more is there."""
    found = []
    for each in text if text.isascii() else unicodedata.normalize("NFKC", text):
        if each.isdigit():
            found.append(each if each.isascii() else str(unicodedata.digit(each)))
        elif each in ".,":
            found.append(".")
        elif each in "+eE":
            found.append(each)
        elif each.isascii():
            if each not in NOTHING:
                return None
        elif unicodedata.category(each)[0] in "LN":
            return None
    return "".join(found)
