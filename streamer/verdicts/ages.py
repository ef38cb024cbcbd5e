"""When each waiting payment happened, and which are old, found without a look at all of them.

Slots are taken in blocks, and of each a time is kept that none of its payments is older than.  Payments
of a time lie together, so that few blocks have any that are to go.

Invariant: ``earliest_ms[block]`` is at most the time of every payment in the block, and what is known
of all of them at most every ``earliest_ms``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Integers
from streamer.compiled import compiled

__all__ = ["NEVER_MS", "Ages", "find_older", "note_time", "note_times"]


NEVER_MS: Final = np.iinfo(np.int64).max
"""Time of a slot that holds no payment: it never grows old."""
# A few hundred blocks of a few hundred slots: to look at all blocks takes as long as to look into one.
_BLOCK: Final = 256
_NONE: Final = np.zeros(0, dtype=np.int64)


class Ages:
    """The times of ``size`` slots, in milliseconds since the epoch."""

    def __init__(self, size: int) -> None:
        self.times_ms = np.zeros(0, dtype=np.int64)
        self.earliest_ms = np.zeros(0, dtype=np.int64)
        self._from_ms: int = NEVER_MS
        self.grow(size)

    def grow(self, size: int) -> None:
        """Have ``size`` slots."""
        self.times_ms = _longer(self.times_ms, size)
        self.earliest_ms = _longer(self.earliest_ms, -(-size // _BLOCK))

    def put(self, slots: Integers, times_ms: Integers) -> None:
        """Note the times (n,) of payments; of a slot that is there twice the later one stays."""
        note_times(slots, times_ms, self.times_ms, self.earliest_ms)
        if len(slots):
            self.are_from(int(times_ms.min()))

    def are_from(self, time_ms: int) -> None:
        """Note that no payment that was put is from before ``time_ms``."""
        self._from_ms = min(self._from_ms, time_ms)

    def forget(self, slots: Integers) -> None:
        """Note that ``slots`` hold no payment."""
        self.times_ms[slots] = NEVER_MS

    def older_than(self, time_ms: int) -> Integers:
        """Return the slots of the payments from before ``time_ms``, oldest first."""
        if self._from_ms >= time_ms:
            return _NONE
        n_blocks = int(np.count_nonzero(self.earliest_ms < time_ms))
        found = np.empty(n_blocks * _BLOCK, dtype=np.int64)
        old = found[: find_older(time_ms, self.times_ms, self.earliest_ms, found)]
        self._from_ms = int(self.earliest_ms.min())
        return old[np.argsort(self.times_ms[old], kind="stable")]


def _longer(times_ms: Integers, size: int) -> Integers:
    return np.concatenate([times_ms, np.full(size - len(times_ms), NEVER_MS)])


@compiled
def note_times(
    slots: Integers, times_ms: Integers, of_slots: Integers, earliest_ms: Integers
) -> None:
    """Give ``slots`` their times in ``of_slots``, and blocks their earliest; both are IN/OUT."""
    for i in range(len(slots)):
        note_time(slots[i], times_ms[i], of_slots, earliest_ms)


@compiled
def note_time(slot: int, time_ms: int, of_slots: Integers, earliest_ms: Integers) -> None:
    """Give one slot its time."""
    of_slots[slot] = time_ms
    block = slot // _BLOCK
    earliest_ms[block] = min(earliest_ms[block], time_ms)


@compiled
def find_older(time_ms: int, of_slots: Integers, earliest_ms: Integers, found: Integers) -> int:
    """Fill ``found`` (OUT) with the slots from before ``time_ms`` in ascending order; return how many.

    ``earliest_ms`` (IN/OUT) is right afterwards of each block that was looked into.
    """
    n = 0
    for block in range(len(earliest_ms)):
        if earliest_ms[block] < time_ms:
            earliest_ms[block] = NEVER_MS
            for slot in range(block * _BLOCK, min((block + 1) * _BLOCK, len(of_slots))):
                earliest_ms[block] = min(earliest_ms[block], of_slots[slot])
                if of_slots[slot] < time_ms:
                    found[n] = slot
                    n += 1
    return n
