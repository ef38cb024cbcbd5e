"""Cards' numbers in texts that people type, see, or find in a log: there are none.

`streamer.contract.network_numbers` says what a number is and `number_runs` where one stands in bytes.
A text can have digits of any script, signs that nobody sees and escapes, of JSON or a program's: it is
read as the ASCII that it amounts to, and what is found there is starred where it came from.  No key is
needed: nothing that is shown tells one number from another.

A point alone between two groups makes a fraction of them, unless they are the whole text; within a
longer word of digits there is no number.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache
from typing import Final

from streamer.contract.network_numbers import FEWEST, card_number
from streamer.contract.number_runs import starred

__all__ = ["has_card_number", "without_card_numbers"]

# Texts that are their own reading: ASCII that can be printed, one blank at a time, and no escapes.
_AS_IT_IS: Final = re.compile(r"(?:[!-\[\]-_a-~]| (?! ))*")
_PASSED_OVER: Final = frozenset("\\`\x7f")
_PART: Final = re.compile(
    r"(?P<plain>[!-\[\]-_a-~]+)"
    r"|\\+u[dD][89abAB][0-9a-fA-F]{2}\\+u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|[fnrtv])|.",
    re.DOTALL,
)
_OTHERS: Final = re.compile(r"[^0-9]+")
_DIGITS: Final = re.compile(r"[uxU]([0-9a-fA-F]+)")
# A longer text is no number as a whole, whatever stands between its digits.
_LONGEST: Final = 100

_Place = tuple[int, int]


def has_card_number(text: str) -> bool:
    """Whether a card's number stands in ``text``, in any spelling.

    >>> [has_card_number(each) for each in ("it is 4929 1234-5678 1236!", "4929123456781231")]
    [True, False]
    """
    return without_card_numbers(text) != text


def without_card_numbers(text: str) -> str:
    """Return ``text`` with a star for each digit of a card's number.

    >>> without_card_numbers("it is 4929 1234-5678 1236, of 2026")
    'it is **** ****-**** ****, of 2026'
    """
    # A sign can stand for two digits.
    n_digits = len(_OTHERS.sub("", text)) if text.isascii() else 2 * sum(map(str.isnumeric, text))
    if n_digits < FEWEST:
        return text
    if len(text) <= _LONGEST and card_number(text) is not None:
        return "".join("*" if each.isnumeric() else each for each in text)
    if _AS_IT_IS.fullmatch(text):
        return starred(text.encode())[0].decode()
    plain, places = _plain(text)
    found = starred(plain.encode())[0].decode()
    hidden = {at for at, before, after in zip(places, plain, found, strict=True) if before != after}
    return _without(text, sorted(hidden)) if hidden else text


def _plain(text: str) -> tuple[str, list[_Place]]:
    """Return a text in ASCII, one blank for several, and where in it each of its signs comes from."""
    parts: list[str] = []
    places: list[_Place] = []
    for found in _PART.finditer(text):
        first, last = found.span()
        if found["plain"] is not None:
            parts.append(found[0])
            places += zip(range(first, last), range(first + 1, last + 1), strict=True)
            continue
        told = _told(found[0])
        if told != " " or parts[-1:] != [" "]:
            parts.append(told)
            places += [(first, last)] * len(told)
    return "".join(parts), places


@lru_cache(4_096)
def _told(part: str) -> str:
    """Return what a sign, an escape, or two of them that are one sign, are in ASCII."""
    if len(part) > 1:
        codes = [int(each, 16) for each in _DIGITS.findall(part)]
        if not codes or max(codes) > sys.maxunicode:
            return " "
        # Halves of a sign become one.
        told = "".join(map(chr, codes)).encode("utf-16-le", "surrogatepass")
        part = told.decode("utf-16-le", "replace")
    return "".join(map(_ascii_of, unicodedata.normalize("NFKC", part)))


def _ascii_of(sign: str) -> str:
    if sign.isdigit():
        return sign if sign.isascii() else str(unicodedata.digit(sign))
    if sign.isascii():
        return " " if sign < " " or sign in _PASSED_OVER else sign
    return "?" if unicodedata.category(sign)[0] in "LN" else " "


def _without(text: str, places: list[_Place]) -> str:
    parts, end = [], 0
    for first, last in places:
        parts += [text[end:first], "*"]
        end = last
    return "".join([*parts, text[end:]])
