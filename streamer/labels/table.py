"""The rows of the payments that wait for their label, and the same rows as segments in Redis.

Invariant: what `take_changed` and `take_removed` returned, written in that order, is what `load` makes
the same table of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.labels.index import Index
from streamer.labels.log import Segment, SegmentLog
from streamer.labels.names import Names
from streamer.labels.prints import Texts
from streamer.labels.segments import (
    Rows,
    State,
    check_numbers,
    field_names,
    read_rows,
    read_state,
)

__all__ = ["NEVER_MS", "UNJUDGED", "Table"]

Integers = NDArray[np.int64]

UNJUDGED: Final = -1
NEVER_MS: Final = np.iinfo(np.int64).max
"""Time of a slot that holds no payment: it never expires."""


class Table:
    """Columns with a row, the *slot*, for each payment; whoever writes to them says so to the log."""

    def __init__(self, n_inputs: int, size: int) -> None:
        self.n_inputs = n_inputs
        self.index = Index(size)
        self.log = SegmentLog(size)
        self.names = Names(size)
        self.times_ms = np.full(size, NEVER_MS)
        self.hashes = np.zeros(size)
        self.shares = np.zeros(size)
        self.is_alert = np.zeros(size, dtype=bool)
        self.labels = np.full(size, UNJUDGED, dtype=np.int8)
        self.is_final = np.zeros(size, dtype=bool)
        self.vectors = np.zeros((size, n_inputs + 2), dtype=np.float32)
        self._removed: list[str] = []

    def enter(self, prints: Integers) -> Integers:
        """Return the slot of each payment, a new one where it has none; unjudged and not saved."""
        slots = self.index.enter(prints)
        if self.index.size > len(self.times_ms):
            self._grow(self.index.size)
        self.log.entered(slots)
        self.labels[slots] = UNJUDGED
        self.is_final[slots] = False
        return slots

    def remove(self, slots: Integers) -> None:
        """Let go of payments."""
        self.index.leave(slots)
        self.log.left(slots)
        self.names.forget(slots)
        self.times_ms[slots] = NEVER_MS

    def are_judged(self, slots: Integers) -> NDArray[np.bool_]:
        """Return of which payments a verdict was learned, shape (n,)."""
        judged: NDArray[np.bool_] = self.labels[slots] != UNJUDGED
        return judged

    def take_changed(self) -> dict[str, bytes]:
        """Return the fields that are new or differ since the last call, packed (`segments`)."""
        plan = self.log.advance(self.index.held)
        self._removed += [
            name
            for number, has_state in plan.gone.items()
            for name in field_names(number)[: 1 + has_state]
        ]
        fields = {}
        for number in plan.written:
            slots = self.log.segments[number].slots
            rows_name, _ = field_names(number)
            fields[rows_name] = self._rows(slots).packed()
            if self.are_judged(slots).any():
                plan.stated.append(number)
                self.log.segments[number].has_state = True
        for number in plan.stated:
            _, state_name = field_names(number)
            fields[state_name] = self._state(number).packed(self.n_inputs)
        return fields

    def take_removed(self) -> list[str]:
        """Return the fields that were made void by the last `take_changed`."""
        removed, self._removed = self._removed, []
        return removed

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned; InvariantError where another release wrote it."""
        for number in check_numbers(stored):
            rows_name, state_name = field_names(number)
            rows = read_rows(stored[rows_name], self.n_inputs)
            packed_state = stored.get(state_name)
            state = State.untouched(len(rows.prints))
            if packed_state is not None:
                state = read_state(packed_state, self.n_inputs, len(rows.prints))
            self._take_in(number, rows, state, has_state=packed_state is not None)

    def _take_in(self, number: int, rows: Rows, state: State, *, has_state: bool) -> None:
        """Put a segment's rows into slots of their own, as its state says that they are by now."""
        rows = rows.only(state.waits)
        slots = self.enter(rows.prints)
        of_rows = np.full(len(state.waits), -1)
        of_rows[state.waits] = slots
        self.times_ms[slots] = rows.times_ms
        self.hashes[slots] = rows.hashes
        self.is_alert[slots] = rows.is_alert
        rest, alerts = state.bounds
        self.shares[slots] = np.minimum(rows.shares, np.where(rows.is_alert, alerts, rest))
        judged = of_rows[state.judged]
        self.labels[judged], self.is_final[judged] = state.labels, state.is_final
        self.vectors[slots] = rows.vectors
        self.names.put(slots, Texts(rows.names, rows.lengths))
        segment = Segment(of_rows, len(slots), state.bounds, has_state)
        self.log.loaded(number, slots, segment)

    def _rows(self, slots: Integers) -> Rows:
        names, lengths = self.names.read(slots)
        return Rows(
            self.index.prints[slots],
            self.times_ms[slots],
            self.hashes[slots],
            self.shares[slots],
            self.is_alert[slots],
            self.vectors[slots],
            lengths,
            names,
        )

    def _state(self, number: int) -> State:
        segment, waits = self.log.segments[number], self.log.waits(number)
        rows = np.flatnonzero(waits)
        rows = rows[self.are_judged(segment.slots[rows])]
        slots = segment.slots[rows]
        return State(segment.bounds, waits, rows, self.labels[slots], self.is_final[slots])

    def _grow(self, size: int) -> None:
        old = len(self.times_ms)
        self.log.grow(size)
        self.names.grow(size)
        for name in ("times_ms", "hashes", "shares", "is_alert", "labels", "is_final", "vectors"):
            column = getattr(self, name)
            # Zeros, of which no memory is touched before something is written there.
            longer = np.zeros((size, *column.shape[1:]), dtype=column.dtype)
            longer[: len(column)] = column
            setattr(self, name, longer)
        self.times_ms[old:] = NEVER_MS
