"""Payments on their way into the buffer of those that wait for a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Waiting"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Waiting:
    """n payments, as much of each as learning from its label will need.

    ``inputs`` (n, n_inputs) of the head, NaN where unknown; ``ranks`` (n, 2) that the distance and
    the head gave, NaN where there was no head; ``cards`` and ``merchants`` (n,) by name, None where the
    payment names no merchant.
    """

    times_ms: NDArray[np.int64]
    alerted: NDArray[np.bool_]
    inputs: Floats
    ranks: Floats
    cards: Sequence[str]
    merchants: Sequence[str | None]
