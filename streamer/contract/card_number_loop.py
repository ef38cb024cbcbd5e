"""Whether a card's id has to be looked at: the loop that reads payments asks it of each.

It ends at a first byte that is no digit, so that ids of other forms cost nothing.  What a number is
stands in `network_numbers`, which is Python: who only looks through texts loads no compiler.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Bytes, Integers
from streamer.compiled import borrowing
from streamer.contract.network_numbers import FEWEST, LENGTHS, MOST, NOTHING, PREFIX

__all__ = ["may_be_card_number"]

# Where a sign begins in UTF-8 that is a digit or nothing; letters of Latin, Cyrillic, Chinese and
# Korean begin elsewhere, but for a few.
_LEADS: Final = bytes.fromhex("c2c3cbcccdcecfd2d4d5d6d7d8d9dbdcdddedfe0e1e2e3e4eaedeeeff0f3")
_ENDS, _DIGIT, _PASSED, _ASK = 0, 1, 2, 3


def _kinds() -> Integers:
    """Return what the compiled loop does about each byte, shape (256,)."""
    kinds = np.zeros(256, np.int64)
    kinds[0x80:0xC0] = _PASSED
    kinds[list(map(ord, NOTHING))] = _PASSED
    kinds[[*_LEADS, *b'.,+eE\\"']] = _ASK
    kinds[list(b"0123456789")] = _DIGIT
    return kinds


_KINDS: Final = _kinds()
_LENGTHS: Final = np.array(LENGTHS, np.int64)


@borrowing
def may_be_card_number(text: Bytes, first: int, last: int) -> bool:
    """Whether `card_number` has to be asked about the UTF-8 from ``first`` to ``last``.

    Of plain digits, blanks and dashes this is the answer.  One that begins with a letter costs a look.
    """
    if last - first < FEWEST:
        return False
    n, zero = 0, np.int64(0)
    prefix, even, odd = zero, zero, zero
    is_plain, is_begun = True, False
    for at in range(first, last):
        byte = text[at]
        kind = _KINDS[byte]
        if kind == _DIGIT:
            digit = np.int64(byte) - ord("0")
            is_begun = True
            if n == 0 and digit == 0:
                continue
            if n < PREFIX:
                prefix = 10 * prefix + digit
            n += 1
            doubled = 2 * digit - 9 * (digit > 4)
            # Which digits are doubled is known at the end: those at an odd distance from the last.
            if n % 2:
                odd, even = odd + doubled, even + digit
            else:
                odd, even = odd + digit, even + doubled
        elif kind == _ASK:
            # An exponent stands behind digits, which may be of another script.
            if (byte == ord("e") or byte == ord("E")) and is_plain and not is_begun:
                return False
            is_plain = False
        elif kind == _ENDS:
            return False
    if not is_plain:
        return True
    if n < FEWEST or n > MOST or not _LENGTHS[prefix] >> n & 1:
        return False
    return bool((even if n % 2 else odd) % 10 == 0)
