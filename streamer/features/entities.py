"""Bounded tables of decayed sums per entity: cards, a card's spending, merchants.

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
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streamer.errors import InvariantError
from streamer.features.packed import PackedStates

__all__ = ["EntityKind", "EntityTable", "Evicted"]

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
class EntityKind:
    """What is kept of one kind of entity.

    The first columns are sums that decay with ``half_lives_s``; the ``n_last`` columns after them
    hold the latest value seen and do not decay.
    """

    name: str
    half_lives_s: tuple[float, ...]
    n_last: int = 0

    @property
    def n_sums(self) -> int:
        return len(self.half_lives_s)

    @property
    def n_columns(self) -> int:
        return self.n_sums + self.n_last


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
        self.times_ms = np.full(size, _NEVER_MS, dtype=np.int64)
        self.states = np.zeros((size, kind.n_columns))
        self.changed = np.zeros(size, dtype=bool)
        # CRC-32 of each row's key: the same wherever the entity is.
        self.hashes = np.zeros(size, dtype=np.uint64)
        self._used_at = np.zeros(size, dtype=np.int64)
        self._clock = 0
        self._row_of: dict[str, int] = {}
        self._keys: list[str] = []
        self._free: list[int] = []
        self._unloaded: set[str] = set()
        self._spare: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def n_bytes(self) -> int:
        """Memory that the table takes, names by estimate."""
        arrays = (self.times_ms, self.states, self.changed, self.hashes, self._used_at)
        names = sys.getsizeof(self._row_of) + sys.getsizeof(self._keys)
        return sum(array.nbytes for array in arrays) + names + _NAME_BYTES * len(self._keys)

    def unknown(self, keys: Iterable[str | None]) -> list[str]:
        """Return the distinct keys that the table does not hold, in order of appearance.

        Loading these next makes no room at the cost of the others.
        """
        distinct = [key for key in dict.fromkeys(keys) if key is not None]
        absent = self._absent(distinct)
        if len(self) + len(absent) > self.capacity:
            held = [self._row_of[key] for key in distinct if key in self._row_of]
            self._used_at[held] = self._clock + 1
        return absent

    def _absent(self, keys: Iterable[str]) -> list[str]:
        row_of = self._row_of
        return [key for key in dict.fromkeys(keys) if key not in row_of]

    def rows(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each key, making rows for unknown ones, shape (n_keys,)."""
        self._clock += 1
        if len(self) + len(keys) > self.capacity:
            self._make_room(len(self._absent(keys)), keep=keys)
        row_of = self._row_of
        found = [row_of.get(key, -1) for key in keys]
        rows = np.array(found, dtype=np.int64)
        for position in np.flatnonzero(rows < 0).tolist():
            # An earlier one of these keys may have got the row.
            row = row_of.get(keys[position], -1)
            rows[position] = self._add(keys[position]) if row < 0 else row
        self._used_at[rows] = self._clock
        return rows

    def store(
        self, rows: NDArray[np.int64], times_ms: NDArray[np.int64], states: NDArray[np.float64]
    ) -> None:
        """Replace the state of distinct ``rows``; ``states`` IN shape (n_rows, n_columns)."""
        self.states[rows] = states
        self.advance(rows, times_ms)

    def advance(self, rows: NDArray[np.int64], times_ms: NDArray[np.int64]) -> None:
        """Note that the states of distinct ``rows`` are now those of ``times_ms``."""
        self.times_ms[rows] = times_ms
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
            copied = packed[first : first + len(piece)]
            copied[:, 0] = self.times_ms[piece]  # milliseconds stay exact below 2^53
            copied[:, 1:] = self.states[piece]
        keys = self._keys
        return PackedStates([keys[row] for row in rows.tolist()], packed.view(np.uint8))

    def reserve(self) -> None:
        """Make the room that `take_changed` will need, where it is much: the pages of a gigabyte of
        new memory cost seconds, which nobody need wait for."""
        n_changed = int(np.count_nonzero(self.changed))
        if n_changed > _MANY:
            self._spare = self._room(n_changed + n_changed // _SPARE_SHARE)
            self._spare.fill(0.0)

    def _room(self, n: int) -> NDArray[np.float64]:
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
            unpacked = np.frombuffer(b"".join(found[key] for key in fresh), dtype="<f8")
            unpacked = unpacked.reshape(len(fresh), 1 + self.kind.n_columns)
            rows = self.rows(fresh)
            self.times_ms[rows] = unpacked[:, 0].astype(np.int64)
            self.states[rows] = unpacked[:, 1:]

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
        unpacked = np.frombuffer(packed, dtype="<f8")
        time_ms, stored = int(unpacked[0]), unpacked[1:].copy()
        n_sums = self.kind.n_sums
        behind_s = (self.times_ms[row] - time_ms) / 1000
        half_lives = np.array(self.kind.half_lives_s)
        if behind_s >= 0:
            self.states[row, :n_sums] += stored[:n_sums] * np.exp2(-behind_s / half_lives)
        else:
            own = self.states[row, :n_sums] * np.exp2(behind_s / half_lives)
            self.states[row, :n_sums] = own + stored[:n_sums]
            self.times_ms[row] = time_ms
        own_last, stored_last = self.states[row, n_sums:], stored[n_sums:]
        if len(own_last) and (np.isnan(own_last).any() or not own_last.any()):
            self.states[row, n_sums:] = stored_last
        self.changed[row] = True

    def _add(self, key: str) -> int:
        if self._free:
            row = self._free.pop()
            self._keys[row] = key
        else:
            row = len(self._keys)
            self._keys.append(key)
            if row == len(self.times_ms):
                self._grow()
        self.times_ms[row] = _NEVER_MS
        self.states[row] = 0.0
        self.changed[row] = False
        self.hashes[row] = crc32(key.encode())
        self._row_of[key] = row
        return row

    def _grow(self) -> None:
        more = min(self.capacity - len(self.times_ms), len(self.times_ms))
        self.times_ms = np.append(self.times_ms, np.full(more, _NEVER_MS, dtype=np.int64))
        self.states = np.append(self.states, np.zeros((more, self.kind.n_columns)), axis=0)
        self.changed = np.append(self.changed, np.zeros(more, dtype=bool))
        self.hashes = np.append(self.hashes, np.zeros(more, dtype=np.uint64))
        self._used_at = np.append(self._used_at, np.zeros(more, dtype=np.int64))

    def _make_room(self, n_new: int, keep: Sequence[str]) -> None:
        n_over = len(self) + n_new - self.capacity
        if n_over <= 0:
            return
        kept = {self._row_of[key] for key in keep if key in self._row_of}
        if len(self) - len(kept) < n_over:
            raise InvariantError(
                f"{self.kind.name} capacity must be at least one batch's distinct entities, "
                f"got {self.capacity}; raise it or lower STREAMER_BATCH_MAX_RECORDS"
            )
        self._used_at[list(kept)] = self._clock
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
