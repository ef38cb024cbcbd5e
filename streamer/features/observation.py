"""Read the state before each event from a table, and advance the table past the batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.features.entities import EntityTable
from streamer.features.scan import Groups, decayed_scan, group_by, last_seen, running_maximum

__all__ = ["Observed", "observe"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Observed:
    """The state of each event's entity just before it, in order of arrival.

    ``sums`` (n, n_sums); ``gaps_s`` (n,) since the entity's previous event, NaN at its first;
    ``last`` (n, n_last) latest values before the event, NaN where there are none; ``n_late`` events
    older than what their entity had already done.
    """

    sums: Floats
    gaps_s: Floats
    last: Floats
    n_late: int


def observe(
    table: EntityTable,
    keys: list[str],
    times_ms: NDArray[np.int64],
    addends: Floats,
    last_values: Floats | None = None,
) -> Observed:
    """Return the state before each event and bring ``table`` up to date (IN/OUT).

    ``addends`` IN (n, n_sums): what each event adds to its entity's sums.  ``last_values`` IN
    (n, n_last), a row with a NaN leaves the latest values as they are.
    """
    kind = table.kind
    groups = group_by(table.rows(keys))
    rows, order = groups.rows, groups.order
    stored_times, stored = table.times_ms[rows], table.states[rows]
    is_known = stored_times >= 0
    arrived = times_ms[order]
    times = running_maximum(groups, arrived, stored_times)
    gaps_s = _gaps_s(groups, times, np.where(is_known, stored_times, times[groups.first]))
    before, after = decayed_scan(
        groups, stored[:, : kind.n_sums], gaps_s, addends[order], np.array(kind.half_lives_s)
    )
    gaps_s[groups.first[~is_known]] = np.nan
    stored_last = np.where(is_known[:, None], stored[:, kind.n_sums :], np.nan)
    if last_values is None:
        last_values = np.empty((len(keys), 0))
    last_before, last_after = _carry_last(groups, last_values[order], stored_last)
    table.store(rows, times[groups.last], np.hstack([after, last_after]))
    arrival = np.empty_like(order)
    arrival[order] = np.arange(len(order))
    n_late = int(np.count_nonzero(arrived < times))
    return Observed(before[arrival], gaps_s[arrival], last_before[arrival], n_late)


def _gaps_s(groups: Groups, times: NDArray[np.int64], times_before: NDArray[np.int64]) -> Floats:
    previous = np.empty_like(times)
    previous[1:] = times[:-1]
    previous[groups.first] = times_before
    return (times - previous) / 1000


def _carry_last(groups: Groups, values: Floats, stored: Floats) -> tuple[Floats, Floats]:
    """Return the latest complete row before each event and after each run, sorted order."""
    present = np.asarray(~np.isnan(values).any(axis=1))
    seen = last_seen(groups, present)
    run = np.repeat(np.arange(len(groups.first)), groups.last - groups.first + 1)
    before = np.where(seen[:, None] >= 0, values[seen], stored[run])
    after = np.where(present[groups.last, None], values[groups.last], before[groups.last])
    return before, after
