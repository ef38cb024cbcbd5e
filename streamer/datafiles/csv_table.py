"""Reads CSV: cells by the names in the first row, every row with the line on which it begins.

A row with too few or too many cells is a fault: shifting its cells could make a wrong payment of it.
Cells beyond the header that are empty are no cells; spreadsheets write them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from streamer.datafiles.chunk import SAMPLE_CHARACTERS, Chunk, Fault
from streamer.datafiles.dialect import dialect_of, encoding_of, has_decimal_comma, plain_number
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.mapping import NUMBERS, ColumnMapping, refuse_duplicates
from streamer.datafiles.source import Part, readable
from streamer.errors import ConfigurationError

__all__ = ["CsvTable"]

_SEPARATOR_LINE: Final = "sep="
_NAMES: Final = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}
_SURVEY_ROWS: Final = 4_000
_Row = tuple[int, list[str], str]


class CsvTable:
    """One CSV file."""

    def __init__(self, part: Part, mapping: ColumnMapping) -> None:
        self._part = part
        with readable(part):
            with part.opened() as file:
                self._encoding = encoding_of(file)
            with part.opened() as file:
                sample = self._text(file).read(SAMPLE_CHARACTERS)
        self._has_separator_line = sample[: len(_SEPARATOR_LINE)].lower() == _SEPARATOR_LINE
        whole_lines = sample.rfind("\n") + 1 if len(sample) == SAMPLE_CHARACTERS else len(sample)
        sample = sample[: whole_lines or len(sample)]
        if self._has_separator_line:
            sample = sample.partition("\n")[2]
        self._dialect = dialect_of(sample)
        self._with_comma: set[str] = set()
        self.notes: list[str] = []
        self.fields: dict[str, str] = {}
        self._header = [name.strip() for name in next(self._rows(), (0, [], ""))[1]]
        if self._header:
            refuse_duplicates(self._header, part.name)
            self.fields = mapping.resolve(self._header, part.name)
        self._places = {name: self._header.index(of) for name, of in self.fields.items()}

    def survey(self, labels: LabelTally) -> int:
        """Look at all labels and numbers, and return the number of rows."""
        n_rows = 0
        with_comma, with_point = set[str](), set[str]()
        numbers = [name for name in self._places if name in NUMBERS]
        at_label = self._places.get("label")
        rows = self._rows(skip=1)
        while chunk := list(islice(rows, _SURVEY_ROWS)):
            fitted = [self._fitted(cells) for _, cells, _ in chunk]
            if at_label is not None:
                flags = [0 if cells is None else cells[at_label] for cells in fitted]
                labels.add(flags, n_rows + 1, self._part.name)
            for name in numbers:
                at = self._places[name]
                column = [cells[at] for cells in fitted if cells is not None and "," in cells[at]]
                if column:
                    (with_comma if has_decimal_comma(column) else with_point).add(name)
            n_rows += len(chunk)
        self._with_comma = with_comma - with_point
        self.notes = self._said()
        return n_rows

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows; `survey` has to come first, it finds the decimal sign."""
        rows = self._rows(skip=1)
        while chunk := list(islice(rows, batch_size)):
            fitted = [self._fitted(cells) for _, cells, _ in chunk]
            whole = list(zip(*(cells for cells in fitted if cells is not None), strict=True))
            columns: dict[str, list[Any]] = {}
            for name, at in self._places.items():
                column = list(whole[at]) if whole else []
                columns[name] = plain_number(column) if name in self._with_comma else column
            raw = [text for _, _, text in chunk]
            yield Chunk(
                size=len(chunk),
                columns=columns,
                raw=raw.__getitem__,
                lines=[line for line, _, _ in chunk],
                faults={
                    i: self._fault(chunk[i]) for i, cells in enumerate(fitted) if cells is None
                },
            )

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
        if self._with_comma:
            columns = ", ".join(sorted(self.fields[field] for field in self._with_comma))
            notes.append(f"{name} was read with a decimal comma in {columns}")
        return notes

    def _text(self, file: Any) -> io.TextIOWrapper:
        # Bytes that are not of the encoding stay visible as \xNN and reach the pipeline with their row.
        return io.TextIOWrapper(
            file, encoding=self._encoding, errors="backslashreplace", newline=""
        )

    def _rows(self, skip: int = 0) -> Iterator[_Row]:
        """Yield the line on which a row begins, its cells, and its text; blank lines are no rows."""
        with readable(self._part), self._part.opened() as file:
            lines = _Lines(self._text(file))
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
