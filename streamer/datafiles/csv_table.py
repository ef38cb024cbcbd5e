"""Reads CSV by a declaration: cells by the names in the first row, numbers as their column has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from streamer.contract.codes import decimals_of
from streamer.contract.messages import Transaction
from streamer.datafiles.chunk import Chunk, Fault
from streamer.datafiles.csv_rows import CsvRow, CsvRows
from streamer.datafiles.declared import TRANSACTION_FIELDS
from streamer.datafiles.dialect import NumberEvidence, NumberStyle, plain_number
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.source import Part
from streamer.datafiles.substitutes import Substitutes
from streamer.datafiles.table_rows import RowReader
from streamer.intake import Declaration, Reading
from streamer.intake.code_lists import CURRENCY_OF
from streamer.intake.slots import field_paths

__all__ = ["CsvTable"]

_SURVEY_ROWS: Final = 4_000
_NUMBERED: Final = re.compile(r"column-\d+")


class CsvTable:
    """One CSV file; with ``is_lenient`` it need not have the columns of a payment."""

    def __init__(
        self,
        part: Part,
        declaration: Declaration,
        substitutes: Substitutes,
        *,
        is_lenient: bool = False,
    ) -> None:
        self._part, self._declaration = part, declaration
        self._rows = CsvRows(part, is_numbered=_names_numbers(declaration))
        self._styles: dict[str, NumberStyle] = {}
        self.columns: dict[str, str] = {}
        self._reader: RowReader | None = None
        if self._rows.header:
            self._reader = RowReader(
                declaration, self._rows.header, part.name, substitutes, is_lenient=is_lenient
            )
            self.columns = self._reader.columns
        self._is_amount_declared = declaration.amount.decimal is not None

    @property
    def notes(self) -> list[str]:
        """Say how the file was read, where that is not plain."""
        notes = self._rows.notes
        with_comma = sorted(c for c, style in self._styles.items() if style == "comma")
        if with_comma:
            notes.append(
                f"{self._part.name} was read with a decimal comma in {', '.join(with_comma)}"
            )
        return [*notes, *(self._reader.notes if self._reader is not None else ())]

    def survey(self, labels: LabelTally | None) -> int:
        """Look at all labels and numbers, and return the number of rows."""
        reader, n_rows = self._reader, 0
        if reader is None:
            return 0
        places = {c: i for i, c in enumerate(self._rows.header)}
        numbers = set(reader.numbers.values())
        if self._is_amount_declared:
            numbers.discard(reader.numbers.get("amount", ""))
        evidence = {column: NumberEvidence() for column in numbers}
        amounts = evidence.get(reader.numbers.get("amount", ""), NumberEvidence())
        currency = places.get(reader.columns.get("currency", ""))
        codes: set[str] = set()
        rows = self._rows.rows()
        while chunk := list(islice(rows, _SURVEY_ROWS)):
            found = [row.cells for row in chunk if row.cells is not None]
            for column, signs in evidence.items():
                place = places[column]
                signs.add([cells[place] for cells in found])
            if amounts.is_open and currency is not None:
                codes.update(cells[currency] for cells in found)
            if labels is not None and reader.has_labels:
                items = [self._item(row) for row in chunk]
                labels.add(reader.flags(items), items, n_rows + 1, self._part.name)
            n_rows += len(chunk)
        self._styles = {c: e.style for c, e in evidence.items() if e.style is not None}
        if amounts.is_open and not self._has_thousandths(codes):
            reader.refuse_points()
        return n_rows

    def _has_thousandths(self, codes: set[str]) -> bool:
        """Whether all amounts are in currencies of three decimals: then a point is the decimal sign."""
        constant = self._declaration.currency.constant
        named = [CURRENCY_OF.get(code) for code in codes or {str(constant)}]
        return all(code is not None and decimals_of(code) == 3 for code in named)

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows; `survey` has to come first, it finds the decimal sign."""
        if self._reader is None:
            return
        rows = self._rows.rows()
        while chunk := list(islice(rows, batch_size)):
            found = [self._item(row) for row in chunk]
            for column, style in self._styles.items():
                for item in found:
                    if item is not None and column in item:
                        item[column] = plain_number(item[column], style)
            raw = [row.text for row in chunk]
            yield Chunk(
                items=[
                    Fault(row.reason, row.fault) if item is None else item
                    for row, item in zip(chunk, found, strict=True)
                ],
                flags=self._reader.flags(found),
                patterns=self._reader.patterns(found),
                raw=raw.__getitem__,
                lines=[row.line for row in chunk],
            )

    def own(self, item: dict[str, Any] | bytes, position: str) -> Transaction | None:
        """Return the transaction of a row whose cells are the contract's already."""
        if self._reader is None or not isinstance(item, dict):
            return None
        return self._reader.own(item, position)

    def readings(self, item: dict[str, Any] | bytes, position: str) -> Sequence[Reading]:
        """Return what a row says."""
        if self._reader is None or not isinstance(item, dict):
            return ()
        return self._reader.readings(item, position)

    def _item(self, row: CsvRow) -> dict[str, Any] | None:
        """Return a row by its columns, without those in which it has nothing."""
        if row.cells is None:
            return None
        pairs = zip(self._rows.header, row.cells, strict=True)
        return dict(pairs) if all(row.cells) else {name: cell for name, cell in pairs if cell}


def _names_numbers(declaration: Declaration) -> bool:
    """Whether a declaration names columns by their number, as in a table without a header."""
    return any(
        _NUMBERED.fullmatch(path)
        for name in TRANSACTION_FIELDS
        for path in field_paths(name, getattr(declaration, name))
    )
