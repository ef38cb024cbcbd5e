"""Reads CSV: cells by the names in the first row, every row with the line on which it begins.

A row with too few or too many cells is a fault: shifting its cells could make a wrong payment of it.
Cells beyond the header that are empty are no cells; spreadsheets write them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from streamer.datafiles.chunk import SAMPLE_CHARACTERS, Chunk, Fault
from streamer.datafiles.dialect import (
    NumberEvidence,
    NumberStyle,
    dialect_of,
    encoding_of,
    plain_number,
)
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.rows import RowReader
from streamer.datafiles.source import Part, readable
from streamer.datafiles.substitutes import Substitutes
from streamer.errors import ConfigurationError
from streamer.intake import Declaration, Reading

__all__ = ["CsvTable"]

_SEPARATOR_LINE: Final = "sep="
_NAMES: Final = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}
_SURVEY_ROWS: Final = 4_000
_Row = tuple[int, list[str], str]


class CsvTable:
    """One CSV file."""

    def __init__(self, part: Part, declaration: Declaration, substitutes: Substitutes) -> None:
        self._part = part
        with readable(part):
            with part.opened() as file:
                self._encoding = encoding_of(file)
            with part.opened() as file, self._text(file) as text:
                sample = text.read(SAMPLE_CHARACTERS)
        self._has_separator_line = sample[: len(_SEPARATOR_LINE)].lower() == _SEPARATOR_LINE
        whole_lines = sample.rfind("\n") + 1 if len(sample) == SAMPLE_CHARACTERS else len(sample)
        sample = sample[: whole_lines or len(sample)]
        if self._has_separator_line:
            sample = sample.partition("\n")[2]
        self._dialect = dialect_of(sample)
        self._styles: dict[str, NumberStyle] = {}
        self.notes: list[str] = []
        self.columns: dict[str, str] = {}
        self._reader: RowReader | None = None
        rows = self._rows()
        self._header = [name.strip() for name in next(rows, (0, [], ""))[1]]
        rows.close()
        if self._header:
            self._reader = RowReader(declaration, self._header, part.name, substitutes)
            self.columns = self._reader.columns
        self._is_amount_declared = declaration.amount.decimal is not None

    def survey(self, labels: LabelTally) -> int:
        """Look at all labels and numbers, and return the number of rows."""
        reader, n_rows = self._reader, 0
        if reader is None:
            return 0
        numbers = set(reader.numbers.values())
        if self._is_amount_declared:
            numbers.discard(reader.numbers.get("amount", ""))
        evidence = {column: NumberEvidence() for column in numbers}
        rows = self._rows(skip=1)
        while chunk := list(islice(rows, _SURVEY_ROWS)):
            items = [self._row(cells) for _, cells, _ in chunk]
            labels.add(reader.flags(items), items, n_rows + 1, self._part.name)
            for column, found in evidence.items():
                found.add(item[column] for item in items if item is not None)
            n_rows += len(chunk)
        self._styles = {c: e.style for c, e in evidence.items() if e.style is not None}
        self.notes = self._said()
        return n_rows

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows; `survey` has to come first, it finds the decimal sign."""
        if self._reader is None:
            return
        rows = self._rows(skip=1)
        while chunk := list(islice(rows, batch_size)):
            found = [self._row(cells) for _, cells, _ in chunk]
            for column, style in self._styles.items():
                for item in found:
                    if item is not None:
                        item[column] = plain_number(item[column], style)
            raw = [text for _, _, text in chunk]
            yield Chunk(
                items=[
                    self._fault(row) if item is None else item
                    for row, item in zip(chunk, found, strict=True)
                ],
                flags=self._reader.flags(found),
                patterns=self._reader.patterns(found),
                raw=raw.__getitem__,
                lines=[line for line, _, _ in chunk],
            )

    def own(self, _: dict[str, Any] | bytes) -> None:
        """Return None: a row is no message."""

    def readings(self, item: dict[str, Any] | bytes, position: str) -> Sequence[Reading]:
        """Return what a row says."""
        if self._reader is None or not isinstance(item, dict):
            return ()
        return self._reader.readings(item, position)

    def _row(self, cells: list[str]) -> dict[str, Any] | None:
        fitted = self._fitted(cells)
        return None if fitted is None else dict(zip(self._header, fitted, strict=True))

    def _fitted(self, cells: list[str]) -> list[str] | None:
        """Return as many cells as the header has, None when the row does not have them."""
        width = len(self._header)
        if len(cells) == width:
            return cells
        return cells[:width] if len(cells) > width and not any(cells[width:]) else None

    def _fault(self, row: _Row) -> Fault:
        _, cells, text = row
        detail = f"row must have {len(self._header)} cells, got {len(cells)}"
        n_lines = text.count("\n") + (not text.endswith("\n"))
        if n_lines > 1:
            detail += f"; a quote that is opened in it spans {n_lines:,} lines"
        elif len(cells) > len(self._header):
            detail += "; a separator within a value needs quotes around it"
        return Fault("wrong_number_of_cells", detail)

    def _said(self) -> list[str]:
        notes = []
        name = self._part.name
        if self._encoding in ("cp1252", "latin-1"):
            called = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}[self._encoding]
            notes.append(f"{name} is not UTF-8 and was read as {called}")
        if self._dialect.separator != "," or self._dialect.quote != '"':
            quote = " and single quotes" if self._dialect.quote == "'" else ""
            separator = _NAMES[self._dialect.separator]
            notes.append(f"{name} was read with {separator} as separator{quote}")
        with_comma = sorted(c for c, style in self._styles.items() if style == "comma")
        if with_comma:
            notes.append(f"{name} was read with a decimal comma in {', '.join(with_comma)}")
        return notes

    def _text(self, file: Any) -> io.TextIOWrapper:
        # Bytes that are not of the encoding stay visible as \xNN and reach the pipeline with their row.
        return io.TextIOWrapper(
            file, encoding=self._encoding, errors="backslashreplace", newline=""
        )

    def _rows(self, skip: int = 0) -> Generator[_Row, None, None]:
        """Yield the line on which a row begins, its cells, and its text; blank lines are no rows."""
        with readable(self._part), self._part.opened() as file, self._text(file) as text_file:
            lines = _Lines(text_file)
            if self._has_separator_line:
                next(lines)
                lines.taken.clear()
            before = int(self._has_separator_line)
            reader = csv.reader(
                lines, delimiter=self._dialect.separator, quotechar=self._dialect.quote
            )
            try:
                for cells in reader:
                    line, text = before + 1, "".join(lines.taken)
                    before += len(lines.taken)
                    lines.taken.clear()
                    if not cells:
                        continue
                    if skip:
                        skip -= 1
                        continue
                    yield line, cells, text
            except csv.Error as error:
                raise ConfigurationError(
                    f"{self._part.name} must be CSV, got {error} at line {before + 1}"
                ) from None


class _Lines(Iterator[str]):
    """The lines of a file; ``taken`` are those since somebody last cleared it."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = iter(file)
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = next(self._file)
        self.taken.append(line)
        return line
