"""Says what the columns of a table without a header hold, and which field each may be, by its cells.

No cell is repeated: a column of sixteen digits may be the numbers of cards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from streamer.contract.codes import COUNTRIES, CURRENCIES

__all__ = ["kinds_of"]

_CARD: Final = range(12, 20)
_EPOCHS: Final = (10, 13)
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_AMOUNT: Final = re.compile(r"[^\d]{0,3}-?\d[\d.,' ]*[.,]\d{1,3}\D{0,4}", re.ASCII)
_TIME: Final = re.compile(r"\d{4}[-/.]?\d\d[-/.]?\d\d.*|\d\d?[./-]\d\d?[./-]\d{2,4}.*", re.ASCII)


def kinds_of(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a sentence for each column.

    >>> kinds_of(["column-1", "column-2"], [["4929123456781230", "12.00"]])
    ['column-1: 16 digits; card_id = "column-1"?', 'column-2: fractions; amount = "column-2"?']
    """
    found = []
    for place, name in enumerate(names):
        cells = {row[place] for row in rows if row[place]}
        what, field = _kind(cells)
        found.append(f"{name}: {what}" + (f'; {field} = "{name}"?' if field else ""))
    return found


def _kind(cells: set[str]) -> tuple[str, str]:
    """Return what cells have in common, and the field that they may be."""
    if not cells:
        return "empty", ""
    lengths = {len(cell) for cell in cells}
    size = f"{min(lengths)}" if len(lengths) == 1 else f"{min(lengths)} to {max(lengths)}"
    if all(map(_DIGITS.fullmatch, cells)):
        if lengths == {4}:
            return "4 digits", "mcc"
        if lengths <= set(_EPOCHS) and min(cells) > "1":
            return f"{size} digits", "timestamp"
        return f"{size} digits", "card_id" if lengths <= set(_CARD) else "transaction_id"
    if all(map(_TIME.fullmatch, cells)):
        return "dates or times", "timestamp"
    if all(map(_AMOUNT.fullmatch, cells)):
        return "fractions", "amount"
    if cells <= set(CURRENCIES):
        return "currencies", "currency"
    if cells <= set(COUNTRIES):
        return "countries", "country"
    return f"texts of {size} characters", ""
