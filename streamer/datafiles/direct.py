"""Takes rows whose cells are the contract's already straight into transactions, in one call of msgspec.

The intake's mapping goes field by field in Python and costs several times as much.  Which declarations
leave it nothing to do is settled once: names, constants and defaults, and no more.  A row that is not
plainly right is not taken here: the intake says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streamer.contract.messages import Transaction
from streamer.datafiles.declared import TRANSACTION_FIELDS
from streamer.intake import Declaration
from streamer.intake.declaration import Field
from streamer.intake.fields import NO_IDS, identifier_of_cell, is_minus_zero
from streamer.intake.readings import Fault

__all__ = ["DirectRows"]

_AS_READ: Final = frozenset({"path", "separator", "constant", "default", "position"})
# What says nothing of a number or a text with an offset.
_HARMLESS: Final[dict[str, frozenset[Any]]] = {
    "unit": frozenset({None, "major"}),
    "decimal": frozenset({None, "."}),
    "negative": frozenset({"refund"}),
}
_NULLS: Final = ("country", "latitude", "longitude")


def _is_id(text: str) -> bool:
    """Whether a text of the contract's length is an id as it stands; most are told at once."""
    if (
        "+" not in text
        and text not in NO_IDS
        and text[0] > " "
        and text.isascii()
        and not text.endswith(".0")
    ):
        return True
    try:
        return identifier_of_cell(text) == text
    except Fault:
        return False


class DirectRows:
    """Knows the column of each field."""

    def __init__(self, declaration: Declaration, header: Sequence[str]) -> None:
        self._base: dict[str, Any] = {}
        self._columns: list[tuple[str, str]] = []
        self._positions: list[str] = []
        for name in TRANSACTION_FIELDS:
            field: Field = getattr(declaration, name)
            if field.position:
                self._positions.append(name)
                continue
            value = field.constant if field.constant is not None else field.default
            if value is not None:
                self._base[name] = value
            column = field.path[0] if field.path else name
            if field.constant is None and column in header:
                self._columns.append((name, column))
        is_same = all(name == column for name, column in self._columns)
        self._is_as_named = is_same and not self._base and not self._positions

    @classmethod
    def of(cls, declaration: Declaration, header: Sequence[str]) -> DirectRows | None:
        """Return the object for a declaration that only says where fields are, None for others."""
        if declaration.only or declaration.skip or declaration.decline or declaration.refund:
            return None
        for name in TRANSACTION_FIELDS:
            field = getattr(declaration, name)
            if len(field.path) > 1 or (field.path and field.path[0] not in header):
                return None
            for entry in field.__struct_fields__:
                value = getattr(field, entry)
                if entry in _AS_READ or entry == "zone" or not value:
                    continue
                if value not in _HARMLESS.get(entry, ()):
                    return None
        return cls(declaration, header)

    def transaction(self, row: dict[str, Any], position: str) -> Transaction | None:
        """Return the transaction of a row, None where there is more to be said of it."""
        if self._is_as_named:
            values = row
        else:
            values = dict(self._base)
            for name, column in self._columns:
                value = row.get(column)
                if value is not None and value != "":
                    values[name] = value
            for name in self._positions:
                values[name] = position
        moment = values.get("timestamp")
        # msgspec would take a number for seconds, whatever it counts.
        if type(moment) is not str or moment[4:5] != "-":
            return None
        try:
            found = msgspec.convert(values, Transaction, strict=False)
        except msgspec.ValidationError:
            return None
        if not (
            _is_id(found.transaction_id)
            and _is_id(found.card_id)
            and (found.merchant_id is None or _is_id(found.merchant_id))
            and found.channel not in NO_IDS
        ):
            return None
        # It takes the word null for none, and the intake says that it cannot be used.
        for name in _NULLS:
            if name in values and getattr(found, name) is None and values[name] is not None:
                return None
        if is_minus_zero(found.amount):
            return None
        return None if found.latitude == 0.0 and found.longitude == 0.0 else found
