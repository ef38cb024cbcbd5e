"""A file's messages or rows one by one, for ``streamer intake try`` and ``suggest``.

What they are cut from and how is told as for every other command.  Messages are judged as a topic's
are; rows as in a replay, but that a missing column is each row's own fault and not the file's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from streamer.datafiles.chunk import Fault
from streamer.datafiles.column_kinds import kinds_of
from streamer.datafiles.csv_rows import CsvRows
from streamer.datafiles.csv_table import CsvTable
from streamer.datafiles.declared import refuse_duplicates
from streamer.datafiles.json_values import JsonValues
from streamer.datafiles.parquet import ParquetTable, parquet_rows
from streamer.datafiles.repeated_keys import RepeatedKeys
from streamer.datafiles.source import Part, Source, readable
from streamer.datafiles.substitutes import Substitutes
from streamer.intake import Declaration, Intake, Payment, Reading, Refused
from streamer.intake.framing import SchemaDecoder
from streamer.intake.suggest import MAX_SAMPLE, suggest

__all__ = ["ROW", "Sample", "Tried"]

ROW: Final = "row-"
"""What a row's name begins with, and no message's."""

_ROWS: Final = 1_000
Tried = tuple[str, Reading]
"""What a message or row is called, and what it says."""


@dataclass(eq=False)
class Sample:
    """The content of a file, of the files of a directory, or of standard input."""

    source: Source
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path | str, encoding: str | None = None) -> Sample:
        """Return what ``path`` names; ``-`` is standard input."""
        source = Source.of(path, encoding=encoding)
        return cls(source, list(source.notes))

    def items(self, limit: int | None = None) -> Iterator[bytes | Mapping[str, Any] | Refused]:
        """Yield messages as bytes, rows with all of their columns, and why there is none."""
        return islice(self._items(), limit)

    def _items(self) -> Iterator[bytes | Mapping[str, Any] | Refused]:
        for part in self.source.parts:
            if part.format == "jsonl":
                yield from (value for _, value in self._messages(part))
            elif part.format == "parquet":
                yield from parquet_rows(part)
            else:
                rows = CsvRows(part)
                refuse_duplicates(rows.header, part.name)
                if not rows.has_header:
                    cells = [row.cells for row in islice(rows.rows(), _ROWS) if row.cells]
                    self.notes += [*rows.notes, *kinds_of(rows.header, cells)]
                for row in rows.rows():
                    if row.cells is None:
                        yield _refused(Fault(row.reason, row.fault))
                    else:
                        yield dict(zip(rows.header, row.cells, strict=True))
                if rows.has_header:
                    self.notes += rows.notes

    def suggestion(self) -> str:
        """Return the declaration that the sample calls for, and take note of what it leaves out."""
        found = list(self.items(MAX_SAMPLE))
        faults = Counter(item.detail for item in found if isinstance(item, Refused))
        self.notes += [f"{n} left out: {detail}" for detail, n in faults.most_common(3)]
        values = [item for item in found if not isinstance(item, Refused)]
        is_table = self.source.parts[0].format != "jsonl"
        return suggest(values, read=self._read_as if is_table else None)

    def _read_as(self, declaration: Declaration) -> list[Reading]:
        again = Sample(self.source)
        readings = [reading for _, reading in again.readings(declaration, limit=MAX_SAMPLE)]
        self.notes += [note for note in again.notes if note not in self.notes]
        return readings

    def readings(
        self,
        declaration: Declaration,
        schemas: SchemaDecoder | None = None,
        arrived_ms: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Tried]:
        """Yield what at most ``limit`` messages or rows say."""
        n = 0
        intake = Intake(declaration, schemas)
        for part in self.source.parts:
            if limit is not None and n >= limit:
                break
            if part.format == "jsonl":
                for _, value in self._messages(part):
                    if limit is not None and n >= limit:
                        break
                    n += 1
                    position = f"message-{n}"
                    for reading in intake.read(value, position=position, arrived_ms=arrived_ms):
                        yield position, reading
            else:
                for position, reading in self._rows(part, declaration, n):
                    if limit is not None and n >= limit:
                        break
                    n += 1
                    yield position, reading

    def _messages(self, part: Part) -> Iterator[tuple[int, bytes]]:
        with readable(part), part.opened() as file:
            values, repeated = JsonValues(file, part.name), RepeatedKeys(part.name)
            try:
                for number, (line, value) in enumerate(values, 1):
                    repeated.look([value], [_decoded(value)], number)
                    yield line, value
            finally:
                self.notes += [note for note in repeated.notes if note not in self.notes]
        self.notes += values.notes

    def _rows(self, part: Part, declaration: Declaration, n_before: int) -> Iterator[Tried]:
        kind: Callable[..., CsvTable | ParquetTable]
        kind = CsvTable if part.format == "csv" else ParquetTable
        substitutes = Substitutes()
        table = kind(part, declaration, substitutes, is_lenient=True)
        table.survey(None)
        number = n_before
        for chunk in table.chunks(_ROWS):
            for item in chunk.items:
                number += 1
                position = f"{ROW}{number}"
                for reading in _read(item, table, position):
                    yield position, reading
        self.notes += [*table.notes, *substitutes.notes]


def _read(
    item: dict[str, Any] | bytes | Fault, table: CsvTable | ParquetTable, position: str
) -> Sequence[Reading]:
    if isinstance(item, Fault):
        return (_refused(item),)
    transaction = table.own(item, position)
    return table.readings(item, position) if transaction is None else (Payment(transaction),)


def _decoded(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _refused(fault: Fault) -> Refused:
    return Refused("wrong_format", "$", fault.detail)
