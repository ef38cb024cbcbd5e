"""Writes simulated payments to a file, batch by batch; the file appears whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from streamer.datafiles.declared import LABEL_FIELDS, TRANSACTION_FIELDS
from streamer.datafiles.formats import format_of, load_pyarrow
from streamer.datafiles.table_rows import NUMBERS
from streamer.errors import ConfigurationError

__all__ = ["write_rows"]

Row = Mapping[str, Any]

_COLUMNS: Final = (*TRANSACTION_FIELDS, *LABEL_FIELDS)
_KNOWN: Final = frozenset(_COLUMNS)


def write_rows(path: Path | str, batches: Iterable[Sequence[Row]]) -> int:
    """Write the rows in the format that the suffix names, and return how many there were.

    A row has the fields of a transaction and, as they apply, ``label`` and ``fraud_pattern``; its
    timestamp is RFC 3339 text or a datetime with a zone.  An existing file is replaced at the end.
    """
    path = Path(path)
    writer = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[format_of(path)]
    if not path.parent.is_dir():
        raise ConfigurationError(f"output directory must exist, got {path.parent}")
    partial = path.with_name(f".{path.name}.partial")
    count = 0
    try:
        with writer(partial) as write:
            for batch in batches:
                rows = [_checked(row) for row in batch]
                write(rows)
                count += len(rows)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _checked(row: Row) -> Row:
    if not row.keys() <= _KNOWN:
        unknown = ", ".join(sorted(row.keys() - _KNOWN))
        raise ConfigurationError(
            f"row must have no fields but {', '.join(_COLUMNS)}, got {unknown}"
        )
    return row


@contextmanager
def _jsonl(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    with path.open("wb") as file:
        yield lambda rows: file.writelines(
            orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows
        )


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        yield lambda rows: writer.writerows([_cell(row.get(c)) for c in _COLUMNS] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return value.isoformat() if isinstance(value, datetime) else value


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    pyarrow, parquet = load_pyarrow()
    types = {name: pyarrow.string() for name in _COLUMNS}
    types |= {name: pyarrow.float64() for name in NUMBERS}
    # Times are text: a column of instants has one zone, and would lose each payment's local hour.
    types |= {"label": pyarrow.int8()}
    schema = pyarrow.schema(types)

    def write(rows: list[Row]) -> None:
        columns = {name: [_plain(name, row.get(name)) for row in rows] for name in _COLUMNS}
        try:
            table = pyarrow.Table.from_pydict(columns, schema=schema)
        except (pyarrow.ArrowException, TypeError) as error:
            raise ConfigurationError(f"row must fit {path.suffix} columns: {error}") from None
        writer.write_table(table)

    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        yield write


def _plain(name: str, value: Any) -> Any:
    if name == "label" and value is not None:
        return int(value)
    if name != "timestamp":
        return value
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError(f"timestamp must be RFC 3339 with an offset, got {value}")
    return value if isinstance(value, str) else moment.isoformat()
