"""What programs write where there is nothing: one list, for topics and for files alike.

pandas, R, spreadsheets, databases and languages have a word for a value that is not there, and once
it is text nobody sees that it is one: a thousand payments without a merchant would all be at the
merchant ``NULL``.  An optional field with such a word is left out and counted, a required one refused.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "NOTHING",
    "NO_NAMES",
    "STANDS_FOR_NOTHING",
    "is_no_code",
    "is_nothing",
    "is_there",
]

_WORDS: Final = (
    *"null none nil undefined n/a #n/a <na> nan nat (null) <null> [null] (none) (blank)".split(),
    *"#null! #value! #ref! #div/0! #name? #num!".split(),
)
NOTHING: Final = frozenset(
    spelled for word in _WORDS for spelled in (word, word.upper(), word.capitalize())
) | frozenset(("NaN", "NaT", r"\N", "-", "--", "---", "?"))
"""The words as they are written; no other capitals, so that to look one up is a search in a set."""

NO_NAMES: Final = NOTHING | {"NA"}
"""What names nobody and no way to pay.  As a country NA is Namibia."""

STANDS_FOR_NOTHING: Final = "a word for nothing stands in its place"
"""The hint of a field that is missing so."""


def is_nothing(value: Any) -> bool:
    """Whether a value is a text that says that there is none.

    >>> [is_nothing(value) for value in ("NaN", " null ", r"\\N", "n/a", "NA", "", 0, None)]
    [True, True, True, True, False, False, False, False]
    """
    if type(value) is not str:
        return False
    return value.strip() in NOTHING


def is_there(value: Any) -> bool:
    """Whether there is a value at all."""
    return value is not None and value != "" and not is_nothing(value)


def is_no_code(value: Any) -> bool:
    """Whether a value stands for a code or a number that is not there."""
    return is_nothing(value) or (type(value) is str and value.strip() == "NA")
