"""The working form of payments: one structured array, numbers only, before they become messages.

A single array keeps the columns of a payment together through sorting, cutting and joining.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.arrays import Integers

__all__ = [
    "ATM",
    "CHANNELS",
    "ECOMMERCE",
    "OPTIONAL_FIELDS",
    "POS",
    "ROW",
    "Rows",
    "draw_missing",
    "in_time_order",
    "make_rows",
]

Rows = NDArray[np.void]

CHANNELS: Final = ("pos", "ecommerce", "atm")
POS, ECOMMERCE, ATM = range(3)

# Bit i of ``missing`` says that the producer left out OPTIONAL_FIELDS[i].
OPTIONAL_FIELDS: Final = ("merchant_id", "mcc", "country", "location", "channel")
_MISSING_SHARES: Final = np.array([0.003, 0.01, 0.005, 0.02, 0.005])
_BITS: Final = 1 << np.arange(len(OPTIONAL_FIELDS))

# customer, merchant and money are indices into the world's arrays; pattern 0 is a genuine payment.
ROW: Final = np.dtype(
    [
        ("time_ms", np.int64),
        ("customer", np.int64),
        ("merchant", np.int64),
        ("amount", np.float64),
        ("money", np.int64),
        ("utc_offset_min", np.int64),
        ("channel", np.int64),
        ("pattern", np.int64),
        ("missing", np.int64),
    ]
)


def make_rows(n: int, **columns: ArrayLike) -> Rows:
    """Return ``n`` rows with the given columns; a scalar fills its column, the rest is 0."""
    rows: Any = np.zeros(n, dtype=ROW)
    for name, values in columns.items():
        rows[name] = values
    return np.asarray(rows)


def draw_missing(n: int, rng: np.random.Generator) -> Integers:
    """Return for each of ``n`` payments the bits of the optional fields its producer left out."""
    return np.asarray((rng.random((n, len(_BITS))) < _MISSING_SHARES) @ _BITS)


def in_time_order(*parts: Rows) -> Rows:
    """Return all rows sorted by time; at equal times the order of the parts stands."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["time_ms"], kind="stable")]
