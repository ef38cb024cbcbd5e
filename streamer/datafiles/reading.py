"""Reads payment files in batches; a bad row reaches the pipeline, and only a bad file is an error.

Before the first row is handed out, every file has been looked through once: how many rows there are,
and whether each label is on one side or the other.  Nothing is scored before that is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from streamer.datafiles.card_column import card_column_in
from streamer.datafiles.chunk import Table
from streamer.datafiles.csv_table import CsvTable
from streamer.datafiles.file_batches import FileBatch, Origin, batch_of
from streamer.datafiles.formats import Format
from streamer.datafiles.json_table import JsonTable
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.parquet import ParquetTable
from streamer.datafiles.source import Part, Source, readable
from streamer.datafiles.substitutes import Substitutes
from streamer.errors import ConfigurationError, NothingToScoreError
from streamer.intake import Declaration

__all__ = ["PaymentFile", "count_rows", "read_batches"]

_TABLES: Final[dict[Format, Callable[[Part, Declaration, Substitutes], Table]]] = {
    "jsonl": JsonTable,
    "csv": CsvTable,
    "parquet": ParquetTable,
}
_MAX_NOTES: Final = 5


@dataclass(frozen=True, slots=True)
class _Survey:
    tables: list[tuple[Part, Table]]
    n_rows: int
    labels: LabelTally


@dataclass(eq=False)
class PaymentFile:
    """The payments of a file, of the files of a directory, or of standard input."""

    source: Source
    declaration: Declaration
    substitutes: Substitutes = field(default_factory=Substitutes)

    @classmethod
    def of(
        cls,
        path: Path | str | Source | Sequence[Path | str],
        declaration: Declaration | None = None,
        format: Format | None = None,
        encoding: str | None = None,
    ) -> PaymentFile:
        """Return what ``path`` names, one after the other where there are several.

        A file that is not there is an error at once.
        """
        if not isinstance(path, Path | str | Source):
            path = Source.of_several(path, format, encoding)
        return cls(Source.of(path, format, encoding), declaration or Declaration())

    @property
    def name(self) -> str:
        """What to call it in a message."""
        parts = self.source.parts
        return parts[0].name if len(parts) == 1 else f"{len(parts)} files"

    @cached_property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """Name and SHA-256 of each file, in order: of its bytes, or of what they were unpacked to."""
        return tuple((part.name, _digest(part)) for part in self.source.parts)

    @cached_property
    def _survey(self) -> _Survey:
        labels = LabelTally()
        tables: list[tuple[Part, Table]] = []
        n_rows = 0
        for part in self.source.parts:
            table = _TABLES[part.format](part, self.declaration, self.substitutes)
            n_rows += table.survey(labels)
            tables.append((part, table))
        if "card_id" in self.substitutes.fields:
            self.substitutes.card_column = card_column_in(self.source)
        return _Survey(tables, n_rows, labels)

    @property
    def n_rows(self) -> int:
        """How many rows there are, payments or not."""
        return self._survey.n_rows

    @property
    def card_note(self) -> str | None:
        """Say that no column names the card, and which may; None where one does."""
        return self.substitutes.card_note if self._survey.n_rows else None

    @property
    def notes(self) -> list[str]:
        """Say in sentences how the file was read, where that is not plain."""
        survey = self._survey
        said = [note for _, table in survey.tables for note in table.notes]
        notes = [*self.source.notes, *said[:_MAX_NOTES]]
        if len(said) > _MAX_NOTES:
            notes.append(f"and {len(said) - _MAX_NOTES:,} notes of that kind on other files")
        return [*notes, *survey.labels.notes, *self.substitutes.notes]

    def batches(self, batch_size: int = 4_000) -> Iterator[FileBatch]:
        """Yield the transactions in order, ``batch_size`` at a time.

        A timestamp without a zone is taken as UTC.  Raises `NothingToScoreError` where there is no row.
        """
        if batch_size < 1:
            raise ConfigurationError(f"batch_size must be at least 1, got {batch_size}")
        return self._batches(batch_size)

    def _batches(self, batch_size: int) -> Iterator[FileBatch]:
        self.require_rows()
        n_before = 0
        for part, table in self._survey.tables:
            first_row = 1
            for chunk in table.chunks(batch_size):
                origin = Origin(part.name, first_row, table.columns, chunk)
                yield batch_of(chunk, table, n_before, origin)
                first_row += len(chunk)
                n_before += len(chunk)

    def require_rows(self) -> None:
        """Raise `NothingToScoreError` where there is no row."""
        if self.n_rows == 0:
            tables = self._survey.tables
            has_header = any(t.columns and part.format != "jsonl" for part, t in tables)
            got = "a header and no row" if has_header else "nothing"
            raise NothingToScoreError(f"{self.name} must hold payments, got {got}")


def _digest(part: Part) -> str:
    with readable(part), part.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_batches(
    path: Path | str | Source, declaration: Declaration | None = None, batch_size: int = 4_000
) -> Iterator[FileBatch]:
    """Yield the transactions of ``path`` in order, ``batch_size`` at a time."""
    return PaymentFile.of(path, declaration).batches(batch_size)


def count_rows(path: Path | str | Source, declaration: Declaration | None = None) -> int:
    """Return how many rows `read_batches` reads."""
    return PaymentFile.of(path, declaration).n_rows
