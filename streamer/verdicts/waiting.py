"""Payments on their way into the buffer of those that wait for a verdict."""

from __future__ import annotations

from typing import Final, NamedTuple

from streamer.arrays import Flags, Floats, Integers
from streamer.contract.record_columns import Spans

__all__ = ["N_BESIDE", "Waiting"]

N_BESIDE: Final = 3
"""What is kept of a payment beside its inputs: two ranks, and its stake."""


class Waiting(NamedTuple):
    """n payments, as much of each as learning from its label will need.

    ``inputs`` (n, n_inputs) of the head, NaN where unknown; ``beside`` (n, 3) the ranks that the
    distance and the head gave, NaN where there was no head, and what is at stake
    (`streamer.model.lanes`); ``ids`` (n,) are what stands for the payments' ids,
    ``parties`` (n, 2 or more) at last the names of card and merchant, no bytes where the payment names
    none.
    """

    times_ms: Integers
    alerted: Flags
    inputs: Floats
    beside: Floats
    ids: Integers
    parties: Spans

    @property
    def latest_ms(self) -> int:
        """When the latest of them happened."""
        # A reduction takes longer than all of what is done for one payment.
        return self.times_ms.item() if len(self.times_ms) == 1 else int(self.times_ms.max())
