"""What is left of an entity's sums at a time, read without a loop of the product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.features import EntityTable
from streamer.indexing import fingerprints

__all__ = ["sums_at"]


def sums_at(table: EntityTable, key: str, time_ms: int) -> NDArray[np.float64]:
    """Return the decaying sums of ``key`` at a time that is not before its latest event."""
    (row,) = table.rows(fingerprints([key]))
    half_lives_s = table.kind.half_lives_s
    if row < 0 or table.times_ms[row] < 0:
        return np.zeros(len(half_lives_s))
    age_s = (time_ms - table.times_ms[row]) / 1000
    return table.records["sums"][row] * 0.5 ** (age_s / half_lives_s)
