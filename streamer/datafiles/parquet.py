"""Reads Parquet column by column: a batch costs a few conversions of whole columns, not of cells.

float32 is the trap.  27.36 is stored as 27.360000610351562, and its own shortest text is 27.36:
orjson writes that text for a whole array at once, and reading it back gives the amount meant.  The
other is a time zone: Arrow keeps the instant in UTC, and the hour that the producer's clock showed is
lost unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any, Final

import numpy as np
import orjson

from streamer.contract.messages import Transaction
from streamer.datafiles.chunk import Chunk
from streamer.datafiles.formats import load_pyarrow
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.source import Part, readable
from streamer.datafiles.substitutes import Substitutes
from streamer.datafiles.table_rows import RowReader
from streamer.errors import ConfigurationError
from streamer.intake import Declaration, Reading

__all__ = ["ParquetTable", "parquet_rows"]

_SURVEY_ROWS: Final = 65_536
_SAMPLE_ROWS: Final = 1_000
_IDS: Final = ("transaction_id", "card_id", "merchant_id")
# Six digits keep every currency's minor unit and a tenth of a metre, and drop binary dust.
_DECIMALS: Final = 6


class ParquetTable:
    """One Parquet file."""

    def __init__(
        self,
        part: Part,
        declaration: Declaration,
        substitutes: Substitutes,
        *,
        is_lenient: bool = False,
    ) -> None:
        self._part = part
        with _opened(self._part) as file:
            schema = file.schema_arrow
        self._reader = RowReader(
            declaration, schema.names, part.name, substitutes, is_lenient=is_lenient
        )
        self.columns = self._reader.columns
        if _is_zoneless(schema, self.columns.get("timestamp")):
            self._reader.found_zoneless()
        self._ids = {column for name, column in self.columns.items() if name in _IDS}

    @property
    def notes(self) -> list[str]:
        """Say what was taken for granted."""
        return self._reader.notes

    def survey(self, labels: LabelTally | None) -> int:
        """Look at all labels, and return the number of rows, which the footer says."""
        first_row = 1
        with _opened(self._part) as file:
            column = self.columns.get("label")
            if column is not None and labels is not None:
                for records in file.iter_batches(batch_size=_SURVEY_ROWS, columns=[column]):
                    rows = _rows(records, self._ids)
                    labels.add(self._reader.flags(rows), rows, first_row, self._part.name)
                    first_row += records.num_rows
            return int(file.metadata.num_rows)

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows, reading only the columns that matter."""
        with _opened(self._part) as file:
            for records in file.iter_batches(batch_size=batch_size, columns=self._reader.needed):
                rows = _rows(records, self._ids)
                yield Chunk(
                    items=rows,
                    flags=self._reader.flags(rows),
                    patterns=self._reader.patterns(rows),
                    raw=rows.__getitem__,
                )

    def own(self, item: dict[str, Any] | bytes, position: str) -> Transaction | None:
        """Return the transaction of a row whose values are the contract's already."""
        return self._reader.own(item, position) if isinstance(item, dict) else None

    def readings(self, item: dict[str, Any] | bytes, position: str) -> Sequence[Reading]:
        """Return what a row says."""
        return self._reader.readings(item, position) if isinstance(item, dict) else ()


def parquet_rows(part: Part) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file with all of its columns."""
    with _opened(part) as file:
        for records in file.iter_batches(batch_size=_SAMPLE_ROWS):
            yield from _rows(records, set())


@contextmanager
def _opened(part: Part) -> Iterator[Any]:
    pyarrow, parquet = load_pyarrow()
    try:
        with readable(part), part.opened() as data, parquet.ParquetFile(data) as file:
            yield file
    except (pyarrow.ArrowException, ValueError, OverflowError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigurationError(f"{part.name} must be a readable Parquet file: {reason}") from None


def _is_zoneless(schema: Any, column: str | None) -> bool:
    """Whether a column holds moments or dates without a zone."""
    types = load_pyarrow()[0].types
    if column not in schema.names:
        return False
    kind = schema.field(column).type
    return bool(types.is_date(kind) or (types.is_timestamp(kind) and kind.tz is None))


def _rows(records: Any, ids: set[str]) -> list[dict[str, Any]]:
    names = records.schema.names
    columns = [_column(records.column(name), is_id=name in ids) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _column(array: Any, *, is_id: bool) -> list[Any]:
    types = load_pyarrow()[0].types
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_decimal(array.type):
        array = array.cast("float64")
    if types.is_date(array.type) or types.is_timestamp(array.type):
        return _timestamps(array, types)
    if types.is_floating(array.type):
        return _numbers(array, types)
    if is_id and types.is_integer(array.type):
        # What a number is as an id is settled here for a whole column at once.
        array = array.cast("string")
    if types.is_string(array.type) or types.is_large_string(array.type):
        # Through numpy a string costs a fifth of what to_pylist takes.
        return list(array.to_numpy(zero_copy_only=False).tolist())
    return list(array.to_pylist())


def _numbers(array: Any, types: Any) -> list[Any]:
    if types.is_float64(array.type):
        return _rounded(array.to_numpy(zero_copy_only=False).tolist())
    shortest = orjson.dumps(
        array.cast("float32").to_numpy(zero_copy_only=False).copy(),
        option=orjson.OPT_SERIALIZE_NUMPY,
    )
    return list(orjson.loads(shortest))


def _rounded(column: Sequence[float]) -> list[float | None]:
    """Return numbers without binary dust, and None for what is no number."""
    return [round(x, _DECIMALS) if isfinite(x) else None for x in column]


def _timestamps(array: Any, types: Any) -> list[Any]:
    pyarrow = load_pyarrow()[0]
    if types.is_date(array.type):
        array = array.cast("date32").cast(pyarrow.timestamp("s"))
    # numpy's nanoseconds end in 2262, and no payment needs them.
    unit: Any = "us" if array.type.unit == "ns" else array.type.unit
    moments = _moments(array, unit)
    zone = array.type.tz
    if zone is None or zone in ("UTC", "Z", "+00:00"):
        # Without a zone they are taken as UTC.
        texts: list[Any] = np.datetime_as_string(moments, unit=unit, timezone="UTC").tolist()
    else:
        local = _moments(pyarrow.compute.local_timestamp(array), unit)
        texts = _with_offsets(local, moments, unit)
    if array.null_count == 0:
        return texts
    return [None if text.startswith("NaT") else text for text in texts]


def _moments(array: Any, unit: Any) -> Any:
    return array.to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")


def _with_offsets(local: Any, utc: Any, unit: Any) -> list[Any]:
    """Return RFC 3339 texts that show the local time and its offset from UTC."""
    minutes = (local - utc).astype("timedelta64[m]").astype(np.int64)
    minutes[np.isnat(utc)] = 0
    distinct, which = np.unique(minutes, return_inverse=True)
    suffixes = np.array([_offset(int(value)) for value in distinct])
    texts = np.datetime_as_string(local, unit=unit)
    return list(np.char.add(texts, suffixes[which]).tolist())


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
