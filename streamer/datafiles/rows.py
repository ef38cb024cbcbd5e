"""Reads the rows of a table by a declaration: what CSV and Parquet have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from streamer.datafiles.declared import (
    LABEL_FIELDS,
    TRANSACTION_FIELDS,
    columns_of,
    for_rows,
    label_paths,
    refuse_duplicates,
    require_columns,
)
from streamer.datafiles.substitutes import Substitutes
from streamer.intake import Declaration, Intake, Reading
from streamer.intake.declaration import Field
from streamer.intake.mapping import make_getter

__all__ = ["NUMBERS", "RowReader"]

NUMBERS: Final = ("amount", "latitude", "longitude")
_CODE: Final = re.compile(r"[0-9]{1,4}(\.0+)?")


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
    ) -> None:
        refuse_duplicates(header, file_name)
        missing = require_columns(declaration, header, file_name)
        substitutes.fields.update(missing)
        self._substitutes = substitutes
        declaration = for_rows(declaration, missing)
        self._intake = Intake(declaration)
        self.columns = {
            name: next((c for c in columns_of(declaration, name) if c in header), "")
            for name in TRANSACTION_FIELDS
        }
        flags, patterns = ([c for c in paths if c in header] for paths in label_paths(declaration))
        self._flag = _label_getter(declaration.label, "label", flags)
        self._pattern = _label_getter(declaration.fraud_pattern, "fraud_pattern", patterns)
        self.columns |= {
            n: of[0] for n, of in zip(LABEL_FIELDS, (flags, patterns), strict=True) if of
        }
        self.columns = {name: column for name, column in self.columns.items() if column}
        self.needed = [c for c in header if c in _mentioned(declaration, [*flags, *patterns])]
        # A declaration that lists categories means those; what else has a name is numbered.
        self._categories = "" if declaration.mcc.values else self.columns.get("mcc", "")
        # Only where nobody says how amounts are written may one look.
        self.numbers = {n: self.columns[n] for n in NUMBERS if n in self.columns}

    def readings(self, row: dict[str, Any], position: str) -> Sequence[Reading]:
        """Return what a row says."""
        if self._categories:
            category = row.get(self._categories)
            if isinstance(category, str) and category and not _CODE.fullmatch(category.strip()):
                row = {**row, self._categories: self._substitutes.code(category)}
        return (self._intake.read_row(row, position=position),)

    def flags(self, rows: Sequence[Any]) -> list[Any] | None:
        """Return the labels of rows as they are in the file, None without such a column."""
        return _values(self._flag, rows)

    def patterns(self, rows: Sequence[Any]) -> list[Any] | None:
        """Return the names of kinds of fraud as they are in the file, None without such a column."""
        return _values(self._pattern, rows)


def _label_getter(field: Field | None, name: str, columns: list[str]) -> Any:
    if not columns:
        return None
    return make_getter(name, field or Field(path=tuple(columns)), is_rows=True)


def _values(get: Any, rows: Sequence[Any]) -> list[Any] | None:
    if get is None:
        return None
    return [get(row, row) if isinstance(row, dict) else None for row in rows]


def _mentioned(declaration: Declaration, labels: Sequence[str]) -> set[str]:
    """Return every column that the declaration looks at."""
    columns = {c for name in TRANSACTION_FIELDS for c in columns_of(declaration, name)}
    rules = (*declaration.only, *declaration.skip, *declaration.decline, *declaration.refund)
    return columns | {rule.path for rule in rules} | set(labels) | set(TRANSACTION_FIELDS)
