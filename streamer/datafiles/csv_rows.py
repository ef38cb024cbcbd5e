"""The rows of a CSV file with the line on which each begins, whatever somebody has done to the file.

A row with too few or too many cells is a fault: shifting its cells could make a wrong payment of it.
Cells beyond the header that are empty are no cells; spreadsheets write them.  A quote that is opened
and not closed takes its own line along and no other: where the lines behind it are rows by themselves,
they are read as rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any, Final, NamedTuple

from streamer.datafiles.chunk import SAMPLE_CHARACTERS
from streamer.datafiles.dialect import dialect_of
from streamer.datafiles.encodings import UTF8
from streamer.datafiles.source import Part, readable
from streamer.errors import ConfigurationError

__all__ = ["CsvRow", "CsvRows"]

_SEPARATOR_LINE: Final = re.compile(r"sep=", re.IGNORECASE)
_NAMES: Final = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}
# No cell of a payment has as many lines, no line as many characters.
_MOST_LINES: Final = 1_000
_BLOCK_LINES: Final = 500
_MOST_CHARACTERS: Final = 1 << 20
# What names do not look like: fractions, dates and times, long numbers.
_DATUM: Final = re.compile(
    r"[+-]?\d+[.,]\d+|\d{4}-\d\d-\d\d.*|\d\d?[./]\d\d?[./]\d{2,4}.*|\d\d:\d\d(:\d\d.*)?|\d{6,}"
)
_MOST_DATA: Final = 2
# What keeps a spreadsheet from taking a text for a number: ="0042".
_GUARD: Final = '="'
_GUARDED: Final = re.compile(r'="([^"]*)"')


class CsvRow(NamedTuple):
    """The cells of a row, None with the ``fault`` where they are none; ``text`` is as in the file."""

    line: int
    cells: list[str] | None
    text: str
    fault: str = ""
    reason: str = "wrong_number_of_cells"


class CsvRows:
    """One CSV file: ``header`` names the columns, made up where the file has no names."""

    def __init__(self, part: Part, *, is_numbered: bool = False) -> None:
        """``is_numbered`` says that there is no header, where the first row does not tell."""
        self._part = part
        with readable(part), part.opened() as file, _text(file) as text:
            sample = text.read(SAMPLE_CHARACTERS)
        whole_lines = sample.rfind("\n") + 1 if len(sample) == SAMPLE_CHARACTERS else len(sample)
        sample = sample[: whole_lines or len(sample)].lstrip("\r\n")
        self._has_separator_line = _SEPARATOR_LINE.match(sample) is not None
        if self._has_separator_line:
            sample = sample.partition("\n")[2]
        self._dialect = dialect_of(sample)
        self._n_comments = 0
        self.header: list[str] = []
        rows = self._records()
        for _ in range(self._dialect.n_before):
            next(rows, None)
        first = next(rows, None)
        rows.close()
        names = _unguarded(first.cells or []) if first is not None else []
        n_data = sum(_DATUM.fullmatch(name) is not None for name in names)
        self.has_header = n_data < _MOST_DATA and not (is_numbered and "column-1" not in names)
        if self.has_header:
            self.header = names
            if names and len(names) > 1:
                self.header[0] = names[0].removeprefix("#").strip()
        else:
            self.header = [f"column-{i}" for i in range(1, len(names) + 1)]

    @property
    def notes(self) -> list[str]:
        """Say how the file was read, where that is not plain."""
        notes, dialect, name = [], self._dialect, self._part.name
        if dialect.separator != "," or dialect.quote != '"':
            quote = " and single quotes" if dialect.quote == "'" else ""
            notes.append(f"{name} was read with {_NAMES[dialect.separator]} as separator{quote}")
        if dialect.n_before:
            plural = "" if dialect.n_before == 1 else "s"
            notes.append(f"{name}: {dialect.n_before} line{plural} before the header passed over")
        if self._n_comments:
            plural = "" if self._n_comments == 1 else "s"
            notes.append(f"{name}: {self._n_comments:,} comment{plural} passed over")
        if not self.has_header and self.header:
            notes.append(
                f"{name}: is the first row a header? It looks like data, and counts as a row; the "
                f"columns are called column-1 to {self.header[-1]}"
            )
        return notes

    def rows(self) -> Generator[CsvRow, None, None]:
        """Yield the rows below the header; their cells are stripped, and as many as it has."""
        width, self._n_comments = len(self.header), 0
        skip = self._dialect.n_before + self.has_header
        for row in self._records():
            if skip:
                skip -= 1
                continue
            cells = row.cells
            if cells is None:
                yield row
            elif len(cells) == width:
                text = row.text
                if " " in text or "\t" in text or not text.isascii():
                    cells = [cell.strip() for cell in cells]
                    row = row._replace(cells=cells)
                yield row._replace(cells=_unguarded(cells)) if _GUARD in text else row
            elif len(cells) > width and not any(map(str.strip, cells[width:])):
                yield CsvRow(row.line, _unguarded(cells[:width]), row.text)
            elif row.text.startswith("#"):
                self._n_comments += 1
            else:
                yield CsvRow(row.line, None, row.text, self._count_fault(cells))

    def _count_fault(self, cells: list[str]) -> str:
        fault = f"row must have {len(self.header)} cells, got {len(cells)}"
        if len(cells) > len(self.header):
            fault += "; a separator within a value needs quotes around it"
        return fault

    def _reader(self, lines: Iterator[str], *, is_strict: bool = False) -> Any:
        return csv.reader(
            lines,
            delimiter=self._dialect.separator,
            quotechar=self._dialect.quote,
            strict=is_strict,
        )

    def _records(self) -> Generator[CsvRow, None, None]:
        """Yield every record of the file, the header too; blank lines are none."""
        csv.field_size_limit(_MOST_CHARACTERS)
        with readable(self._part), self._part.opened() as file, _text(file) as text_file:
            lines = _Lines(text_file, self._part.name)
            before = 0
            if self._has_separator_line:
                while not _SEPARATOR_LINE.match(next(lines)):
                    pass
                before = len(lines.taken)
            lines.taken.clear()
            while block := lines.plain_block(self._dialect.quote):
                # Without a quote a line is a record, and the reader takes them all in one call.
                for text, cells in zip(block, self._reader(iter(block)), strict=True):
                    before += 1
                    if cells:
                        yield CsvRow(before, cells, text)
            while not lines.is_at_end:
                reader = self._reader(lines)
                try:
                    for cells in reader:
                        line = before + 1
                        taken = lines.taken
                        if len(taken) == 1 and not lines.is_at_end:
                            before = line
                            text = taken[0]
                            taken.clear()
                            if cells:
                                yield CsvRow(line, cells, text)
                            continue
                        before, row = self._long(line, cells, lines)
                        if row is not None:
                            yield row
                except csv.Error as error:
                    text = lines.give_back()
                    before += 1
                    yield CsvRow(
                        before, None, text, f"row must be CSV, got {error}", "malformed_csv"
                    )

    def _long(self, line: int, cells: list[str], lines: _Lines) -> tuple[int, CsvRow | None]:
        """Return the last line of a record of several lines, or the file's last, and the record.

        A quote that was never closed has taken lines along that are rows: these are given back.
        """
        taken = list(lines.taken)
        text = "".join(taken)
        if self._is_swallowed(cells, taken, lines):
            n_lines = len(taken)
            first = lines.give_back()
            fault = "row must close every quote"
            if n_lines > 1:
                fault += f"; a quote that is opened in it spans {n_lines:,} lines"
            return line, CsvRow(line, None, first, fault, "unclosed_quote")
        lines.taken.clear()
        return line + len(taken) - 1, CsvRow(line, cells, text) if cells else None

    def _is_swallowed(self, cells: list[str], taken: list[str], lines: _Lines) -> bool:
        if lines.is_cut:
            return True
        if (
            lines.is_at_end
            and taken
            and self._dialect.quote in taken[0]
            and not self._closes(taken)
        ):
            return True
        if len(taken) < 2:
            return False
        width = len(self.header) or len(cells)
        alone = [len(row) for row in self._reader(iter(taken[1:]))]
        return len(cells) != width or (bool(alone) and all(n == width for n in alone))

    def _closes(self, taken: list[str]) -> bool:
        try:
            for _ in self._reader(iter(taken), is_strict=True):
                pass
        except csv.Error as error:
            return "unexpected end" not in str(error)
        return True


class _Lines(Iterator[str]):
    """The lines of a file; ``taken`` are those since somebody last cleared it.

    After too many for one record there is an end that is none, ``is_cut``: see what there is.
    """

    def __init__(self, file: io.TextIOWrapper, name: str) -> None:
        self._file, self._name = file, name
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.is_at_end = self.is_cut = False

    def __next__(self) -> str:
        if len(self.taken) >= _MOST_LINES:
            self.is_cut = True
            raise StopIteration
        line = self._again.popleft() if self._again else self._file.readline(_MOST_CHARACTERS)
        if not line:
            self.is_at_end = True
            raise StopIteration
        if len(line) == _MOST_CHARACTERS:
            raise ConfigurationError(
                f"{self._name} must have lines of less than {_MOST_CHARACTERS:,} characters, got a "
                "longer one; write a row a line"
            )
        self.taken.append(line)
        return line

    def plain_block(self, quote: str) -> list[str]:
        """Take the next lines, none where one of them needs a closer look: then all are next again."""
        readline = self._file.readline
        block = [line for _ in range(_BLOCK_LINES) if (line := readline(_MOST_CHARACTERS))]
        if any(quote in line or len(line) == _MOST_CHARACTERS for line in block):
            self._again.extend(block)
            return []
        return block

    def give_back(self) -> str:
        """Take all lines but the first of the record as not read yet, and return that one."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.taken.clear()
        self.is_at_end = self.is_cut = False
        return first


def _text(file: Any) -> io.TextIOWrapper:
    # Bytes that are not of the encoding stay visible as \xNN and reach the pipeline with their row.
    return io.TextIOWrapper(file, encoding=f"{UTF8}-sig", errors="backslashreplace", newline="")


def _unguarded(cells: list[str]) -> list[str]:
    """Return cells stripped, and without the formula that a spreadsheet would make a text of.

    >>> _unguarded(['="4000 0012"', ' EUR', '=1+1'])
    ['4000 0012', 'EUR', '=1+1']
    """
    stripped = [cell.strip() for cell in cells]
    return [
        found[1].strip() if (found := _GUARDED.fullmatch(cell)) is not None else cell
        for cell in stripped
    ]
