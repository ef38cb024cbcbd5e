"""The payments that wait for their label: as much of each as learning from it will need.

Kept are every alert and, as far as there is room, the rest.  When the buffer is full the room goes to
those whose hash is smallest (every payment has one, drawn from its offset), so what is left is a fair
sample, and each payment remembers the probability with which it was to be kept.  Its label then counts
as one over that (Horvitz and Thompson, 1952): the sum over what was kept is right in expectation.

A payment is a row of several arrays, its *slot*: what it is known by (`prints`), its numbers, and the
names of its card and merchant, which a verdict need not know.

Invariants:
* At most ``capacity`` payments: those that a chargeback has judged make room first, alerts last.
* What `take_changed` and `take_removed` returned, written in that order, is what `load` makes the same
  buffer of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.labels.index import Index
from streamer.labels.log import Segment, SegmentLog
from streamer.labels.names import Names, packed
from streamer.labels.prints import Texts, fingerprints
from streamer.labels.segments import (
    Rows,
    State,
    check_numbers,
    field_names,
    read_rows,
    read_state,
)

__all__ = ["UNJUDGED", "LabelBuffer", "Waiting"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNJUDGED: Final = -1
_FIRST_SIZE: Final = 1024
# Making room for one payment at a time would sort the buffer for each.
_KEPT_SHARE: Final = 0.75
# Of a slot that holds no payment: it never expires.
_NEVER_MS: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Waiting:
    """Payments to put into the buffer, or taken out of it; n of them.

    ``inputs`` (n, n_inputs) of the head, NaN where unknown; ``ranks`` (n, 2) that the distance and
    the head gave, NaN where there was no head; ``parties`` card and merchant of each, None where the
    payment names no merchant, or empty where nobody will ask.
    """

    times_ms: NDArray[np.int64]
    alerted: NDArray[np.bool_]
    inputs: Floats
    ranks: Floats
    parties: Sequence[tuple[str, str | None]] = ()


class LabelBuffer:
    """Payments by transaction id."""

    def __init__(self, n_inputs: int, capacity: int) -> None:
        self.n_inputs = n_inputs
        self.capacity = capacity
        self.n_dropped = 0
        self._n_told = 0
        size = min(_FIRST_SIZE, max(capacity, 1))
        self._index = Index(size)
        self._log = SegmentLog(size)
        self._names = Names(size)
        self._times_ms = np.full(size, _NEVER_MS)
        self._hashes = np.zeros(size)
        self._shares = np.zeros(size)
        self._is_alert = np.zeros(size, dtype=bool)
        self._labels = np.full(size, UNJUDGED, dtype=np.int8)
        self._is_final = np.zeros(size, dtype=bool)
        self._vectors = np.zeros((size, n_inputs + 2), dtype=np.float32)
        self._removed: list[str] = []
        # Probability with which a payment that does not alert is kept: falls while there is no room.
        self.share = 1.0
        # No payment is older: what has not expired by then need not be searched.
        self._oldest_ms = _NEVER_MS

    def __len__(self) -> int:
        return len(self._index)

    def add(self, ids: Sequence[str], hashes: Floats, waiting: Waiting) -> None:
        """Keep payments; ``hashes`` (n,) in [0, 1) decides which of them stay when room is scarce."""
        if not self.capacity:
            return
        if len(self) < self.capacity // 2 and self.share < 1.0:
            self.share = min(2.0 * self.share, 1.0)
        picked = np.flatnonzero(waiting.alerted | (hashes < self.share))
        self.n_dropped += len(ids) - len(picked)
        if not len(picked):
            return
        parties = waiting.parties
        if len(picked) < len(ids):
            chosen = picked.tolist()
            ids, parties = [ids[i] for i in chosen], [parties[i] for i in chosen if parties]
        slots = self._enter(fingerprints(ids))
        # Of a payment that is there twice the later row stays, as it does one by one.
        self._times_ms[slots] = waiting.times_ms[picked]
        self._hashes[slots] = hashes[picked]
        self._is_alert[slots] = waiting.alerted[picked]
        self._shares[slots] = np.where(waiting.alerted[picked], 1.0, self.share)
        self._labels[slots] = UNJUDGED
        self._is_final[slots] = False
        self._vectors[slots, :-2] = waiting.inputs[picked]
        self._vectors[slots, -2:] = waiting.ranks[picked]
        if parties:
            self._names.put(slots, packed(parties))
        self._oldest_ms = min(self._oldest_ms, int(waiting.times_ms[picked].min()))
        if len(self) > self.capacity:
            self._make_room()

    def slot(self, transaction_id: str) -> int | None:
        """Return where a payment lies, None where it does not."""
        [slot] = self._index.find(fingerprints([transaction_id])).tolist()
        return slot if slot >= 0 else None

    def parties(self, slot: int) -> tuple[str | None, str | None]:
        """Return the card and the merchant of a payment, None for what is not known."""
        return self._names.get(slot)

    def label(self, slot: int) -> int:
        """Return 1, 0 or `UNJUDGED`: the verdict that was learned already."""
        return int(self._labels[slot])

    def are_judged(self, slots: Integers) -> NDArray[np.bool_]:
        """Return of which payments a verdict was learned, shape (n,)."""
        return self._labels[slots] != UNJUDGED

    def is_alerted(self, slot: int) -> bool:
        """Whether reviewers got a payment as an alert."""
        return bool(self._is_alert[slot])

    def set_label(self, slot: int, is_fraud: bool, *, is_final: bool) -> None:
        """Note which verdict was learned, so that one that overrules it can be.

        A payment whose label is final is the first to make room.
        """
        self._labels[slot], self._is_final[slot] = is_fraud, is_final
        self._log.judged(slot)

    def read(self, slots: Sequence[int] | Integers) -> tuple[Floats, Floats, Floats]:
        """Return inputs (n, n_inputs), ranks (n, 2) and weights (n,) of payments."""
        vectors = self._vectors[slots].astype(np.float64)
        return vectors[:, :-2], vectors[:, -2:], 1.0 / self._shares[slots]

    def remove(self, slots: Integers) -> None:
        """Let go of payments."""
        self._index.leave(slots)
        self._log.left(slots)
        self._names.forget(slots)
        self._times_ms[slots] = _NEVER_MS

    def older_than(self, time_ms: int) -> Integers:
        """Return the slots of the payments from before ``time_ms``, oldest first."""
        if time_ms <= self._oldest_ms:
            return np.zeros(0, dtype=np.int64)
        old = np.flatnonzero(self._times_ms < time_ms)
        self._oldest_ms = int(self._times_ms.min())
        return old[np.argsort(self._times_ms[old], kind="stable")]

    def take_changed(self) -> dict[str, bytes]:
        """Return the fields that are new or differ since the last call, packed (`segments`)."""
        plan = self._log.advance(self._index.held)
        self._removed += [
            name
            for number, has_state in plan.gone.items()
            for name in field_names(number)[: 1 + has_state]
        ]
        fields = {}
        for number in plan.written:
            slots = self._log.segments[number].slots
            rows_name, _ = field_names(number)
            fields[rows_name] = self._rows(slots).packed()
            if self.are_judged(slots).any():
                plan.stated.append(number)
                self._log.segments[number].has_state = True
        for number in plan.stated:
            _, state_name = field_names(number)
            fields[state_name] = self._state(number).packed(self.n_inputs)
        return fields

    def take_removed(self) -> list[str]:
        """Return the fields that were made void by the last `take_changed`."""
        removed, self._removed = self._removed, []
        return removed

    def take_dropped(self) -> int:
        """Return for how many unjudged payments there was no room, at first or later, since the
        last call."""
        n_new, self._n_told = self.n_dropped - self._n_told, self.n_dropped
        return n_new

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
        if len(self):
            self.share = float(self._shares[self._index.held].min())
            self._oldest_ms = int(self._times_ms.min())

    def _take_in(self, number: int, rows: Rows, state: State, *, has_state: bool) -> None:
        """Put a segment's rows into slots of their own, as its state says that they are by now."""
        rows = rows.only(state.waits)
        slots = self._enter(rows.prints)
        of_rows = np.full(len(state.waits), -1)
        of_rows[state.waits] = slots
        self._times_ms[slots] = rows.times_ms
        self._hashes[slots] = rows.hashes
        self._is_alert[slots] = rows.is_alert
        rest, alerts = state.bounds
        self._shares[slots] = np.minimum(rows.shares, np.where(rows.is_alert, alerts, rest))
        self._labels[slots] = UNJUDGED
        self._is_final[slots] = False
        judged = of_rows[state.judged]
        self._labels[judged], self._is_final[judged] = state.labels, state.is_final
        self._shares[judged] = state.shares
        self._vectors[slots] = rows.vectors
        self._names.put(slots, Texts(rows.names, rows.lengths))
        segment = Segment(of_rows, len(slots), state.bounds, has_state)
        self._log.loaded(number, slots, segment)

    def _rows(self, slots: Integers) -> Rows:
        names, lengths = self._names.read(slots)
        return Rows(
            self._index.prints[slots],
            self._times_ms[slots],
            self._hashes[slots],
            self._shares[slots],
            self._is_alert[slots],
            self._vectors[slots],
            lengths,
            names,
        )

    def _state(self, number: int) -> State:
        segment, waits = self._log.segments[number], self._log.waits(number)
        rows = np.flatnonzero(waits)
        rows = rows[self.are_judged(segment.slots[rows])]
        slots = segment.slots[rows]
        return State(
            segment.bounds,
            waits,
            rows,
            self._labels[slots],
            self._is_final[slots],
            self._shares[slots],
        )

    def _enter(self, prints: Integers) -> Integers:
        """Return the slot of each payment, a new one where it has none; none of them is saved."""
        slots = self._index.enter(prints)
        if self._index.size > len(self._times_ms):
            self._grow(self._index.size)
        self._log.entered(slots)
        return slots

    def _grow(self, size: int) -> None:
        self._log.grow(size)
        self._names.grow(size)
        for name in ("_hashes", "_shares", "_is_alert", "_labels", "_is_final", "_vectors"):
            setattr(self, name, _longer(getattr(self, name), size, 0))
        self._times_ms = _longer(self._times_ms, size, _NEVER_MS)

    def _make_room(self) -> None:
        n_over = len(self) - int(self.capacity * _KEPT_SHARE)
        held = self._index.held
        is_final = self._is_final[held]
        final, slots = held[is_final], held[~is_final]
        self.remove(final[np.argsort(self._times_ms[final], kind="stable")][:n_over])
        n_over -= min(n_over, len(final))
        alerted = self._is_alert[slots]
        rest, alerts = slots[~alerted], slots[alerted]
        n_rest = min(n_over, len(rest))
        if n_rest:
            self.share = self._drop(rest, n_rest, self.share, of_alerts=False)
        if n_over > n_rest and len(alerts):
            self._drop(alerts, n_over - n_rest, 1.0, of_alerts=True)

    def _drop(self, slots: Integers, n: int, share: float, *, of_alerts: bool) -> float:
        """Drop the ``n`` payments with the largest hashes and return the share that is left."""
        hashes = self._hashes[slots]
        is_all = n >= len(slots)
        bound = 0.0 if is_all else float(np.partition(hashes, len(slots) - n)[len(slots) - n])
        gone, left = slots[hashes >= bound], slots[hashes < bound]
        self.remove(gone)
        self.n_dropped += len(gone)
        self._shares[left] = np.minimum(self._shares[left], bound)
        self._log.bound(bound, of_alerts=of_alerts)
        return 0.5 * share if is_all else min(share, bound)


def _longer(column: NDArray[Any], size: int, filling: float) -> NDArray[Any]:
    """Return ``column`` with rows of ``filling`` behind it, ``size`` in all."""
    longer = np.full((size, *column.shape[1:]), filling, dtype=column.dtype)
    longer[: len(column)] = column
    return longer
