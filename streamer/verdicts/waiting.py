"""Payments on their way into the buffer of those that wait for a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.arrays import Flags, Floats, Integers
from streamer.contract.record_columns import Spans

__all__ = ["Waiting"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """n payments, as much of each as learning from its label will need.

    ``inputs`` (n, n_inputs) of the head, NaN where unknown; ``ranks`` (n, 2) that the distance and
    the head gave, NaN where there was no head; ``ids`` (n,) are what stands for the payments' ids,
    ``parties`` (n, 2) the names of card and merchant, no bytes where the payment names none.
    """

    times_ms: Integers
    alerted: Flags
    inputs: Floats
    ranks: Floats
    ids: Integers
    parties: Spans
