"""Bounded tables of decayed sums per entity: cards, a card's spending, merchants.

A row is time and state as they are stored, and a record whose fields the compiled loops read by name.

Invariants:
* A row holds the sums as of the entity's latest event; reading decays, storing does not.
* At most ``capacity`` entities; beyond it those unused for longest go, saved ones first.
* ``changed`` marks exactly the rows whose latest state has not been handed to `take_changed`.
* ``unloaded`` names no more entities than there are rows: one that goes is not waited for any more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.errors import InvariantError
from streamer.features.kinds import EntityKind
from streamer.features.packed import PackedStates
from streamer.features.records import as_records

__all__ = ["EntityTable", "Evicted"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FIRST_SIZE = 1024
# Evicting one row at a time would scan the table for each new entity.
_EVICTED_SHARE = 1 / 16
_NEVER_MS = -1
_COPIED_AT_ONCE = 1_024
# Copying so many takes 50 ms; scoring goes on while room for more is made, and changes a few more.
_MANY = 50_000
_SPARE_SHARE = 8
# A name of 15 characters as Python keeps it; the table's own dictionary and list come on top.
_NAME_BYTES = 64


@dataclass(frozen=True, slots=True)
class Evicted:
    """How many entities made room, and of how many of them something is lost by it: what was not
    saved, or not merged yet with what is stored."""

    n: int = 0
    n_unsaved: int = 0


class EntityTable:
    """The states of up to ``capacity`` entities of one kind."""

    def __init__(self, kind: EntityKind, capacity: int) -> None:
        self.kind = kind
        self.capacity = capacity
        self.n_evicted = 0
        self.n_evicted_unsaved = 0
        self._told = Evicted()
        size = min(_FIRST_SIZE, capacity)
        self._set_rows(np.zeros((size, 1 + kind.n_columns), dtype="<f8"))
        self.changed = np.zeros(size, dtype=bool)
        # CRC-32 of each row's key: the same wherever the entity is.
        self.hashes = np.zeros(size, dtype=np.uint64)
        self._used_at = np.zeros(size, dtype=np.int64)
        self._clock = 0
        self._row_of: dict[str | None, int] = {}
        self._keys: list[str] = []
        self._free: list[int] = []
        self._unloaded: set[str] = set()
        self._spare: Floats | None = None

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def times_ms(self) -> Floats:
        """When each row's state was, -1 before its first event; milliseconds are exact below 2^53."""
        return self._rows[:, 0]

    @property
    def states(self) -> Floats:
        """The state of each row, shape (n_rows, n_columns)."""
        return self._rows[:, 1:]

    @property
    def n_bytes(self) -> int:
        """Memory that the table takes, names by estimate."""
        arrays = (self._rows, self.changed, self.hashes, self._used_at)
        names = sys.getsizeof(self._row_of) + sys.getsizeof(self._keys)
        return sum(array.nbytes for array in arrays) + names + _NAME_BYTES * len(self._keys)

    def unknown(self, keys: Sequence[str | None]) -> list[str]:
        """Return the distinct keys that the table does not hold, in order of appearance.

        Loading these next makes no room at the cost of the others.
        """
        absent = self._absent(keys)
        if len(self) + len(absent) > self.capacity:
            held = [self._row_of[key] for key in keys if key in self._row_of]
            self._used_at[held] = self._clock + 1
        return absent

    def _absent(self, keys: Iterable[str | None]) -> list[str]:
        row_of = self._row_of
        absent = [key for key in keys if key not in row_of]
        return [key for key in dict.fromkeys(absent) if key is not None]

    def rows(self, keys: Sequence[str | None], *, to_change: bool = False) -> Integers:
        """Return the row of each key, making rows for unknown ones, shape (n_keys,); -1 for None.

        Whoever changes what is in them says so.
        """
        self._clock += 1
        rows, n_absent = self._use(keys, to_change)
        if n_absent:
            new = self._absent(keys[i] for i in np.flatnonzero(rows < 0).tolist())
            self._make_room(len(new), rows[rows >= 0])
            for key in new:
                self._add(key)
            rows, _ = self._use(keys, to_change)
        return rows

    def _use(self, keys: Sequence[str | None], to_change: bool) -> tuple[Integers, int]:
        found = map(self._row_of.get, keys, repeat(-1))
        rows = np.fromiter(found, np.int64, len(keys))
        return rows, use(rows, self._clock, self._used_at, to_change, self.changed)

    def store(self, rows: Integers, times_ms: Integers, states: Floats) -> None:
        """Replace the state of distinct ``rows``; ``states`` IN shape (n_rows, n_columns)."""
        self._rows[rows, 0], self._rows[rows, 1:] = times_ms, states
        self.changed[rows] = True

    def take_changed(self) -> PackedStates:
        """Return the packed state of every changed entity and mark them as saved."""
        rows = np.flatnonzero(self.changed)
        self.changed[rows] = False
        spare, self._spare = self._spare, None
        packed = self._room(len(rows)) if spare is None or len(spare) < len(rows) else spare
        packed = packed[: len(rows)]
        # In pieces that stay in the processor's cache: two copies of them all would not.
        for first in range(0, len(rows), _COPIED_AT_ONCE):
            piece = rows[first : first + _COPIED_AT_ONCE]
            packed[first : first + len(piece)] = self._rows[piece]
        keys = self._keys
        return PackedStates([keys[row] for row in rows.tolist()], packed.view(np.uint8))

    def reserve(self) -> None:
        """Make the room that `take_changed` will need, where it is much: the pages of a gigabyte of
        new memory cost seconds, which nobody need wait for."""
        n_changed = int(np.count_nonzero(self.changed))
        if n_changed > _MANY:
            self._spare = self._room(n_changed + n_changed // _SPARE_SHARE)
            self._spare.fill(0.0)

    def _room(self, n: int) -> Floats:
        return np.empty((n, 1 + self.kind.n_columns), dtype="<f8")

    def load(self, stored: Mapping[str, bytes | None]) -> None:
        """Take in what is stored of entities; None stands for one never stored.

        Those that the table holds already are merged.  Of the others as many are taken as there can
        be rows; one never stored gets a row too, which says that there is nothing to look up any more.
        """
        self._check({key: state for key, state in stored.items() if state is not None})
        new = self._absent(stored)[: self.capacity]
        for key, state in stored.items():
            if state is not None and key in self._row_of:
                self._merge(self._row_of[key], state)
        self._unloaded.difference_update(stored)
        if new:
            self.rows(new)
        found = {key: state for key in new if (state := stored[key]) is not None}
        fresh = list(found)
        if fresh:
            unpacked = np.frombuffer(b"".join(found.values()), dtype="<f8")
            self._rows[self.rows(fresh)] = unpacked.reshape(len(fresh), -1)

    def mark_unloaded(self, keys: Iterable[str]) -> None:
        """Remember that what is stored of ``keys`` could not be read and is still to be merged."""
        self._unloaded.update(keys)

    def take_evicted(self) -> Evicted:
        """Return what has made room since the last call."""
        before, self._told = self._told, Evicted(self.n_evicted, self.n_evicted_unsaved)
        return Evicted(self.n_evicted - before.n, self.n_evicted_unsaved - before.n_unsaved)

    @property
    def unloaded(self) -> list[str]:
        """Keys whose stored state has still to be merged into the table."""
        return list(self._unloaded)

    def _check(self, found: Mapping[str, bytes]) -> None:
        """Raise `InvariantError` where a stored state is none of ours."""
        expected = 8 * (1 + self.kind.n_columns)
        for state in found.values():
            if len(state) != expected:
                raise InvariantError(
                    f"stored state of {self.kind.name} must have {expected} bytes, got {len(state)}; "
                    "another release or something else has written it: start another "
                    "STREAMER_NAMESPACE"
                )

    def _merge(self, row: int, packed: bytes) -> None:
        """Add a stored state to one that has begun without it: decayed sums simply add up."""
        own, stored = self._rows[row], np.frombuffer(packed, dtype="<f8")
        older, newer = (stored, own) if stored[0] <= own[0] else (own, stored)
        n_decaying, n_sums = len(self.kind.half_lives_s), self.kind.n_sums
        behind_s = (newer[0] - older[0]) / 1000
        left = np.ones(n_sums)
        left[:n_decaying] = np.exp2(-behind_s / self.kind.half_lives_s)
        own[1 : 1 + n_sums] = newer[1 : 1 + n_sums] + left * older[1 : 1 + n_sums]
        own[0] = newer[0]
        last = slice(1 + n_sums, None)
        if np.isnan(own[last]).any() or not own[last].any():
            own[last] = stored[last]
        self.changed[row] = True

    def _add(self, key: str) -> int:
        if self._free:
            row = self._free.pop()
            self._keys[row] = key
        else:
            row = len(self._keys)
            self._keys.append(key)
            if row == len(self.changed):
                self._grow()
        self._rows[row] = 0.0
        self._rows[row, 0] = _NEVER_MS
        self.changed[row] = False
        self.hashes[row] = crc32(key.encode())
        self._row_of[key] = row
        return row

    def _grow(self) -> None:
        more = min(self.capacity - len(self.changed), len(self.changed))
        self._set_rows(np.append(self._rows, np.zeros((more, 1 + self.kind.n_columns)), axis=0))
        self.changed = np.append(self.changed, np.zeros(more, dtype=bool))
        self.hashes = np.append(self.hashes, np.zeros(more, dtype=np.uint64))
        self._used_at = np.append(self._used_at, np.zeros(more, dtype=np.int64))

    def _set_rows(self, rows: Floats) -> None:
        self._rows = rows
        self.records = as_records(rows, self.kind.row)

    def _make_room(self, n_new: int, keep: Integers) -> None:
        n_over = len(self) + n_new - self.capacity
        if n_over <= 0:
            return
        if len(self) - len(np.unique(keep)) < n_over:
            raise InvariantError(
                f"{self.kind.name} capacity must be at least one batch's distinct entities, "
                f"got {self.capacity}; raise it or lower STREAMER_BATCH_MAX_RECORDS"
            )
        occupied = np.fromiter(self._row_of.values(), dtype=np.int64, count=len(self))
        n_idle = int(np.count_nonzero(self._used_at[occupied] != self._clock))
        n_evicted = max(n_over, min(int(self.capacity * _EVICTED_SHARE), n_idle))
        # Rows in use now sort last, unsaved ones after saved ones, the longest unused first.
        age = self._used_at[occupied] + self.changed[occupied] * (self._clock + 1)
        age[self._used_at[occupied] == self._clock] = np.iinfo(np.int64).max
        for row in occupied[np.argpartition(age, n_evicted - 1)[:n_evicted]].tolist():
            key = self._keys[row]
            del self._row_of[key]
            self._free.append(row)
            self.n_evicted_unsaved += bool(self.changed[row]) or key in self._unloaded
            self._unloaded.discard(key)
            self.changed[row] = False
        self.n_evicted += n_evicted


@compiled
def use(
    rows: Integers, clock: int, used_at: Integers, to_change: bool, changed: NDArray[np.bool_]
) -> int:
    """Note that rows are used now, and perhaps changed (IN/OUT); return how many are none (-1)."""
    n_absent = 0
    for row in rows:
        if row < 0:
            n_absent += 1
        else:
            used_at[row] = clock
            changed[row] |= to_change
    return n_absent
