"""Numbers of cards for tests, of every network and in the spellings that people send."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st

from streamer.contract.network_numbers import NETWORKS

__all__ = ["NUMBERS", "SPELLINGS", "digits_in", "numbers", "with_check_digit"]


def with_check_digit(digits: str) -> str:
    """Return ``digits`` and the one that makes them pass (Luhn), by the rule of ISO/IEC 7812-1."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value // 10 + value % 10
    return digits + str(-total % 10)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Return numbers of all networks and lengths."""
    _, ranges, lengths = draw(st.sampled_from(NETWORKS))
    first, last = draw(st.sampled_from(ranges))
    n = draw(st.sampled_from(lengths))
    rest = draw(st.integers(0, 10 ** (n - 5) - 1))
    return with_check_digit(f"{draw(st.integers(first, last))}{rest:0{n - 5}d}")


NUMBERS: Final = [
    with_check_digit(f"{ranges[0][0]}{7:0{n - 5}d}") for _, ranges, ns in NETWORKS for n in ns
]
"""One of each network and length."""

SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda number: number,
    "spaces": lambda number: " ".join(re.findall(".{1,4}", number)),
    "dashes": lambda number: "-".join(re.findall(".{1,4}", number)),
    "as on American Express": lambda number: f"{number[:4]} {number[4:10]} {number[10:]}",
    "odd groups": lambda number: f"{number[:2]} - {number[2:9]}-{number[9:]}",
    "dots": lambda number: ".".join(re.findall(".{1,4}", number)),
    "slashes": lambda number: "/".join(re.findall(".{1,4}", number)),
    "apostrophes": lambda number: "'".join(re.findall(".{1,4}", number)),
    "zeros in front": lambda number: f"000{number}",
    "an exponent": lambda number: f"{number[0]}.{number[1:]}E{len(number) - 1}",
    "blanks around": lambda number: f" {number}\t",
    "of a spreadsheet": lambda number: number + ".0",
    "no-break spaces": lambda number: "\u00a0".join(re.findall(".{1,4}", number)),
    "zero width": lambda number: "\u200b".join(number),
    "en dashes": lambda number: "\u2013".join(re.findall(".{1,4}", number)),
    "full width": lambda number: "".join(chr(0xFF10 + int(digit)) for digit in number),
    "Arabic": lambda number: "".join(chr(0x0660 + int(digit)) for digit in number),
    "Devanagari": lambda number: "".join(chr(0x0966 + int(digit)) for digit in number),
}


def digits_in(text: str) -> str:
    """Return all digits of a text, of any script, as ASCII: a number in any spelling is in them."""
    return "".join(str(int(each)) for each in text if each.isdecimal())
