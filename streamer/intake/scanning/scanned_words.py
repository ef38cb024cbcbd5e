"""Which field a name is, which code is in its list, and which text may be no name at all.

A short text is held against a list by its length and its first and last seven bytes, as two whole
numbers: up to fourteen bytes these are the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Integers
from streamer.compiled import borrowing
from streamer.contract.codes import COUNTRIES, CURRENCIES
from streamer.contract.messages import Transaction
from streamer.intake.envelopes import EVENT_NAMES, MARKS
from streamer.intake.nothing import NO_NAMES
from streamer.intake.scanning.tokens import Bytes

__all__ = [
    "FIELDS",
    "TELLING",
    "UNKNOWN",
    "category_at",
    "country_at",
    "currency_at",
    "field_at",
    "is_remote",
    "may_be_none",
    "n_characters",
]

FIELDS: Final = Transaction.__struct_fields__
# Beyond the fields: a name that may tell what happened to a payment, and any other.
TELLING: Final = len(FIELDS)
UNKNOWN: Final = TELLING + 1

_PART: Final = 7
_N_LETTERS: Final = 26


def _keys(words: Iterable[str]) -> Integers:
    """Return length, first and last bytes of words as numbers, shape (n, 3)."""
    texts = [word.encode() for word in words]
    return np.array(
        [
            (len(text), int.from_bytes(text[:_PART], "big"), int.from_bytes(text[-_PART:], "big"))
            for text in texts
        ],
        dtype=np.int64,
    )


def _currencies() -> NDArray[np.int16]:
    """Return the index of each currency at the number that its letters are, -1 for any other."""
    found = np.full(_N_LETTERS**3, -1, dtype=np.int16)
    for index, code in enumerate(CURRENCIES):
        one, two, three = (ord(letter) - ord("A") for letter in code)
        found[(one * _N_LETTERS + two) * _N_LETTERS + three] = index
    return found


def _countries() -> Flags:
    found = np.zeros(_N_LETTERS**2, dtype=np.bool_)
    for code in COUNTRIES:
        one, two = (ord(letter) - ord("A") for letter in code)
        found[one * _N_LETTERS + two] = True
    return found


# A word's place is its number: those of the fields, then what tells.
_NAMES: Final = _keys((*FIELDS, *sorted(MARKS | EVENT_NAMES)))
_NONE: Final = _keys(sorted(NO_NAMES))
_LONGEST_NONE: Final = int(_NONE[:, 0].max())
_MAY_BEGIN_NONE: Final = np.isin(np.arange(256), [ord(word[0]) for word in NO_NAMES])
_CURRENCIES: Final = _currencies()
_COUNTRIES: Final = _countries()
_REMOTE: Final = _keys(("ecommerce", "moto"))


@borrowing
def field_at(text: Bytes, first: int, last: int, guess: int) -> int:
    """Return the number of the field whose name stands there, `TELLING`, or `UNKNOWN`; it is found
    fastest if it is ``guess`` or one behind it."""
    place = _place_in(text, first, last, _NAMES, guess)
    return UNKNOWN if place < 0 else min(place, TELLING)


@borrowing
def may_be_none(text: Bytes, first: int, last: int) -> bool:
    """Whether a text may be no name: a word for nothing, blanks, or a number with a plus in it."""
    n_pluses = 0
    for at in range(first, last):
        n_pluses += text[at] == ord("+")
    is_short = last - first <= _LONGEST_NONE and _MAY_BEGIN_NONE[text[first]]
    return (
        n_pluses > 0
        or text[first] == ord(" ")
        or (is_short and _place_in(text, first, last, _NONE, 0) >= 0)
    )


@borrowing
def is_remote(text: Bytes, first: int, last: int) -> bool:
    """Whether a channel is one at which the card is not where the shop is."""
    return _place_in(text, first, last, _REMOTE, 0) >= 0


@borrowing
def n_characters(text: Bytes, first: int, last: int) -> int:
    """Return how many characters bytes are, which are UTF-8."""
    n = 0
    for at in range(first, last):
        n += (text[at] & 0xC0) != 0x80
    return n


@borrowing
def currency_at(text: Bytes, first: int, last: int) -> int:
    """Return the index of a currency, -1 for what is none."""
    number = _letters(text, first, last) if last - first == 3 else -1
    return int(_CURRENCIES[number]) if number >= 0 else -1


@borrowing
def country_at(text: Bytes, first: int, last: int) -> int:
    """Return the number that identifies a country (`Columns`), -1 for what is none."""
    number = _letters(text, first, last) if last - first == 2 else -1
    if number < 0 or not _COUNTRIES[number]:
        return -1
    return int(text[first]) * 256 + int(text[first + 1])


@borrowing
def category_at(text: Bytes, first: int, last: int) -> int:
    """Return the number of a category of four digits, -1 for what is none."""
    if last - first != 4:
        return -1
    number = 0
    for at in range(first, last):
        digit = int(text[at]) - ord("0")
        if not 0 <= digit <= 9:
            return -1
        number = number * 10 + digit
    return number


@borrowing
def _letters(text: Bytes, first: int, last: int) -> int:
    number = 0
    for at in range(first, last):
        letter = int(text[at]) - ord("A")
        if not 0 <= letter < _N_LETTERS:
            return -1
        number = number * _N_LETTERS + letter
    return number


@borrowing
def _place_in(text: Bytes, first: int, last: int, keys: Integers, guess: int) -> int:
    """Return where a text stands in a list, -1 if it does not; of more than 14 bytes, if it may.

    The search begins at ``guess``.
    """
    n = last - first
    head, tail = 0, 0
    for at in range(first, min(first + _PART, last)):
        head = head << 8 | int(text[at])
    for at in range(max(last - _PART, first), last):
        tail = tail << 8 | int(text[at])
    place = guess
    for _ in range(len(keys)):
        if keys[place, 1] == head and keys[place, 2] == tail and keys[place, 0] == n:
            return place
        place += 1
        if place == len(keys):
            place = 0
    return -1
