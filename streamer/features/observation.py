"""Read the state before each event from a table, and advance the table past the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.features.entities import EntityTable
from streamer.features.places import visits_before
from streamer.features.scan import Groups, decayed_scan, group_by, last_seen, running_maximum

__all__ = ["Visits"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Visits:
    """The events of a batch at the entities of one table: looked up and sorted once.

    ``rows`` (n,) is the table row of each event and ``gaps_s`` (n,) the time since its entity's
    previous event, NaN at the first, both in order of arrival; ``n_late`` counts events older than
    what their entity had already done.  Each column of the table is advanced once, by `add`, `carry`
    or `visit`; then `close` advances its times.
    """

    def __init__(self, table: EntityTable, keys: Sequence[str], times_ms: Integers) -> None:
        self.table = table
        self.rows = table.rows(keys)
        self._groups = groups = group_by(self.rows)
        self._stored_times = table.times_ms[groups.rows]
        self._is_known = self._stored_times >= 0
        arrived = times_ms[groups.order]
        self._times = running_maximum(groups, arrived, self._stored_times)
        first = groups.first
        before = np.where(self._is_known, self._stored_times, self._times[first])
        self._gaps_s = _gaps_s(groups, self._times, before)
        self._arrival = np.empty_like(groups.order)
        self._arrival[groups.order] = np.arange(len(arrived))
        self.n_late = int(np.count_nonzero(arrived < self._times))

    @property
    def gaps_s(self) -> Floats:
        gaps_s = self._gaps_s.copy()
        gaps_s[self._groups.first[~self._is_known]] = np.nan
        return gaps_s[self._arrival]

    def add(self, addends: Floats, first: int = 0) -> Floats:
        """Return the sums just before each event, and bring the table's up to date (IN/OUT).

        ``addends`` IN (n, m): what each event adds to the m sums from column ``first`` on.  OUT (n, m),
        in order of arrival, 0 for an entity never seen.
        """
        groups, columns = self._groups, slice(first, first + addends.shape[1])
        half_lives = np.array(self.table.kind.half_lives_s[columns])
        stored = self.table.states[groups.rows, columns]
        ordered = addends.take(groups.order, axis=0)
        before, after = decayed_scan(groups, stored, self._gaps_s, ordered, half_lives)
        self.table.states[groups.rows, columns] = after
        return before.take(self._arrival, axis=0)

    def carry(self, values: Floats) -> Floats:
        """Return the latest values before each event, NaN without, and keep those after the batch.

        ``values`` IN (n, n_last); a row with a NaN leaves the latest values as they are.
        """
        groups, first = self._groups, self.table.kind.n_sums
        stored = self.table.states[groups.rows, first:]
        stored[~self._is_known] = np.nan
        before, after = _carry_last(groups, values.take(groups.order, axis=0), stored)
        self.table.states[groups.rows, first:] = after
        return before.take(self._arrival, axis=0)

    def visit(self, places: Integers, first: int) -> tuple[Floats, Floats]:
        """Return the visits to each event's places and the payments before it (`visits_before`).

        ``places`` IN (n, n_kinds), in order of arrival like what is returned.
        """
        ordered = places.take(self._groups.order, axis=0)
        visits, payments = visits_before(self.table, first, self._groups, self._times, ordered)
        return visits.take(self._arrival, axis=0), payments.take(self._arrival, axis=0)

    def close(self) -> None:
        """Advance the entities' times to their latest events."""
        self.table.advance(self._groups.rows, self._times[self._groups.last])


def _gaps_s(groups: Groups, times: Integers, times_before: Integers) -> Floats:
    previous = np.empty_like(times)
    previous[1:] = times[:-1]
    previous[groups.first] = times_before
    return (times - previous) / 1000


def _carry_last(groups: Groups, values: Floats, stored: Floats) -> tuple[Floats, Floats]:
    """Return the latest complete row before each event and after each run, sorted order."""
    present = np.asarray(~np.isnan(values).any(axis=1))
    seen = last_seen(groups, present)
    run = np.repeat(np.arange(len(groups.first)), groups.last - groups.first + 1)
    before = stored.take(run, axis=0)
    in_batch = np.flatnonzero(seen >= 0)
    before[in_batch] = values.take(seen[in_batch], axis=0)
    after = before.take(groups.last, axis=0)
    is_newer = np.flatnonzero(present[groups.last])
    after[is_newer] = values.take(groups.last[is_newer], axis=0)
    return before, after
