"""Names of columns as an error may show them.

A table without a header has its first row for one, and that can hold a card number, or what is no text
at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["shown"]

# As many digits as no name has, but a card, an account or a moment.
_NUMBER: Final = re.compile(r"\d(?:[ -]?\d){6,}")
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


def _hidden(text: str) -> str:
    printable = "".join(c if c.isprintable() else "." for c in _NUMBER.sub("...", text))
    return printable if len(printable) <= _LONGEST else f"{printable[:_LONGEST]}..."
