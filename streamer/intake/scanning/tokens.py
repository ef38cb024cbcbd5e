"""Where the tokens of a JSON text end: a subset of what the decoder takes, and nothing beyond it.

`NONE` is returned for whatever is not of that subset.  No string has a backslash, for such a text would
have to be written anew, nor a byte below a blank; a number has at most 18 digits and an exponent of at
most 22, so that it can be read exactly (`decimals`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Bytes
from streamer.compiled import borrowing

__all__ = [
    "NONE",
    "Bytes",
    "behind_blanks",
    "end_of_string",
    "end_of_value",
]


NONE: Final = -1

# How many bytes the character has that begins with each byte; 0 for those that begin none in a string
# of this subset: control characters, quote, backslash, and what UTF-8 has not or has further on.
_N_BYTES: Final = np.select(
    [
        np.isin(np.arange(256), (*range(ord(" ")), ord('"'), ord("\\"))),
        *(np.arange(256) < beyond for beyond in (0x80, 0xC2, 0xE0, 0xF0, 0xF5)),
    ],
    [0, 1, 0, 2, 3, 4],
).astype(np.uint8)
_MOST_DIGITS: Final = 18


@borrowing
def behind_blanks(text: Bytes, at: int, end: int) -> int:
    """Return where the next token begins, ``end`` where there is none."""
    while at < end and (
        text[at] == ord(" ")
        or text[at] == ord("\n")
        or text[at] == ord("\r")
        or text[at] == ord("\t")
    ):
        at += 1
    return at


@borrowing
def end_of_value(text: Bytes, at: int, end: int) -> int:
    """Return what lies behind the string, number or word at ``at``."""
    first = text[at]
    if first == ord('"'):
        return end_of_string(text, at, end)
    if first == ord("n"):
        return _end_of_word(text, at, end, b"null")
    if first == ord("t"):
        return _end_of_word(text, at, end, b"true")
    if first == ord("f"):
        return _end_of_word(text, at, end, b"false")
    return end_of_number(text, at, end)


@borrowing
def end_of_string(text: Bytes, at: int, end: int) -> int:
    """Return what lies behind the quote that ends the string which begins with one at ``at``."""
    at += 1
    while at < end:
        while at < end and _N_BYTES[text[at]] == 1:
            at += 1
        if at == end or _N_BYTES[text[at]] == 0:
            break
        behind = at + int(_N_BYTES[text[at]])
        if not _is_character(text, at, behind, end):
            break
        at = behind
    return at + 1 if at < end and text[at] == ord('"') else NONE


@borrowing
def _is_character(text: Bytes, at: int, behind: int, end: int) -> bool:
    """Whether the bytes at ``at`` are one character of UTF-8, in its shortest form (RFC 3629)."""
    if behind == at or behind > end:
        return False
    first, second = text[at], text[at + 1]
    lowest = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
    highest = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
    if not lowest <= second <= highest:
        return False
    further = at + 2
    while further < behind and text[further] & 0xC0 == 0x80:
        further += 1
    return further == behind


@borrowing
def end_of_number(text: Bytes, at: int, end: int) -> int:
    """Return what lies behind the number at ``at``: ``-12.5e-3``, no zero before another digit."""
    if text[at] == ord("-"):
        at += 1
    first = at
    at = _behind_digits(text, at, end)
    n_digits = at - first
    if n_digits == 0 or (n_digits > 1 and text[first] == ord("0")):
        return NONE
    if at < end and text[at] == ord("."):
        first = at + 1
        at = _behind_digits(text, first, end)
        if at == first:
            return NONE
        n_digits += at - first
    if n_digits > _MOST_DIGITS:
        return NONE
    if at < end and (text[at] == ord("e") or text[at] == ord("E")):
        at += 1
        if at < end and (text[at] == ord("+") or text[at] == ord("-")):
            at += 1
        first = at
        at = _behind_digits(text, first, end)
        if not 1 <= at - first <= 2:
            return NONE
    return at


@borrowing
def _behind_digits(text: Bytes, at: int, end: int) -> int:
    while at < end and ord("0") <= text[at] <= ord("9"):
        at += 1
    return at


@borrowing
def _end_of_word(text: Bytes, at: int, end: int, word: bytes) -> int:
    if end - at < len(word):
        return NONE
    for i in range(len(word)):
        if text[at + i] != word[i]:
            return NONE
    return at + len(word)
