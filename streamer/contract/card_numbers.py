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

__all__ = ["cost_of", "has_card_number", "without_card_numbers"]

# Texts that are their own reading: ASCII that can be printed, one blank at a time, and no escapes.
_AS_IT_IS: Final = re.compile(r"(?:[!-\[\]-_a-~]++| (?! ))*+")
_PASSED_OVER: Final = frozenset("\\`\x7f")
# Each alternative takes all that it looked at, so that a text is looked through once: a run of
# backslashes is one part whether an escape follows or not.
_PART: Final = re.compile(
    r"(?P<plain>[!-\[\]-_a-~]++)"
    r"|(?P<blank>[\x00- `\x7f]++)"
    r"|\\++(?:u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\++u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<code>u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8})|[fnrtv]|)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_OTHERS: Final = re.compile(r"[^0-9]+")
# A longer text is no number as a whole, whatever stands between its digits.
_LONGEST: Final = 100

# What it is in ASCII, and from where to where it stands in the text.
_Part = tuple[str, int, int]


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
    parts = _parts(text)
    plain = "".join(told for told, _, _ in parts)
    found = starred(plain.encode())[0].decode()
    return text if found == plain else _without(text, parts, found)


def cost_of(text: str) -> int:
    """Return how many signs of ``text`` have to be looked at one by one: its digits, or all of them.

    >>> cost_of("4929 and 1"), cost_of("4929\\n"), cost_of("\u0664 ")
    (5, 5, 2)
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return len(_OTHERS.sub("", text))
    return len(text)


def _parts(text: str) -> list[_Part]:
    """Return a text in ASCII, one blank for several, by its parts and where they come from."""
    parts: list[_Part] = []
    is_behind_blank = False
    for found in _PART.finditer(text):
        kind = found.lastgroup
        if kind == "plain":
            told = found[0]
        elif kind == "sign":
            told = _told(found[0])
        elif kind == "code":
            told = _told(_sign(found["code"]))
        elif kind == "low":
            # Halves of a sign become one.
            pair = chr(int(found["high"], 16)) + chr(int(found["low"], 16))
            told = _told(pair.encode("utf-16-le", "surrogatepass").decode("utf-16-le"))
        else:
            told = " "
        if told != " " or not is_behind_blank:
            parts.append((told, *found.span()))
        is_behind_blank = told == " "
    return parts


def _sign(code: str) -> str:
    """Return what an escape stands for, a blank where that is no sign."""
    number = int(code[1:], 16)
    return " " if number > sys.maxunicode or 0xD800 <= number < 0xE000 else chr(number)


@lru_cache(4_096)
def _told(sign: str) -> str:
    """Return what a sign is in ASCII."""
    return "".join(map(_ascii_of, unicodedata.normalize("NFKC", sign)))


def _ascii_of(sign: str) -> str:
    if sign.isdigit():
        return sign if sign.isascii() else str(unicodedata.digit(sign))
    if sign.isascii():
        return " " if sign < " " or sign in _PASSED_OVER else sign
    return "?" if unicodedata.category(sign)[0] in "LN" else " "


def _without(text: str, parts: list[_Part], found: str) -> str:
    """Return a text with a star for each sign whose part is changed in ``found``."""
    told, at, end = [], 0, 0
    for part, first, last in parts:
        shown = found[at : at + len(part)]
        at += len(part)
        if shown == part:
            continue
        # What is plain is as long as it was; of a sign all digits are one star.
        told += [text[end:first], shown if len(part) == last - first else "*"]
        end = last
    return "".join([*told, text[end:]])
