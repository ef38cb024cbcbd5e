"""Bounded tables of decayed sums per entity: cards, merchants, and what verdicts said of either.

A row is what is stored, a record whose fields the compiled loops read by name.  Which row an entity has
is asked with what stands for its name (`streamer.indexing`), and the decimal digits of that are its
name in Redis: no table holds a text.

Invariants:
* A row holds the sums as of the entity's latest event; reading decays, storing does not.
* At most ``capacity`` entities; beyond it those unused for longest go, saved ones first.
* ``changed`` marks exactly the rows whose latest state has not been handed to `take_changed`.
* What is stored of an entity that began without it is merged before the entity is saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Bytes, Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.errors import InvariantError
from streamer.features.equations import bring_forward
from streamer.features.kinds import EntityKind
from streamer.features.packed import PackedStates, names_of
from streamer.features.records import Records, as_records
from streamer.indexing import Index

__all__ = ["EntityTable", "Evicted", "add_sums"]


_FIRST_SIZE = 1024
# Evicting one row at a time would scan the table for each new entity.
_EVICTED_SHARE = 1 / 16
_COPIED_AT_ONCE = 1_024
# Copying so many takes 15 ms; scoring goes on while room for more is made, and changes a few more.
_MANY = 50_000
_SPARE_SHARE = 8


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
        self._clock = 0
        self._index = Index(min(_FIRST_SIZE, capacity))
        self._rows = self._room(0)
        self.changed = np.zeros(0, dtype=bool)
        # Rows that what is stored of them has still to be merged into.
        self._waits = np.zeros(0, dtype=bool)
        self._used_at = np.zeros(0, dtype=np.int64)
        self._grow()
        self._spare: Bytes | None = None

    def __len__(self) -> int:
        return len(self._index)

    @property
    def times_ms(self) -> Floats:
        """When each row's state was, -1 before its first event; milliseconds are exact below 2^53."""
        times_ms: Floats = self.records["time_ms"]
        return times_ms

    @property
    def n_bytes(self) -> int:
        """Memory that the table takes."""
        arrays = (self._rows, self.changed, self._waits, self._used_at)
        return sum(array.nbytes for array in arrays) + self._index.n_bytes

    @property
    def unloaded(self) -> list[str]:
        """Entities whose stored state has still to be merged into the table."""
        return names_of(self._index.prints[self._waits])

    @property
    def clock(self) -> int:
        """The time of now, in uses of the table."""
        return self._clock

    @property
    def search(self) -> tuple[NDArray[np.int32], Integers, Integers]:
        """What `find_rows` looks for entities in, and where it notes when they were used."""
        return self._index.table, self._index.prints, self._used_at

    def tick(self) -> None:
        """Let what is used from now on be younger than all that was."""
        self._clock += 1

    def unknown(self, prints: Integers, asked: Flags | bool = True) -> list[str]:
        """Return the distinct entities of which the table does not hold what may be stored.

        ``asked`` (n,): an entity that has no row is one of them only if this says so.  Loading these
        next makes no room at the cost of the others.
        """
        return self.unheld(prints, self._index.find(prints), asked)

    def unheld(self, prints: Integers, rows: Integers, asked: Flags | bool = True) -> list[str]:
        """Return what `unknown` does, of entities whose ``rows`` are known."""
        is_held = rows >= 0
        is_unknown = np.where(is_held, self._waits[rows], asked) & (prints >= 0)
        if not is_unknown.any():
            return []
        self._used_at[rows[is_held]] = self._clock + 1
        return names_of(np.unique(prints[is_unknown]))

    def rows(self, prints: Integers, *, to_change: bool = False) -> Integers:
        """Return the row of each entity, making rows for unknown ones, shape (n,); -1 for none.

        Whoever changes what is in them says so; else none are made in a table of a rare kind.
        """
        self._clock += 1
        return self._use(prints, to_change, to_make=to_change or not self.kind.is_rare)

    def _use(self, prints: Integers, to_change: bool, *, to_make: bool = True) -> Integers:
        rows = self._index.find(prints)
        self._used_at[rows[rows >= 0]] = self._clock
        if to_make and len(self.make(prints, rows)):
            rows = self._index.find(prints)
            self._used_at[rows[rows >= 0]] = self._clock
        if to_change:
            self.changed[rows[rows >= 0]] = True
        return rows

    def make(self, prints: Integers, rows: Integers) -> Integers:
        """Make rows for entities that have none (``rows`` -1), and return the new ones.

        Room is made at the cost of rows that are not used now.
        """
        new = np.unique(prints[(rows < 0) & (prints >= 0)])
        if not len(new):
            return new
        self._make_room(len(new))
        fresh = self._index.enter(new)
        self._grow()
        self._rows[fresh] = self.kind.fresh
        self.changed[fresh] = self._waits[fresh] = False
        return fresh

    def take_changed(self) -> PackedStates:
        """Return the state of every changed entity and mark them as saved."""
        rows = np.flatnonzero(self.changed)
        self.changed[rows] = False
        spare, self._spare = self._spare, None
        packed = self._room(len(rows)) if spare is None or len(spare) < len(rows) else spare
        packed = packed[: len(rows)]
        # In pieces that stay in the processor's cache: two copies of them all would not.
        for first in range(0, len(rows), _COPIED_AT_ONCE):
            piece = rows[first : first + _COPIED_AT_ONCE]
            packed[first : first + len(piece)] = self._rows[piece]
        return PackedStates(self._index.prints[rows], packed)

    def reserve(self) -> None:
        """Make the room that `take_changed` will need, where it is much: the pages of a gigabyte of
        new memory cost seconds, which nobody need wait for."""
        n_changed = int(np.count_nonzero(self.changed))
        if n_changed > _MANY:
            self._spare = self._room(n_changed + n_changed // _SPARE_SHARE)
            self._spare.fill(0)

    def _room(self, n: int) -> Bytes:
        return np.zeros((n, self.kind.row.itemsize), dtype=np.uint8)

    def load(self, stored: Mapping[str, bytes | None]) -> None:
        """Take in stored states, None where there is none; an entity that began without is merged.

        One that is not stored has an empty row then, unless its kind is rare.  What does not fit is
        left out: it is to be loaded when it is needed.
        """
        states = self._checked([state for state in stored.values() if state is not None])
        prints = _prints_of(stored)
        is_stored = np.fromiter((s is not None for s in stored.values()), np.bool_, len(stored))
        rows = self._index.find(prints)
        is_held = rows >= 0
        self._waits[rows[is_held]] = False
        if (both := is_stored & is_held).any():
            self._merge(rows[both], as_records(states[is_held[is_stored]], self.kind.row))
        is_new = ~is_held & (is_stored | (not self.kind.is_rare))
        if len(new := prints[is_new][: self.capacity]):
            self._clock += 1
            self._use(new, to_change=False)
            rows = self._index.find(prints[is_stored & ~is_held])
            self._rows[rows[rows >= 0]] = states[~is_held[is_stored]][rows >= 0]

    def mark_unloaded(self, names: Iterable[str]) -> None:
        """Remember that what is stored of these could not be read and is still to be merged."""
        self._clock += 1
        rows = self._use(_prints_of(names)[: self.capacity], to_change=False)
        self._waits[rows] = True

    def erase(self, prints: Integers) -> int:
        """Let go of entities and of what was to be saved of them; return how many there were."""
        rows = self._index.find(prints)
        rows = rows[rows >= 0]
        self._rows[rows] = 0
        self._drop(rows)
        return len(rows)

    def let_go(
        self, before_ms: float, stored: Mapping[str, bytes], first: int = 0, until: int = 0
    ) -> list[str]:
        """Let go of entities whose latest event is before a time; return their names.

        Of those that are ``stored`` the ones that are held stay or go by what is held: that is looked
        at in the rows from ``first`` up to ``until``.
        """
        held = self._index.held_among(first, until)
        times_ms = self.times_ms[held]
        old = held[(times_ms >= 0) & (times_ms < before_ms) & ~self._waits[held]]
        prints = self._index.prints[old]
        names = names_of(prints)
        self.erase(prints)
        if stored:
            rows = as_records(self._checked(list(stored.values())), self.kind.row)
            is_old = (rows["time_ms"] < before_ms) & (self._index.find(_prints_of(stored)) < 0)
            names += [name for name, each in zip(stored, is_old.tolist(), strict=True) if each]
        return sorted(set(names))

    def take_evicted(self) -> Evicted:
        """Return what has made room since the last call."""
        before, self._told = self._told, Evicted(self.n_evicted, self.n_evicted_unsaved)
        return Evicted(self.n_evicted - before.n, self.n_evicted_unsaved - before.n_unsaved)

    def _checked(self, states: list[bytes]) -> Bytes:
        """Return states as rows; `InvariantError` where one is none of ours."""
        expected = self.kind.row.itemsize
        for state in states:
            if len(state) != expected:
                raise InvariantError(
                    f"stored state of {self.kind.name} must have {expected} bytes, got {len(state)}; "
                    "another release or something else has written it: start another "
                    "STREAMER_NAMESPACE"
                )
        return np.frombuffer(bytearray().join(states), np.uint8).reshape(-1, expected)

    def _merge(self, rows: Integers, stored: Records) -> None:
        """Add stored states to those of distinct rows: decayed sums simply add up."""
        own = self.records[rows]
        add_sums(own, stored, self.kind.half_lives_s)
        self._put(rows, own)

    def _put(self, rows: Integers, records: Records) -> None:
        self._rows[rows] = records.view(np.uint8).reshape(len(rows), -1)
        self.changed[rows] = True

    def _grow(self) -> None:
        """Have a row for each slot of the index."""
        n, size = len(self.changed), self._index.size
        if n < size:
            rows, self._rows = self._rows, self._room(size)
            # What is behind costs no memory until it is used.
            self._rows[:n] = rows
            self.changed = np.append(self.changed, np.zeros(size - n, dtype=bool))
            self._waits = np.append(self._waits, np.zeros(size - n, dtype=bool))
            self._used_at = np.append(self._used_at, np.zeros(size - n, dtype=np.int64))
            self.records = as_records(self._rows, self.kind.row)

    def _make_room(self, n_new: int) -> None:
        n_over = len(self) + n_new - self.capacity
        if n_over <= 0:
            return
        held = self._index.held
        idle = held[self._used_at[held] != self._clock]
        if len(idle) < n_over:
            raise InvariantError(
                f"{self.kind.name} capacity must be at least one batch's distinct entities, "
                f"got {self.capacity}; raise it or lower STREAMER_BATCH_MAX_RECORDS"
            )
        is_unsaved = self.changed[idle] | self._waits[idle]
        n_saved = len(idle) - int(np.count_nonzero(is_unsaved))
        # More go than have to, as far as nothing is lost by it.
        n_evicted = max(n_over, min(int(self.capacity * _EVICTED_SHARE), n_saved))
        # Unsaved ones after saved ones, the longest unused first.
        age = self._used_at[idle] + is_unsaved * (self._clock + 1)
        gone = idle[np.argpartition(age, n_evicted - 1)[:n_evicted]]
        self.n_evicted_unsaved += max(n_evicted - n_saved, 0)
        self.n_evicted += n_evicted
        self._drop(gone)

    def _drop(self, rows: Integers) -> None:
        self.changed[rows] = self._waits[rows] = False
        self._index.leave(rows)


def _prints_of(names: Iterable[str]) -> Integers:
    """Return what entities are known by from their names in Redis, shape (n,)."""
    return np.fromiter(map(int, names), np.int64)


@compiled
def add_sums(own: Records, stored: Records, half_lives_s: Floats) -> None:
    """Add what is stored of entities to their own sums (IN/OUT), both as of the later time."""
    for i in range(len(own)):
        latest_ms = max(own[i].time_ms, stored[i].time_ms)
        bring_forward(own[i], latest_ms, half_lives_s)
        bring_forward(stored[i], latest_ms, half_lives_s)
        for j in range(len(half_lives_s)):
            own[i].sums[j] += stored[i].sums[j]
