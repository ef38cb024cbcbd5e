"""The loop that enters payments into the table of those that wait, and writes their rows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.indexing.index import Slots, place_of
from streamer.verdicts.ages import NEVER_MS, note_time

__all__ = ["UNJUDGED", "put_rows"]

UNJUDGED: Final = -1


@compiled
def put_rows(
    prints: Integers,
    hashes: Floats,
    times_ms: Integers,
    alerted: Flags,
    inputs: Floats,
    beside: Floats,
    share: float,
    picked: Integers,
    slots: Integers,
    table: Slots,
    held: Integers,
    free: Slots,
    n_held: int,
    segment_of: Integers,
    of_times_ms: Integers,
    earliest_ms: Integers,
    open_times_ms: Integers,
    earliest_open_ms: Integers,
    whole_times_ms: Integers,
    earliest_whole_ms: Integers,
    of_hashes: Floats,
    of_shares: Floats,
    of_alert: Flags,
    of_verdicts: NDArray[np.int8],
    of_final: Flags,
    of_vectors: NDArray[np.float32],
) -> tuple[int, int, int, int]:
    """Enter payments, and write their rows: which, and where, are ``picked`` and ``slots`` (OUT).

    All behind is IN/OUT.  Return how many are picked, how many of them were saved as what they were
    before, how many are held now, and the time of the earliest payment.  An alert is always kept, any
    other payment with the probability ``share``.
    """
    n_inputs, n_picked, n_saved, first_ms = inputs.shape[1], 0, 0, NEVER_MS
    for i in range(len(prints)):
        first_ms = min(first_ms, times_ms[i])
        if not (alerted[i] or hashes[i] < share):
            continue
        at = place_of(prints[i], table, held)
        if table[at] < 0:
            n_held += 1
            table[at] = free[len(free) - n_held]
            held[table[at]] = prints[i]
        slot = table[at]
        picked[n_picked], slots[n_picked] = i, slot
        n_picked += 1
        n_saved += segment_of[slot] >= 0
        note_time(slot, times_ms[i], of_times_ms, earliest_ms)
        note_time(slot, times_ms[i], open_times_ms, earliest_open_ms)
        note_time(slot, times_ms[i], whole_times_ms, earliest_whole_ms)
        of_hashes[slot] = hashes[i]
        of_alert[slot] = alerted[i]
        of_shares[slot] = 1.0 if alerted[i] else share
        of_verdicts[slot], of_final[slot] = UNJUDGED, False
        for j in range(n_inputs):
            of_vectors[slot, j] = inputs[i, j]
        for j in range(beside.shape[1]):
            of_vectors[slot, n_inputs + j] = beside[i, j]
    return n_picked, n_saved, n_held, first_ms
