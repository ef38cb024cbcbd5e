"""Names of columns, and texts, as an error or a suggestion may show them.

A table without a header has its first row for one, and that can hold a card number, or what is no text
at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from streamer.contract import card_numbers

__all__ = ["has_card_number", "printable", "shown", "without_numbers"]

# As many digits as no name has, but a card, an account or a moment.
_NUMBER: Final = re.compile(r"\d(?:[ -]?\d){6,}")
# As many digits as a card number has, whatever they say: no name of a field has them.
_CARD: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")
_LONGEST: Final = 40


def shown(names: Iterable[str]) -> str:
    """Return names in a line, numbers and what cannot be printed left out.

    >>> shown(["card", "4929123456781230", "paid\\x00at"])
    'card, ..., paid.at (is the first row a header?)'
    """
    texts = list(names)
    hidden = [_hidden(text) for text in texts]
    has_numbers = any(_NUMBER.search(text) for text in texts)
    return ", ".join(hidden) + (" (is the first row a header?)" if has_numbers else "")


def has_card_number(text: str) -> bool:
    """Whether a text has digits in it that may be a card number.

    >>> has_card_number("REFUND 4929 1234 5678 1230"), has_card_number("2020-01-01T00:00:00Z")
    (True, False)
    """
    return _CARD.search(text) is not None or card_numbers.has_card_number(text)


def printable(text: str) -> str:
    """Return a text that moves no terminal's cursor, or worse.

    >>> printable("c\\x1b[2J1")
    'c.[2J1'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else "." for c in text)


def without_numbers(text: str) -> str:
    """Return a text without what may be card numbers.

    >>> without_numbers("one_of = ['4929123456781230']")
    "one_of = ['...']"
    """
    return card_numbers.without_card_numbers(_CARD.sub("...", text))


def _hidden(text: str) -> str:
    name = printable(card_numbers.without_card_numbers(_NUMBER.sub("...", text)))
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
