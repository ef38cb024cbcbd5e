"""Which segment each waiting payment is saved in, and which segments are written anew.

A checkpoint adds a segment; of older ones it replaces the small second field where something has become
of their rows, and removes those of which nothing waits any more.  Payments of a time lie together, so
most segments go as a whole, unread.

Small segments are merged as in a binary counter: a new one takes those before it that are at most twice
as large, so that each payment is written again a logarithmic number of times.

Invariants:
* A segment has at most `MOST_ROWS` rows.  All of them together have at most half as many again as there
  are payments, and `MOST_ROWS` more.
* There are at most `MOST_SMALL` segments more than twice as many as full ones would do.
* What changes of a saved payment makes its segment's state dirty, or the payment one that is not saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Flags, Integers

__all__ = ["MOST_ROWS", "MOST_SMALL", "Plan", "Segment", "SegmentLog"]


# Two megabytes of rows: little for one command, and few of them for 100,000 payments.
MOST_ROWS: Final = 8_192
MOST_SMALL: Final = 32
_NONE: Final = -1


@dataclass(slots=True)
class Segment:
    """Payments that were written together.

    ``slots`` (n,) of its rows, -1 where one had gone when it was read; ``n_waiting`` are left.
    ``bounds`` are what the shares of its rows are at most by now: of the rest, of alerts.
    """

    slots: Integers
    n_waiting: int
    bounds: tuple[float, float] = (1.0, 1.0)
    has_state: bool = False
    is_dirty: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a checkpoint does to the segments: ``written`` anew, ``stated`` (their second field alone),
    ``gone``, with whether they had one."""

    written: list[int]
    stated: list[int]
    gone: dict[int, bool]


class SegmentLog:
    """The segments of one buffer of ``size`` slots."""

    def __init__(self, size: int) -> None:
        self.segments: dict[int, Segment] = {}
        self.segment_of = np.full(size, _NONE, dtype=np.int64)
        self._next = 0

    def grow(self, size: int) -> None:
        """Have ``size`` slots."""
        more = size - len(self.segment_of)
        fresh = np.full(more, _NONE, dtype=np.int64)
        self.segment_of = np.concatenate([self.segment_of, fresh])

    def waits(self, number: int) -> Flags:
        """Return which rows of a segment still wait, shape (n,)."""
        slots = self.segments[number].slots
        waits: Flags = (slots >= 0) & (self.segment_of[slots] == number)
        return waits

    def entered(self, slots: Integers) -> None:
        """Note that what ``slots`` hold is not saved, whatever they held before."""
        saved = slots[self.segment_of[slots] != _NONE]
        if len(saved):
            self.left(np.unique(saved))

    def left(self, slots: Integers) -> None:
        """Note that distinct ``slots`` hold nothing any more."""
        numbers, counts = np.unique(self.segment_of[slots], return_counts=True)
        for number, n in zip(numbers.tolist(), counts.tolist(), strict=True):
            if number != _NONE:
                self.segments[number].n_waiting -= n
                self.segments[number].is_dirty = True
        self.segment_of[slots] = _NONE

    def judged(self, slot: int) -> None:
        """Note that a payment has another verdict."""
        number = int(self.segment_of[slot])
        if number != _NONE:
            self.segments[number].is_dirty = True

    def rewrite(self, numbers: Iterable[int]) -> None:
        """Let segments go as soon as what still waits of them is written anew, without the rest."""
        for number in numbers:
            segment = self.segments[number]
            self.segment_of[segment.slots[self.waits(number)]] = _NONE
            segment.n_waiting = 0

    def bound(self, share: float, *, of_alerts: bool) -> None:
        """Note that the shares of all payments of a kind that are there are at most ``share`` now."""
        for segment in self.segments.values():
            rest, alerts = segment.bounds
            segment.bounds = (rest, min(alerts, share)) if of_alerts else (min(rest, share), alerts)
            segment.is_dirty = True

    def loaded(self, number: int, slots: Integers, segment: Segment) -> None:
        """Take in a segment that was read; ``slots`` are those of its rows that wait."""
        self.segments[number] = segment
        self.segment_of[slots] = number
        self._next = max(self._next, number + 1)

    def advance(self, held: Integers) -> Plan:
        """Put everything into segments that is in none, and return what is to be written.

        ``held`` are the slots that hold a payment.
        """
        segments = self.segments
        gone = {n: segment.has_state for n, segment in segments.items() if not segment.n_waiting}
        fresh = held[self.segment_of[held] == _NONE]
        merged = set(self._neighbours(len(fresh)))
        merged |= set(self._sparse(merged, len(held)))
        if len(segments) - len(merged) - len(gone) > MOST_SMALL + 2 * len(held) // MOST_ROWS:
            merged = segments.keys() - gone.keys()
        gone |= {n: segments[n].has_state for n in merged}
        pool = [segments[n].slots[self.waits(n)] for n in sorted(merged)]
        for number in gone:
            del segments[number]
        stated = [n for n, segment in segments.items() if segment.is_dirty]
        for number in stated:
            segments[number].has_state, segments[number].is_dirty = True, False
        written = list(self._new(np.concatenate([*pool, fresh])))
        return Plan(written, stated, gone)

    def _neighbours(self, n: int) -> Iterator[int]:
        """Return the last segments, as far as they are small beside ``n`` rows and those behind."""
        for number, segment in reversed(self.segments.items()):
            if not n or segment.n_waiting > 2 * n or n + segment.n_waiting > MOST_ROWS:
                return
            if segment.n_waiting:
                yield number
                n += segment.n_waiting

    def _sparse(self, merged: set[int], n_held: int) -> Iterator[int]:
        """Return the segments of which least is left, until few enough rows are stored."""
        others = {n: s for n, s in self.segments.items() if s.n_waiting and n not in merged}
        n_dead = sum(len(s.slots) - s.n_waiting for s in others.values())
        by_rest = sorted(others, key=lambda n: others[n].n_waiting / len(others[n].slots))
        for number in by_rest:
            if n_dead <= n_held // 2 + MOST_ROWS:
                return
            n_dead -= len(others[number].slots) - others[number].n_waiting
            yield number

    def _new(self, slots: Integers) -> Iterator[int]:
        """Make segments of ``slots``."""
        for first in range(0, len(slots), MOST_ROWS):
            piece = slots[first : first + MOST_ROWS]
            self.segments[self._next] = Segment(piece, len(piece))
            self.segment_of[piece] = self._next
            yield self._next
            self._next += 1
