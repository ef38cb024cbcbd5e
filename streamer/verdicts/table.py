"""The rows of the payments that wait for their verdict, and the same rows as segments in Redis.

Invariant: what `take_changed` and `take_removed` returned, written in that order, is what `load` makes
the same table of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.indexing.index import Index
from streamer.indexing.prints import Texts
from streamer.verdicts.ages import NEVER_MS, Ages
from streamer.verdicts.log import Segment, SegmentLog
from streamer.verdicts.party_names import Names
from streamer.verdicts.put_rows import UNJUDGED, put_rows
from streamer.verdicts.segments import (
    PRESUMED,
    THINNED,
    Rows,
    State,
    check_numbers,
    field_names,
    read_rows,
    read_state,
    read_time,
)
from streamer.verdicts.thinning import share_weights, thin
from streamer.verdicts.waiting import N_BESIDE, Waiting

__all__ = ["PRESUMED_BEFORE", "UNJUDGED", "Table"]

PRESUMED_BEFORE: Final = 2
"""Added to the verdict, 1 or 0, on a payment that had been presumed legitimate."""
_NEVER: Final = -1
_COLUMNS: Final = ("hashes", "shares", "is_alert", "verdicts", "is_final", "vectors")


class Table:
    """Columns with a row, the *slot*, for each payment; whoever writes to them says so to the log."""

    def __init__(self, n_inputs: int, size: int, room: int) -> None:
        """There are ``size`` slots, and more when they are needed; rows are moved beyond ``room``.

        Room costs no memory before it is written to, and to move 100,000 rows keeps scoring waiting.
        """
        self.n_inputs = n_inputs
        self.index = Index(size)
        self.log = SegmentLog(size)
        self.names = Names(size)
        self.ages = Ages(size)
        # The times of those that no verdict was learned of, nor presumed.
        self.open = Ages(size)
        # The times of those that are too young to be thinned.
        self.whole = Ages(size)
        self.presumed_ms = self.thinned_ms = _NEVER
        room = max(size, room)
        self.hashes = np.zeros(room)
        self.shares = np.zeros(room)
        self.is_alert = np.zeros(room, dtype=bool)
        self.verdicts = np.zeros(room, dtype=np.int8)
        self.is_final = np.zeros(room, dtype=bool)
        self.vectors = np.zeros((room, n_inputs + N_BESIDE), dtype=np.float32)
        self._removed: list[str] = []
        self._saved_ms = dict.fromkeys((PRESUMED, THINNED), _NEVER)

    def enter(self, prints: Integers) -> Integers:
        """Return the slot of each payment, a new one where it has none; unjudged and not saved."""
        self._reserve(len(prints))
        slots = self.index.enter(prints)
        self.log.entered(slots)
        self.verdicts[slots] = UNJUDGED
        self.is_final[slots] = False
        return slots

    def put(
        self, prints: Integers, hashes: Floats, waiting: Waiting, share: float
    ) -> tuple[Integers, Integers]:
        """Enter alerts, and others whose hash is below ``share``, and write what is known of them.

        OUT (m,): which of ``prints`` (n,) those are, and their slots.  Of a payment that is there twice
        the later row stays, as it does one by one.
        """
        self._reserve(len(prints))
        picked, slots = np.empty((2, len(prints)), dtype=np.int64)
        n_picked, n_saved, self.index.n, first_ms = put_rows(
            prints,
            hashes,
            waiting.times_ms,
            waiting.alerted,
            np.ascontiguousarray(waiting.inputs),
            np.ascontiguousarray(waiting.beside),
            share,
            picked,
            slots,
            self.index.table,
            self.index.prints,
            self.index.free,
            self.index.n,
            self.log.segment_of,
            self.ages.times_ms,
            self.ages.earliest_ms,
            self.open.times_ms,
            self.open.earliest_ms,
            self.whole.times_ms,
            self.whole.earliest_ms,
            self.hashes,
            self.shares,
            self.is_alert,
            self.verdicts,
            self.is_final,
            self.vectors,
        )
        for ages in (self.ages, self.open, self.whole):
            ages.are_from(first_ms)
        if n_picked < len(prints):
            picked, slots = picked[:n_picked], slots[:n_picked]
        if n_saved:
            self.log.entered(slots)
        return picked, slots

    def remove(self, slots: Integers) -> None:
        """Let go of payments."""
        self.index.leave(slots)
        self.log.left(slots)
        self.names.forget(slots)
        for ages in (self.ages, self.open, self.whole):
            ages.forget(slots)

    def erase(self, card_id: str, segments: Collection[int]) -> Integers:
        """Let go of a card's payments and return what they were known by.

        The segments that have any of them are written anew without, and so are ``segments``, in which
        there may be some that went before.
        """
        held = self.index.held
        slots = self.names.of_card(held, card_id)
        prints = self.index.prints[slots]
        numbers = set(self.log.segment_of[slots].tolist()) | set(segments)
        self.remove(slots)
        self.names.erase(slots)
        self.vectors[slots] = 0.0
        self.log.rewrite(sorted(numbers & self.log.segments.keys()))
        return prints

    def judge(self, slot: int, is_fraud: bool, *, is_final: bool) -> None:
        """Note which verdict was learned of a payment."""
        self.verdicts[slot] = is_fraud + PRESUMED_BEFORE * self.is_presumed(slot)
        self.is_final[slot] = is_final
        self.open.forget(np.array([slot]))
        self.log.judged(slot)

    def presume(self, time_ms: int) -> Integers:
        """Return the slots of what is from before ``time_ms``, not judged and not returned before."""
        slots = self.open.older_than(time_ms)
        if len(slots):
            self.open.forget(slots)
        self.presumed_ms = max(self.presumed_ms, time_ms)
        return slots

    def thin(self, time_ms: int) -> None:
        """Let go of most of what is from before ``time_ms``, each payment once (`thinning`)."""
        slots = self.whole.older_than(time_ms)
        self.thinned_ms = max(self.thinned_ms, time_ms)
        if not len(slots):
            return
        self.whole.forget(slots)
        gone = np.empty(len(slots), np.int64)
        known = slots, self.index.prints, self.vectors, self.n_inputs, self.is_alert
        n_gone = thin(*known, gone)
        if n_gone:
            self.remove(gone[:n_gone])

    def weights(self, slots: Integers) -> Floats:
        """Return for how many payments each stands, shape (n,)."""
        weights = np.empty(len(slots))
        known = slots, self.ages.times_ms, self.thinned_ms, self.vectors, self.n_inputs
        share_weights(*known, self.is_alert, self.shares, weights)
        return weights

    def is_presumed(self, slot: int) -> bool:
        """Whether a payment was presumed legitimate before any verdict on it."""
        verdict = self.verdicts[slot]
        if verdict == UNJUDGED:
            return bool(self.open.times_ms[slot] == NEVER_MS)
        return bool(verdict >= PRESUMED_BEFORE)

    def are_judged(self, slots: Integers) -> Flags:
        """Return of which payments a verdict was learned, shape (n,)."""
        judged: Flags = self.verdicts[slots] != UNJUDGED
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
        for name, time_ms in ((PRESUMED, self.presumed_ms), (THINNED, self.thinned_ms)):
            if time_ms != self._saved_ms[name]:
                self._saved_ms[name] = time_ms
                fields[name] = b"%d" % time_ms
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
        self._saved_ms = {name: read_time(stored, name) for name in (PRESUMED, THINNED)}
        self.presumed_ms, self.thinned_ms = self._saved_ms.values()
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
        self.ages.put(slots, rows.times_ms)
        self.hashes[slots] = rows.hashes
        self.is_alert[slots] = rows.is_alert
        rest, alerts = state.bounds
        self.shares[slots] = np.minimum(rows.shares, np.where(rows.is_alert, alerts, rest))
        judged = of_rows[state.judged]
        self.verdicts[judged], self.is_final[judged] = state.verdicts, state.is_final
        is_open = (self.verdicts[slots] == UNJUDGED) & (rows.times_ms >= self.presumed_ms)
        self.open.put(slots[is_open], rows.times_ms[is_open])
        is_whole = rows.times_ms >= self.thinned_ms
        self.whole.put(slots[is_whole], rows.times_ms[is_whole])
        self.vectors[slots] = rows.vectors
        self.names.put(slots, Texts(rows.names, rows.lengths))
        segment = Segment(of_rows, len(slots), state.bounds, has_state)
        self.log.loaded(number, slots, segment)

    def _rows(self, slots: Integers) -> Rows:
        names, lengths = self.names.read(slots)
        return Rows(
            self.index.prints[slots],
            self.ages.times_ms[slots],
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
        return State(segment.bounds, waits, rows, self.verdicts[slots], self.is_final[slots])

    @property
    def _size(self) -> int:
        return len(self.ages.times_ms)

    def _reserve(self, n: int) -> None:
        self.index.reserve(n)
        if self.index.size > self._size:
            self._grow(self.index.size)

    def _grow(self, size: int) -> None:
        for part in (self.log, self.names, self.ages, self.open, self.whole):
            part.grow(size)
        if size <= len(self.hashes):
            return
        for name in _COLUMNS:
            column = getattr(self, name)
            longer = np.zeros((size, *column.shape[1:]), dtype=column.dtype)
            longer[: len(column)] = column
            setattr(self, name, longer)
