"""Which slot a name has: an open hash table over arrays, without an object for each name.

Collisions go to the next place (linear probing), and what leaves draws those behind it up (Knuth,
The Art of Computer Programming, 6.4, algorithm R), so that nothing marks where something was.

Invariants:
* ``prints[slot]`` is what the one in it is known by, `FREE` where there is none; ``n`` are held, and
  the first ``size - n`` of ``free`` are the slots that hold none, the last of them is taken next.
* ``table[place]`` is a slot, negative where there is none; it is at most half full, so that every
  search ends.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Integers
from streamer.compiled import compiled

__all__ = ["FREE", "Index", "Slots", "enter", "find", "leave", "place_of"]

Slots = NDArray[np.int32]

FREE: Final = -1


class Index:
    """Slots by fingerprint; ``size`` of them, and more when they are needed."""

    def __init__(self, size: int) -> None:
        self.prints = np.zeros(0, dtype=np.int64)
        self.free = np.zeros(0, dtype=np.int32)
        self.n = 0
        self._grow(size)

    def __len__(self) -> int:
        return self.n

    @property
    def size(self) -> int:
        """How many slots there are."""
        return len(self.prints)

    @property
    def n_bytes(self) -> int:
        return self.prints.nbytes + self.free.nbytes + self.table.nbytes

    @property
    def held(self) -> Integers:
        """The slots that hold one, in ascending order."""
        return self.held_among(0, self.size)

    def held_among(self, first: int, until: int) -> Integers:
        """Those of `held` from slot ``first`` up to ``until``."""
        return first + np.flatnonzero(self.prints[first:until] != FREE)

    def enter(self, prints: Integers) -> Integers:
        """Return the slot of each, a new one where it has none; shape (n,)."""
        self.reserve(len(prints))
        slots = np.empty(len(prints), dtype=np.int64)
        self.n = enter(prints, self.table, self.prints, self.free, self.n, slots)
        return slots

    def reserve(self, n: int) -> None:
        """Have room for ``n`` more."""
        if self.n + n > self.size:
            self._grow(self.n + n)

    def find(self, prints: Integers) -> Integers:
        """Return the slot of each, -1 where it has none; shape (n,)."""
        slots = np.empty(len(prints), dtype=np.int64)
        find(prints, self.table, self.prints, slots)
        return slots

    def leave(self, slots: Integers) -> None:
        """Free distinct slots that hold something."""
        self.n = leave(slots, self.table, self.prints, self.free, self.n)

    def _grow(self, n: int) -> None:
        size, old = max(self.size, 1), self.size
        while size < n:
            size *= 2
        fresh = np.arange(size - 1, old - 1, -1, dtype=np.int32)
        self.free = np.concatenate(
            [self.free[: old - self.n], fresh, np.zeros(self.n, dtype=np.int32)]
        )
        prints, slots = self.prints, self.held
        self.prints = np.full(size, FREE, dtype=np.int64)
        self.prints[:old] = prints
        self.table = np.full(1 << (2 * size - 1).bit_length(), FREE, dtype=np.int32)
        place(slots, self.table, self.prints)


@compiled
def find(prints: Integers, table: Slots, held: Integers, slots: Integers) -> None:
    """Fill ``slots`` (OUT, n) with those of ``prints`` (n,), -1 for none."""
    for i in range(len(prints)):
        slots[i] = table[place_of(prints[i], table, held)]


@compiled
def place_of(print_: int, table: Slots, held: Integers) -> int:
    """Return where in ``table`` the slot of a print is, or is to be."""
    mask = len(table) - 1
    at = print_ & mask
    while table[at] >= 0 and held[table[at]] != print_:
        at = (at + 1) & mask
    return at


@compiled
def enter(
    prints: Integers, table: Slots, held: Integers, free: Slots, n: int, slots: Integers
) -> int:
    """Fill ``slots`` (OUT) with those of ``prints``, taking free ones; return how many are held.

    ``table``, ``held`` and ``free`` are IN/OUT.
    """
    for i in range(len(prints)):
        at = place_of(prints[i], table, held)
        if table[at] < 0:
            n += 1
            table[at] = free[len(free) - n]
            held[table[at]] = prints[i]
        slots[i] = table[at]
    return n


@compiled
def place(slots: Integers, table: Slots, held: Integers) -> None:
    """Put ``slots`` into an empty ``table`` (IN/OUT)."""
    mask = len(table) - 1
    for i in range(len(slots)):
        at = held[slots[i]] & mask
        while table[at] >= 0:
            at = (at + 1) & mask
        table[at] = slots[i]


@compiled
def leave(slots: Integers, table: Slots, held: Integers, free: Slots, n: int) -> int:
    """Free ``slots``; return how many are still held.  ``table``, ``held`` and ``free`` are IN/OUT."""
    mask = len(table) - 1
    for i in range(len(slots)):
        hole = held[slots[i]] & mask
        while table[hole] != slots[i]:
            hole = (hole + 1) & mask
        at = (hole + 1) & mask
        while table[at] >= 0:
            home = held[table[at]] & mask
            # It may go as far back as its own place, and no farther.
            if ((at - home) & mask) >= ((at - hole) & mask):
                table[hole] = table[at]
                hole = at
            at = (at + 1) & mask
        table[hole] = FREE
        held[slots[i]] = FREE
        free[len(free) - n] = slots[i]
        n -= 1
    return n
