"""Reads the rows of a table by a declaration: what CSV and Parquet have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from streamer.contract.messages import Transaction
from streamer.datafiles.declared import (
    LABEL_FIELDS,
    TRANSACTION_FIELDS,
    columns_of,
    for_rows,
    label_field,
    label_getter,
    refuse_duplicates,
    require_columns,
)
from streamer.datafiles.direct import DirectRows
from streamer.datafiles.substitutes import Substitutes
from streamer.datafiles.zoneless import Zoneless
from streamer.intake import Declaration, Intake, Payment, Reading
from streamer.intake.declaration import Rule
from streamer.intake.nothing import is_no_code

__all__ = ["NUMBERS", "RowReader"]

NUMBERS: Final = ("amount", "latitude", "longitude")
# A number is a code or a wrong one, but no name.
_NUMBER: Final = re.compile(r"[0-9]+(\.0+)?")


class RowReader:
    """Knows which columns of a table matter, and makes readings and labels of its rows.

    ``columns`` says from which column a field comes; ``needed`` are all that are looked at.
    """

    def __init__(
        self,
        declaration: Declaration,
        header: Sequence[str],
        file_name: str,
        substitutes: Substitutes,
        *,
        is_lenient: bool = False,
    ) -> None:
        refuse_duplicates(header, file_name)
        missing = require_columns(declaration, header, file_name, is_lenient=is_lenient)
        substitutes.fields.update(missing)
        self._substitutes = substitutes
        self._zoneless = Zoneless(declaration, file_name)
        declaration = for_rows(declaration, missing)
        self._declaration = declaration
        self._intake = Intake(declaration)
        self._direct = DirectRows.of(declaration, header)
        self.columns: dict[str, str] = {}
        self._get: dict[str, Callable[[Any], Any]] = {}
        mentioned = {path for rule in _rules(declaration) for path in rule.path}
        for name in (*TRANSACTION_FIELDS, *LABEL_FIELDS):
            is_label = name in LABEL_FIELDS
            field = label_field(declaration, name) if is_label else getattr(declaration, name)
            found = columns_of(name, field, header)
            mentioned.update(found)
            if found:
                self.columns[name] = found[0]
                if is_label:
                    self._get[name] = label_getter(name, field, is_rows=True)
        self.needed = [c for c in header if c in mentioned or c in TRANSACTION_FIELDS]
        # A declaration that lists categories means those; what else has a name is numbered.
        self._categories = "" if declaration.mcc.values else self.columns.get("mcc", "")
        self.numbers = {name: self.columns[name] for name in NUMBERS if name in self.columns}

    def refuse_points(self) -> None:
        """Refuse amounts with a point in them, which may be the decimal sign or not."""
        amount = msgspec.structs.replace(self._declaration.amount, decimal=",")
        self._intake = Intake(msgspec.structs.replace(self._declaration, amount=amount))
        self._direct = None

    @property
    def has_labels(self) -> bool:
        """Whether there is a column that says fraud or not."""
        return "label" in self._get

    @property
    def notes(self) -> list[str]:
        """Say what was taken for granted in reading rows."""
        return self._zoneless.notes

    def found_zoneless(self) -> None:
        """Take note that the column of times has no zone."""
        self._zoneless.found()

    def own(self, row: dict[str, Any], position: str) -> Transaction | None:
        """Return the transaction of a row that needs no reading, None of any other."""
        return None if self._direct is None else self._direct.transaction(row, position)

    def readings(self, row: dict[str, Any], position: str) -> Sequence[Reading]:
        """Return what a row says."""
        if self._categories:
            category = row.get(self._categories)
            if isinstance(category, str) and _is_name(category):
                row = {**row, self._categories: self._substitutes.code(category)}
        reading = self._intake.read_row(row, position=position)
        # A zone may have come from a column of its own.
        if type(reading) is Payment and str(reading.transaction.timestamp.tzinfo) == "UTC":
            self._zoneless.look(row.get(self.columns.get("timestamp", "")))
        return (reading,)

    def flags(self, rows: Sequence[Any]) -> list[Any] | None:
        """Return the labels of rows as they are in the file, None without such a column."""
        return self._values("label", rows)

    def patterns(self, rows: Sequence[Any]) -> list[Any] | None:
        """Return the names of kinds of fraud as they are in the file, None without such a column."""
        return self._values("fraud_pattern", rows)

    def _values(self, name: str, rows: Sequence[Any]) -> list[Any] | None:
        get = self._get.get(name)
        if get is None:
            return None
        return [get(row) if row is not None else None for row in rows]


def _is_name(category: str) -> bool:
    text = category.strip()
    return bool(text) and not _NUMBER.fullmatch(text) and not is_no_code(text)


def _rules(declaration: Declaration) -> Iterator[Rule]:
    yield from (*declaration.only, *declaration.skip, *declaration.decline, *declaration.refund)
