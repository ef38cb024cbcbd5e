"""Named columns: rows whose fields are read by name, by numpy and by compiled loops alike.

The records are a view.  The same memory is a matrix: of floats (n, n_floats), which is what the model
reads of features, or of bytes, which is what is stored of entities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Record", "Records", "as_records", "empty_records", "record"]

Records = NDArray[Any]
Record = Any
"""One of `Records`: an attribute for each field, in numpy and compiled."""


def record(*fields: str | tuple[Any, ...]) -> np.dtype[np.void]:
    """Return the type of a row with these fields in order: one float each, as many as it says, or of
    the type that it says.

    >>> record("time_ms", ("frauds", 3), ("currency", "<u2")).itemsize
    34
    """
    shaped: list[Any] = []
    for field in fields:
        name, *how = [field] if isinstance(field, str) else field
        is_plain = all(isinstance(each, int) for each in how)
        shaped.append((name, "<f8", *([(how[0],)] if how else [])) if is_plain else field)
    return np.dtype((np.record, shaped))


def as_records(matrix: NDArray[Any], row: np.dtype[np.void]) -> Records:
    """Return the rows of a contiguous ``matrix`` (n, ...) as records (n,) in the same memory."""
    return np.ndarray((len(matrix),), row, matrix)


def empty_records(n: int, row: np.dtype[np.void]) -> Records:
    """Return n records in which nothing is written yet.

    `np.empty` looks through the fields for objects, which takes ten times as long.
    """
    return np.ndarray((n,), row, np.empty(n * row.itemsize, np.uint8))
