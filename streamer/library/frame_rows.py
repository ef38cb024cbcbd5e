"""Rows of a data frame as dicts, a few thousand at a time; frames are known by what they can do.

float32 is the trap: 27.36 is kept as 27.360000610351562, and its own shortest text is 27.36, which is
the amount that was meant (`streamer.datafiles.parquet` reads it so too).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import orjson

from streamer.arrays import Floats

__all__ = ["is_missing", "plain_number", "rows_of_frame", "values_of"]

_ROWS: Final = 4_096
_NARROW: Final = ("float16", "float32", "float", "halffloat")


def rows_of_frame(frame: Any) -> Iterator[dict[str, Any]] | None:
    """Return the rows of a table of pyarrow, or a frame of polars or pandas; None of anything else."""
    if hasattr(frame, "to_pylist") and hasattr(frame, "slice") and hasattr(frame, "num_rows"):
        return _rows(frame.num_rows, lambda i: _of_arrow(frame.slice(i, _ROWS)))
    if hasattr(frame, "to_dicts") and hasattr(frame, "slice"):
        return _rows(len(frame), lambda i: _of_polars(frame.slice(i, _ROWS)))
    if hasattr(frame, "to_dict") and hasattr(frame, "iloc") and hasattr(frame, "columns"):
        return _rows(len(frame), lambda i: _of_pandas(frame.iloc[i : i + _ROWS]))
    return None


def values_of(column: Any) -> list[Any]:
    """Return the values of a list, an iterator, an array or a column of a frame; missing ones as None.

    >>> values_of(np.array([1.0, np.nan])), values_of((True, None))
    ([1.0, None], [True, None])
    """
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, name):
            return [None if is_missing(each) else each for each in getattr(column, name)()]
    return [None if is_missing(each) else each for each in column]


def is_missing(value: Any) -> bool:
    """Whether it is None, or unlike itself as NaN and NaT are."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA is neither like nor unlike itself.
        return type(value).__name__ == "NAType"


def plain_number(value: Any) -> Any:
    """Return a scalar of numpy as Python's; of fewer digits than a float has, by its shortest text.

    >>> plain_number(np.float32(27.36)), plain_number(np.int8(3))
    (27.36, 3)
    """
    return float(str(value)) if isinstance(value, np.float32 | np.float16) else value.item()


def _rows(n: int, rows_at: Callable[[int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for first in range(0, n, _ROWS):
        yield from rows_at(first)


def _of_arrow(part: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = part.to_pylist()
    for name, kind in zip(part.schema.names, part.schema.types, strict=True):
        if str(kind) in _NARROW:
            _mend(rows, name, part.column(name).to_numpy())
    return rows


def _of_polars(part: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = part.to_dicts()
    for name, kind in part.schema.items():
        if str(kind).lower() in _NARROW:
            _mend(rows, name, part[name].to_numpy())
    return rows


def _of_pandas(part: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = part.to_dict(orient="records")
    for name, kind in part.dtypes.items():
        # float32 of numpy, Float32 of pandas, float[pyarrow]; float64 and double are as they are.
        if str(kind).lower().partition("[")[0] in _NARROW:
            _mend(rows, name, part[name].to_numpy(dtype=np.float32, na_value=np.nan))
    return rows


def _mend(rows: list[dict[str, Any]], name: Any, column: Floats) -> None:
    """Put the numbers that were meant into ``rows`` (IN/OUT); what is none is None."""
    narrow = np.ascontiguousarray(column, dtype=np.float32)
    meant = orjson.loads(orjson.dumps(narrow, option=orjson.OPT_SERIALIZE_NUMPY))
    for row, value in zip(rows, meant, strict=True):
        row[name] = value
