"""Named columns: rows of floats whose fields are read by name, by numpy and by compiled loops alike.

The records are a view.  The same memory is a matrix (n, n_floats), which is what the model reads of
features and what is stored of entities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Record", "Records", "as_records", "record"]

Records = NDArray[Any]
Record = Any
"""One of `Records`: an attribute for each field, in numpy and compiled."""


def record(*fields: str | tuple[str, int]) -> np.dtype[np.void]:
    """Return the type of a row with these fields in order: one float each, or as many as it says.

    >>> record("time_ms", ("frauds", 3)).itemsize
    32
    """
    shaped = [(f, "<f8") if isinstance(f, str) else (f[0], "<f8", (f[1],)) for f in fields]
    return np.dtype((np.record, shaped))


def as_records(matrix: NDArray[np.float64], row: np.dtype[np.void]) -> Records:
    """Return the rows of a contiguous ``matrix`` (n, n_floats) as records (n,) in the same memory."""
    return matrix.reshape(-1).view(row)
