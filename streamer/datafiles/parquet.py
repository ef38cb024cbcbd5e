"""Reads Parquet column by column: a batch costs a few conversions of whole columns, not of cells.

float32 is the trap.  27.36 is stored as 27.360000610351562, and its own shortest text is 27.36:
orjson writes that text for a whole array at once, and reading it back gives the amount meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streamer.datafiles.formats import load_pyarrow
from streamer.datafiles.mapping import LABEL_FIELDS, NUMBERS, REQUIRED, ColumnMapping
from streamer.datafiles.values import FileBatch, batch_of, json_ready, rounded
from streamer.errors import ConfigurationError

__all__ = ["count_parquet", "read_parquet"]


def count_parquet(path: Path) -> int:
    """Return the number of rows, from the file's footer."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_parquet(path: Path, mapping: ColumnMapping, batch_size: int) -> Iterator[FileBatch]:
    """Yield the file's rows in batches, reading the mapped columns only."""
    with _opened(path) as file:
        fields = mapping.resolve(file.schema_arrow.names, path.name)
        needed = list(dict.fromkeys(fields.values()))
        first_row = 0
        for records in file.iter_batches(batch_size=batch_size, columns=needed):
            columns = {name: _column(name, records.column(of)) for name, of in fields.items()}
            yield batch_of(columns, mapping, records.num_rows, first_row)
            first_row += records.num_rows


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    pyarrow, parquet = load_pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except pyarrow.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{path.name} must be a readable Parquet file: {reason}") from None


def _column(name: str, array: Any) -> list[Any]:
    types = load_pyarrow()[0].types
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if name in LABEL_FIELDS:
        return list(array.to_pylist())
    if name in NUMBERS:
        return _numbers(name, array, types)
    if name == "timestamp":
        return _timestamps(array, types)
    return _texts(name, array, types)


def _numbers(name: str, array: Any, types: Any) -> list[Any]:
    if types.is_decimal(array.type):
        array = array.cast("float64")
    if types.is_float64(array.type):
        return list(rounded(array.to_numpy(zero_copy_only=False).tolist()))
    if types.is_floating(array.type):
        shortest = orjson.dumps(
            array.cast("float32").to_numpy(zero_copy_only=False).copy(),
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        return list(orjson.loads(shortest))
    return json_ready(name, array.to_pylist())


def _timestamps(array: Any, types: Any) -> list[Any]:
    if types.is_date(array.type):
        array = array.cast("date32").cast(load_pyarrow()[0].timestamp("s"))
    if not types.is_timestamp(array.type):
        return json_ready("timestamp", array.to_pylist())
    # Arrow keeps instants with a zone in UTC already, and without one they are taken as UTC.
    unit: Any = "us" if array.type.unit == "ns" else array.type.unit
    moments = array.to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")
    texts: list[Any] = np.datetime_as_string(moments, unit=unit, timezone="UTC").tolist()
    return (
        [None if text.startswith("NaT") else text for text in texts] if array.null_count else texts
    )


def _texts(name: str, array: Any, types: Any) -> list[Any]:
    if types.is_integer(array.type) and name != "mcc":
        array = array.cast("string")
    if not types.is_string(array.type) and not types.is_large_string(array.type):
        return json_ready(name, array.to_pylist())
    # Through numpy a string costs a fifth of what to_pylist takes.
    texts: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    return json_ready(name, texts) if name not in REQUIRED and "" in texts else texts
