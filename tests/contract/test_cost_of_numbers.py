"""To look for cards' numbers takes as much longer as a text is longer, whatever stands in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import thread_time

import pytest

from streamer.contract.card_numbers import without_card_numbers
from streamer.contract.card_rule import REFUSED
from streamer.contract.network_numbers import card_number

SHORT, LONG = 50_000, 400_000
MOST_TIMES, MOST_S = 12, 2.0
DRAWN = random.Random(76)

# Repeated to the length that is wanted, behind what has enough digits to be looked through.
REPEATED = {
    "backslashes": "\\",
    "backslashes and an end": "\\" * 999 + "u00",
    "halves of signs": "\\ud835",
    "halves before backslashes": "\\ud835" + "\\" * 999,
    "escapes": "\\u0034",
    "pairs": "\\ud835\\udfd2",
    "escapes behind many backslashes": "\\" * 500 + "x34",
    "letters of escapes": "\\n\\t\\r",
    "zeros": "0",
    "zeros in groups": "0 ",
    "NULs": "\0",
    "zeros between NULs": "\0" + "0" * 1_000,
    "ones between NULs": "\0" + "1" * 1_000,
    "sixes between NULs": "\0" + "6060" * 250,
    "digits": "4929",
    "digits that are no number": "60",
    **{f"digits with {each!r}": f"4{each}" for each in " ./'_-,:"},
    **{f"groups of four with {each!r}": f"4929{each}" for each in " .-,"},
    "groups with three signs": "49--/",
    "groups with four signs": "49----",
    "numbers in groups": "4929 1234 5678 1236 ",
    "numbers": "4929123456781236,",
    "no numbers": "4929123456781237,",
    "digests": "a3f" + "0" * 61 + "g ",
    "one long word": "a0",
    "percent escapes": "%34",
    "entities": "&#52;",
    "powers": "1e1 ",
    "fractions": "1234567890123456789.123456789012345678x",
    "commas": "1,",
    "points": "1.",
    "full-width digits": "\uff14",
    "Arabic digits": "\u0664 ",
    "signs of two digits": "\u246f",
    "unseen signs": "4\u200b",
    "marks in the wrong order": "\u0301\u0316",
    "numerals": "\u56db",
    "blanks": "  4",
    "lines": "4\n\n",
    "quotes and braces": '{"4":[4,"',
}
# A text of ten kilobytes again and again, so that both lengths have the same.
ANY = "".join(DRAWN.choices("0014\\ux. -/'\0\x1b%&#;e\uff14\u200b\u0301", k=10_000))
LOOKED_THROUGH: dict[str, Callable[[str], object]] = {
    "a text": without_card_numbers,
    "bytes": lambda text: REFUSED.without_numbers(text.encode(errors="replace")),
    "an id": card_number,
}


def taken(look: Callable[[str], object], text: str) -> float:
    """Return the processor time of this thread, in seconds."""
    began = thread_time()
    look(text)
    return thread_time() - began


CASES = [
    *((part, "a text") for part in [*REPEATED, "at random"]),
    # The same of bytes, where it is not all that a text is.
    *((part, "bytes") for part in [*REPEATED, "at random"] if " with " not in part),
    *((part, "an id") for part in ("NULs", "unseen signs", "marks in the wrong order")),
]


@pytest.mark.parametrize(("part", "what"), CASES)
def test_eight_times_the_text_takes_about_eight_times_as_long(part: str, what: str) -> None:
    """What looks back from every place takes 64 times as long.  The best of three of each counts."""
    repeated, look = REPEATED.get(part, ANY), LOOKED_THROUGH[what]
    short, long = ("123456\u200b 123456 " + repeated * (n // len(repeated)) for n in (SHORT, LONG))
    least_short, least_long = float("inf"), float("inf")
    for _ in range(3):
        least_short = min(least_short, taken(look, short))
        assert least_short < MOST_S, "so long that nobody can wait for the longer one"
        least_long = min(least_long, taken(look, long))
        # What takes less than 0.1 ms is not told from what the clock does.
        if least_long <= MOST_TIMES * max(least_short, 0.000_1):
            return
    pytest.fail(f"{SHORT:,} took {least_short:.4f} s, {LONG:,} took {least_long:.4f} s")
