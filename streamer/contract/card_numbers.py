"""Card numbers in what people type: they go nowhere."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

__all__ = ["has_card_number", "without_card_numbers"]

_FEWEST, _MOST = 13, 19
_SHOWN: Final = 4
# Groups of digits, of any script's, with what people put between them.
_GROUPS: Final = re.compile(r"\d+(?:[\s./_\u2010-\u2015-]{1,2}\d+)*")


def has_card_number(text: str) -> bool:
    """Whether 13 to 19 digits that follow one another have the check digit of card numbers (Luhn).

    What stands between groups of digits is passed over; each run of whole groups is looked at.

    >>> [has_card_number(each) for each in ("it is 4929 1234-5678 1236!", "4929123456781231")]
    [True, False]
    """
    return any(_is_in_groups(re.findall(r"\d+", run)) for run in _GROUPS.findall(text))


def without_card_numbers(text: str) -> str:
    """Return ``text`` with the digits of what may be a card's number masked, the last four apart.

    >>> without_card_numbers("it is 4929 1234-5678 1236, of 2026")
    'it is **** ****-**** 1236, of 2026'
    """
    return _GROUPS.sub(_masked, text)


def _masked(run: re.Match[str]) -> str:
    found = run[0]
    if not _is_in_groups(re.findall(r"\d+", found)):
        return found
    n_hidden = sum(map(str.isdigit, found)) - _SHOWN
    shown = []
    for each in found:
        is_hidden = each.isdigit() and n_hidden > 0
        n_hidden -= each.isdigit()
        shown.append("*" if is_hidden else each)
    return "".join(shown)


def _is_in_groups(groups: list[str]) -> bool:
    return any(
        _FEWEST <= len(digits) <= _MOST and _is_luhn(digits)
        for first in range(len(groups))
        for digits in accumulate(groups[first : first + _MOST])
    )


def _is_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
