"""Which field would stand for the card where none is called so, as ``intake suggest`` takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamer.intake.guess.field_paths import choose_fields
from streamer.intake.leaves import leaves_of, path_text
from streamer.intake.naming import without_numbers

__all__ = ["card_candidate"]

# Looking at a row costs milliseconds; ids show what they are in a few.
_LOOKED_AT: Final = 200


def card_candidate(rows: Sequence[Any]) -> str | None:
    """Return the path of the field that may name the card in ``rows``, None where none does.

    >>> rows = [{"customer_id": f"c{i % 7}", "amount": 1.5 + i} for i in range(30)]
    >>> card_candidate(rows)
    'customer_id'
    """
    objects = [row for row in rows[:_LOOKED_AT] if isinstance(row, Mapping)]
    choice = choose_fields(leaves_of(objects)).get("card_id") if objects else None
    if choice is None:
        return None
    path = path_text(choice.paths[0])
    # A name may be a card's number, in a file of somebody's own.
    return path if path == without_numbers(path) else None
