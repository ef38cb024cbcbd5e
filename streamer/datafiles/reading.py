"""Reads payment files in batches; a bad row reaches the pipeline, and only a bad file is an error.

JSON Lines without a mapping pass through byte for byte.  A CSV row with too few or too many cells
passes as its own text, which is no JSON: shifting its cells could make a wrong payment out of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from streamer.datafiles.formats import format_of
from streamer.datafiles.mapping import LABEL_FIELDS, TRANSACTION_FIELDS, ColumnMapping
from streamer.datafiles.parquet import count_parquet, read_parquet
from streamer.datafiles.values import FileBatch, batch_of, json_ready, labels_of
from streamer.errors import ConfigurationError

__all__ = ["count_rows", "read_batches"]


class _Seen(msgspec.Struct):
    """What a batch needs to know of a line; the pipeline decodes the rest."""

    transaction_id: Any = None
    card_id: Any = None
    label: Any = None
    fraud_pattern: Any = None
    fraud_scenario: Any = None


_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_seen: Final = msgspec.json.Decoder(_Seen)


def read_batches(
    path: Path | str, mapping: ColumnMapping | None = None, batch_size: int = 4_000
) -> Iterator[FileBatch]:
    """Yield the file's transactions in order, ``batch_size`` at a time.

    In CSV, Parquet and mapped JSON Lines a timestamp without a zone is taken as UTC.  A suffix that
    is not known or a file that is not there is an error at once; columns are checked on reading.
    """
    path, mapping = Path(path), mapping or ColumnMapping()
    if batch_size < 1:
        raise ConfigurationError(f"batch_size must be at least 1, got {batch_size}")
    kind = _checked_format(path)
    if kind == "parquet":
        return read_parquet(path, mapping, batch_size)
    if kind == "csv":
        return _read_csv(path, mapping, batch_size)
    if mapping.is_plain:
        return _read_lines(path, batch_size)
    return _read_mapped_lines(path, mapping, batch_size)


def count_rows(path: Path | str) -> int:
    """Return how many transactions `read_batches` yields; Parquet says so without being read."""
    path = Path(path)
    kind = _checked_format(path)
    if kind == "parquet":
        return count_parquet(path)
    if kind == "csv":
        return max(sum(1 for _ in _csv_rows(path)) - 1, 0)
    return sum(1 for _ in _lines(path))


def _checked_format(path: Path) -> str:
    kind = format_of(path)
    if not path.is_file():
        raise ConfigurationError(f"input file must exist, got {path}")
    return kind


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        if path.suffix.lower() == ".json" and file.peek(1).lstrip()[:1] == b"[":
            raise ConfigurationError(
                f"{path.name} must hold one JSON object per line, got an array"
            )
        for line in file:
            if line.strip():
                yield line.rstrip(b"\r\n")


def _read_lines(path: Path, batch_size: int) -> Iterator[FileBatch]:
    lines = _lines(path)
    labelled: bool | None = None
    while chunk := list(islice(lines, batch_size)):
        seen = [_look(line) for line in chunk]
        flags = [line.label for line in seen]
        names = [line.fraud_pattern or line.fraud_scenario for line in seen]
        if labelled is None:
            # The first batch decides for the file, so that labels never appear half way through.
            labelled = any(x is not None for x in (*flags, *names))
        # A file without ``label`` says fraud by naming a pattern.
        has_flags = any(x is not None for x in flags)
        yield FileBatch(
            values=chunk,
            keys=[_as_text(line.card_id).encode() or None for line in seen],
            labels=labels_of(flags if has_flags else None, names) if labelled else None,
            transaction_ids=[_as_text(line.transaction_id) for line in seen],
        )


def _look(line: bytes) -> _Seen:
    try:
        return _seen.decode(line)
    except _UNREADABLE:
        return _Seen()


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else ""


def _read_mapped_lines(path: Path, mapping: ColumnMapping, batch_size: int) -> Iterator[FileBatch]:
    lines = _lines(path)
    fields: dict[str, str] | None = None
    first_row = 0
    while chunk := list(islice(lines, batch_size)):
        decoded = [_object(line) for line in chunk]
        if fields is None and any(decoded):
            names = dict.fromkeys(key for row in decoded for key in row or ())
            fields = mapping.resolve(names, path.name)
        used = fields or {}
        good = [row is not None and _is_flat(row, used.values()) for row in decoded]
        rows = [row for row, is_good in zip(decoded, good, strict=True) if row and is_good]
        columns = {name: [row.get(of) for row in rows] for name, of in used.items()}
        yield _woven(_encoded(columns, mapping, len(rows), first_row), chunk, good)
        first_row += len(chunk)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(line)
    except _UNREADABLE:
        return None
    return value if isinstance(value, dict) and value else None


def _is_flat(row: dict[str, Any], columns: Iterable[str]) -> bool:
    return not any(isinstance(row.get(column), dict | list) for column in columns)


def _read_csv(path: Path, mapping: ColumnMapping, batch_size: int) -> Iterator[FileBatch]:
    rows = _csv_rows(path)
    header = next(rows, None)
    if header is None:
        raise ConfigurationError(f"{path.name} must start with a row of column names, got nothing")
    header = [name.strip() for name in header]
    fields = mapping.resolve(header, path.name)
    places = {name: header.index(column) for name, column in fields.items()}
    first_row = 0
    while chunk := list(islice(rows, batch_size)):
        good = [len(row) == len(header) for row in chunk]
        whole = [row for row, is_good in zip(chunk, good, strict=True) if is_good]
        cells = list(zip(*whole, strict=True))
        columns = {name: list(cells[at]) if cells else [] for name, at in places.items()}
        texts = [",".join(row).encode() for row in chunk] if len(whole) < len(chunk) else []
        yield _woven(_encoded(columns, mapping, len(whole), first_row), texts, good)
        first_row += len(chunk)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    # Bytes that are not UTF-8 stay visible as \xNN and reach the pipeline with their row.
    with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        reader = csv.reader(file)
        try:
            yield from (row for row in reader if row)
        except csv.Error as error:
            raise ConfigurationError(
                f"{path.name} must be CSV, got {error} at line {reader.line_num}"
            ) from None


def _encoded(
    columns: dict[str, list[Any]], mapping: ColumnMapping, size: int, first_row: int
) -> FileBatch:
    ready = {
        name: json_ready(name, column) if name in TRANSACTION_FIELDS else column
        for name, column in columns.items()
    }
    if size == 0:
        return FileBatch([], [], None if columns.keys().isdisjoint(LABEL_FIELDS) else [], [])
    return batch_of(ready, mapping, size, first_row)


def _woven(batch: FileBatch, raw: list[bytes], good: list[bool]) -> FileBatch:
    """Put the rows that could not be read back in their places, as the bytes that they are."""
    if all(good):
        return batch
    row = iter(range(len(batch.values)))
    at = [next(row) if is_good else None for is_good in good]
    return FileBatch(
        values=[raw[i] if j is None else batch.values[j] for i, j in enumerate(at)],
        keys=[None if j is None else batch.keys[j] for j in at],
        labels=None
        if batch.labels is None
        else [None if j is None else batch.labels[j] for j in at],
        transaction_ids=["" if j is None else batch.transaction_ids[j] for j in at],
    )
