"""Which payments a partition has scored before: the same card and transaction id sent again.

A payment is remembered as a fingerprint of 63 bits.  Among 200,000 remembered ones a new payment is
mistaken for one of them with a probability of 2e-14; with 32 bits it would be 5e-5, a payment in
21,000 lost.

Invariants:
* Offsets are cut into generations of ``window`` offsets; a payment is held against those of its own
  and of the generation before.  So one that comes again within ``window`` offsets is always known, one
  after 2 x ``window`` never, and where batches end does not matter.
* At most 2 x ``window`` fingerprints are kept, saved in at most 2 x 64 fields.
* Another epoch's offsets are other records: what was remembered of them is let go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.compiled import compiled

__all__ = ["Repeats", "put", "recognise"]


# Of what a field holds: those of another kind of fingerprint are let go.
_FORMAT: Final = 2
_FIELDS_PER_GENERATION: Final = 64
_FIRST_SIZE: Final = 1 << 10
_FREE: Final = -1
Place = tuple[int, int]
"""A generation, and which of its fields an offset belongs to."""


class Repeats:
    """The fingerprints of one partition's last payments; ``window`` 0 remembers none."""

    def __init__(self, window: int, epoch: int = 0) -> None:
        self.window = window
        self.epoch = epoch
        self._step = max(1, -(-window // _FIELDS_PER_GENERATION))
        # An open hash table, at most half full, of fingerprints and the offsets that they are of.
        self._prints = np.full(_FIRST_SIZE, _FREE, dtype=np.int64)
        self._offsets = np.zeros(_FIRST_SIZE, dtype=np.int64)
        self._latest = 0
        self._n = 0
        # What fields hold that are not complete, or not saved yet; and which fields are saved.
        self._open: dict[Place, list[Integers]] = {}
        self._changed: set[Place] = set()
        self._saved: set[str] = set()
        self._removed: set[str] = set()

    def __len__(self) -> int:
        return self._n

    def recognise(self, offsets: Integers, prints: Integers) -> Flags:
        """Return which payments have been there before, earlier ones of the same call included.

        ``offsets`` (n,) ascend.  Changes nothing: what is then scored is for `add`.
        """
        found = np.zeros(len(offsets), dtype=np.bool_)
        if self.window:
            recognise(prints, offsets, self.window, self._prints, self._offsets, found)
        return found

    def add(self, offsets: Integers, prints: Integers) -> None:
        """Remember payments; ``offsets`` (n,) ascend, over all calls."""
        if not self.window or not len(offsets):
            return
        first, last = 0, int(offsets[-1])
        while first < len(offsets):
            generation, within = divmod(int(offsets[first]), self.window)
            field = within // self._step
            ending = generation * self.window + min((field + 1) * self._step, self.window)
            end = len(offsets) if last < ending else int(np.searchsorted(offsets, ending))
            self._open.setdefault((generation, field), []).append(prints[first:end])
            self._changed.add((generation, field))
            first = end
        self._put(prints, offsets)

    def take_changed(self) -> dict[str, bytes]:
        """Return the fields that differ since the last call, packed."""
        changed = {
            self._name(place): np.concatenate(self._open[place]).astype("<i8").tobytes()
            for place in sorted(self._changed)
        }
        self._saved |= changed.keys()
        self._changed.clear()
        # Only the last field can still grow.
        self._open = dict(sorted(self._open.items())[-1:])
        return changed

    def take_removed(self) -> list[str]:
        """Return the fields that have gone since the last call."""
        removed = sorted(self._removed)
        self._removed.clear()
        return removed

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned; what was kept for another window or epoch goes."""
        ours = f"{_FORMAT}:{self.epoch}:{self.window}:"
        found: dict[Place, bytes] = {}
        for name, packed in stored.items():
            if self.window and name.startswith(ours):
                generation, field = name.removeprefix(ours).split(":")
                found[int(generation), int(field)] = packed
            else:
                self._removed.add(name)
        for place, packed in sorted(found.items()):
            prints = np.frombuffer(packed, dtype="<i8").astype(np.int64)
            self._open = {place: [prints]}
            self._saved.add(self._name(place))
            self._put(prints, np.full(len(prints), place[0] * self.window))

    def _put(self, prints: Integers, offsets: Integers) -> None:
        if 2 * (self._n + len(prints)) > len(self._prints):
            self._rebuild(self._n + len(prints))
        self._n = put(prints, offsets, self._prints, self._offsets, self._n)
        latest = int(offsets[-1]) // self.window
        if latest > self._latest:
            self._latest = latest
            self._rebuild(self._n)
            self._forget_fields(latest - 1)

    def _rebuild(self, n: int) -> None:
        """Let expired generations go, and have room for ``n``."""
        earliest = (self._latest - 1) * self.window
        is_kept = (self._prints != _FREE) & (self._offsets >= earliest)
        prints, offsets = self._prints[is_kept], self._offsets[is_kept]
        size = max(_FIRST_SIZE, 1 << (2 * n).bit_length())
        self._prints = np.full(size, _FREE, dtype=np.int64)
        self._offsets = np.zeros(size, dtype=np.int64)
        self._n = put(prints, offsets, self._prints, self._offsets, 0)

    def _forget_fields(self, before: int) -> None:
        """Let go of the fields of generations before this one."""
        gone = {name for name in self._saved if int(name.split(":")[3]) < before}
        self._saved -= gone
        self._removed |= gone
        self._open = {place: prints for place, prints in self._open.items() if place[0] >= before}
        self._changed = {place for place in self._changed if place[0] >= before}

    def _name(self, place: Place) -> str:
        return f"{_FORMAT}:{self.epoch}:{self.window}:{place[0]}:{place[1]}"


@compiled
def recognise(
    prints: Integers,
    offsets: Integers,
    window: int,
    known: Integers,
    known_at: Integers,
    found: Flags,
) -> None:
    """Fill ``found`` (OUT, n) with which payments are known, by the table or by an earlier one here.

    ``known`` and ``known_at`` are the table's fingerprints and their offsets.
    """
    size = 2
    while size < 2 * len(prints):
        size *= 2
    # Where in this call the last payment is that was not known, by fingerprint.
    fresh = np.full(size, _FREE, np.int64)
    for i in range(len(prints)):
        generation = offsets[i] // window
        at = prints[i] & (len(known) - 1)
        while known[at] != _FREE and known[at] != prints[i]:
            at = (at + 1) & (len(known) - 1)
        found[i] = known[at] == prints[i] and generation - known_at[at] // window <= 1
        if not found[i]:
            at = prints[i] & (size - 1)
            while fresh[at] >= 0 and prints[fresh[at]] != prints[i]:
                at = (at + 1) & (size - 1)
            found[i] = fresh[at] >= 0 and generation - offsets[fresh[at]] // window <= 1
            if not found[i]:
                fresh[at] = i


@compiled
def put(prints: Integers, offsets: Integers, known: Integers, known_at: Integers, n: int) -> int:
    """Put fingerprints into the table (IN/OUT) that holds ``n``, and return how many it holds then."""
    for i in range(len(prints)):
        at = prints[i] & (len(known) - 1)
        while known[at] != _FREE and known[at] != prints[i]:
            at = (at + 1) & (len(known) - 1)
        if known[at] == _FREE:
            n += 1
        known[at], known_at[at] = prints[i], offsets[i]
    return n
