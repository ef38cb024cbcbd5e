"""Names as bytes one behind the other, and 63 bits that stand for a name.

A payment that waits for its label is known by those bits of its transaction id.  Among 100,000 a new
one is mistaken for one of them with a probability of 1e-14: then the later payment takes the place of
the earlier, as it does when an id comes twice.  A card or a merchant is known by those of its own: two
among a million are the same with a probability of 5e-8, and would share what is kept of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Bytes, Integers
from streamer.compiled import borrowing

__all__ = [
    "Texts",
    "add_prints",
    "combine",
    "combined",
    "extend_print",
    "extend_prints",
    "extended",
    "fingerprints",
    "joined",
    "print_of",
]


# Two halves, so that no product has more than 63 bits: beyond these compiled code does as it likes.
_LOW_BITS: Final = 0xFFFF_FFFF
_HIGH_BITS: Final = 0x7FFF_FFFF
# FNV-1a's for 32 bits (Fowler, Noll and Vo), then odd numbers of which little is known to be special.
_LOW_START: Final = 0x811C_9DC5
_LOW_PRIME: Final = 0x0100_0193
_HIGH_START: Final = 0x4BF2_9CE4
_HIGH_FACTOR: Final = 0x3F58_476D
_MIX: Final = 0x2C1B_3C6D


class Texts(NamedTuple):
    """Texts in UTF-8 without anything between them, and the bytes of each (n,)."""

    content: Bytes
    lengths: Integers


def joined(texts: Sequence[str]) -> Texts:
    """Return texts as bytes.

    >>> joined(["ab", "", "é"]).lengths.tolist()
    [2, 0, 2]
    """
    together = "".join(texts)
    content = together.encode()
    # Mostly a byte is a character, and nothing need be encoded twice.
    each = texts if len(content) == len(together) else list(map(str.encode, texts))
    return Texts(np.frombuffer(content, np.uint8), np.fromiter(map(len, each), np.int64, len(each)))


def fingerprints(texts: Sequence[str]) -> Integers:
    """Return the bits that stand for each text, shape (n,); the same in every process."""
    content, lengths = joined(texts)
    prints = np.empty(len(lengths), dtype=np.int64)
    add_prints(content, lengths, prints)
    return prints


def extended(prints: Integers, numbers: Integers) -> Integers:
    """Return what stands for each name together with a number below 2^32, shape (n,); -1 for none.

    Names that differ in one of the two never become the same by it.
    """
    found = np.empty(len(prints), dtype=np.int64)
    extend_prints(prints, numbers, found)
    return found


@borrowing
def add_prints(content: Bytes, lengths: Integers, prints: Integers) -> None:
    """Fill ``prints`` (OUT, n) with what stands for each text."""
    first = 0
    for i in range(len(lengths)):
        last = first + int(lengths[i])
        prints[i] = print_of(content, first, last)
        first = last


@borrowing
def print_of(content: Bytes, first: int, last: int) -> int:
    """Return what stands for the text from ``first`` up to ``last``.

    The low half is FNV-1a, low = (low xor byte) x prime; the high one is fed by it, high = (high xor
    low) x factor, so that texts which come to one low half by different steps rarely share both.  The
    last bits of FNV say little, and a place in a table is chosen by them: they are mixed.
    """
    low, high = _LOW_START, _HIGH_START
    for at in range(first, last):
        low = ((low ^ int(content[at])) * _LOW_PRIME) & _LOW_BITS
        high = ((high ^ (low & _HIGH_BITS)) * _HIGH_FACTOR) & _HIGH_BITS
    low = ((low ^ (low >> 15)) * _MIX) & _LOW_BITS
    return (high << 32) | (low ^ (low >> 12))


@borrowing
def extend_prints(prints: Integers, numbers: Integers, extended: Integers) -> None:
    """Fill ``extended`` (OUT, n) with what stands for each name and number; what is none stays none."""
    for i in range(len(prints)):
        extended[i] = extend_print(prints[i], numbers[i]) if prints[i] >= 0 else prints[i]


@borrowing
def extend_print(known: int, number: int) -> int:
    """Return what stands for a name and a number: one step more of what `add_prints` does."""
    low, high = known & _LOW_BITS, known >> 32
    low = ((low ^ (number + 1)) * _LOW_PRIME) & _LOW_BITS
    high = ((high ^ (low & _HIGH_BITS)) * _HIGH_FACTOR) & _HIGH_BITS
    return (high << 32) | (low ^ (low >> 15))


@borrowing
def combine(prints: Integers, others: Integers, both: Integers) -> None:
    """Fill ``both`` (OUT, n) with what stands for two names each."""
    for i in range(len(prints)):
        both[i] = combined(prints[i], others[i])


@borrowing
def combined(known: int, other: int) -> int:
    """Return what stands for two names: two more steps of what `print_of` does."""
    low, high = known & _LOW_BITS, known >> 32
    for part in (other & _LOW_BITS, other >> 32):
        low = ((low ^ part) * _LOW_PRIME) & _LOW_BITS
        high = ((high ^ (low & _HIGH_BITS)) * _HIGH_FACTOR) & _HIGH_BITS
    return (high << 32) | (low ^ (low >> 15))
