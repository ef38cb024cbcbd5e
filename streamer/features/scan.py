"""Decayed sums over the events of many entities at once, in closed form.

For one entity with events at times t_1 ≤ t_2 ≤ … and addends v_i, a decayed sum obeys

    S_i = a_i · S_{i-1} + v_i,   a_i = 2^(-(t_i - t_{i-1}) / half_life)

Two such steps compose into one: (a, v) ∘ (a', v') = (a·a', a'·v + v').  Composition is associative,
so all prefixes of all entities come from log2(longest run) passes over the whole batch (Hillis and
Steele, 1986).  Every factor is at most 1: unlike the textbook form with cumulative sums of
v·2^(t/half_life), nothing overflows when a batch of history spans years.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Groups", "decayed_scan", "group_by", "last_seen", "running_maximum", "running_sums"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Groups:
    """The events of a batch, sorted by entity and, within an entity, in order of arrival.

    ``order[i]`` is the event at sorted position i, ``ranks[i]`` how many events of the same entity
    come before it, ``first`` and ``last`` the sorted positions at which the runs begin and end, and
    ``rows`` the entity of each run.
    """

    order: Integers
    ranks: Integers
    first: Integers
    last: Integers
    rows: Integers
    longest: int


def group_by(entity_rows: Integers) -> Groups:
    """Group events by the table row of their entity, IN shape (n_events,), n_events > 0."""
    n_events = len(entity_rows)
    if n_events == 1:
        only = np.zeros(1, dtype=np.int64)
        return Groups(only, only, only, only, entity_rows, 1)
    order = np.argsort(entity_rows, kind="stable")
    ordered = entity_rows[order]
    is_first = np.empty(n_events, dtype=bool)
    is_first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:] - 1, n_events - 1)
    lengths = last - first + 1
    ranks = np.arange(n_events) - np.repeat(first, lengths)
    return Groups(order, ranks, first, last, ordered[first], int(lengths.max()))


def running_maximum(groups: Groups, times: Integers, floor: Integers) -> Integers:
    """Return each event's time, raised to the latest time its entity has seen before.

    ``times`` IN shape (n_events,) in sorted order, ``floor`` IN shape (n_groups,): the latest time
    before the batch.  A late event is thereby clipped to a gap of zero.
    """
    raised = times.copy()
    raised[groups.first] = np.maximum(raised[groups.first], floor)
    falls = raised[1:] < raised[:-1]
    if not (falls & (groups.ranks[1:] > 0)).any():
        return raised
    shift = 1
    while shift < groups.longest:
        reached = np.flatnonzero(groups.ranks >= shift)
        raised[reached] = np.maximum(raised[reached], raised[reached - shift])
        shift *= 2
    return raised


def decayed_scan(
    groups: Groups, initial: Floats, gaps: Floats, addends: Floats, half_lives: Floats
) -> tuple[Floats, Floats]:
    """Return the decayed sums just before each event and after each entity's last event.

    ``initial`` IN (n_groups, n_sums): the sums at the entity's last event before the batch.
    ``gaps`` IN (n_events,): time since the entity's previous event, in the unit of ``half_lives``.
    ``addends`` IN (n_events, n_sums), all in sorted order.  ``half_lives`` IN (n_sums,).
    OUT: (n_events, n_sums) before, (n_groups, n_sums) after.
    """
    factors = np.exp2(-gaps[:, None] / half_lives)
    product, total = factors.copy(), addends.copy()
    # Of rows, `take` gathers several times faster than indexing does.
    total[groups.first] += factors.take(groups.first, axis=0) * initial
    shift = 1
    while shift < groups.longest:
        reached = np.flatnonzero(groups.ranks >= shift)
        earlier = reached - shift
        weights = product.take(reached, axis=0)
        total[reached] += weights * total.take(earlier, axis=0)
        shift *= 2
        if shift < groups.longest:
            product[reached] = weights * product.take(earlier, axis=0)
    previous = np.empty_like(total)
    previous[1:] = total[:-1]
    previous[groups.first] = initial
    factors *= previous
    return factors, total.take(groups.last, axis=0)


def running_sums(groups: Groups, initial: Floats, addends: Floats) -> tuple[Floats, Floats]:
    """Return the sums just before each event and after each entity's last, without decay.

    ``initial`` IN (n_groups, ...), ``addends`` IN (n_events, ...) in sorted order.

    >>> groups, stored = group_by(np.array([7, 7, 9])), np.array([1.0, 0.0])
    >>> before, after = running_sums(groups, stored, np.array([2.0, 3.0, 4.0]))
    >>> before.tolist(), after.tolist()
    ([1.0, 3.0, 0.0], [6.0, 4.0])
    """
    total = addends.copy()
    total[groups.first] += initial
    shift = 1
    while shift < groups.longest:
        reached = np.flatnonzero(groups.ranks >= shift)
        total[reached] += total.take(reached - shift, axis=0)
        shift *= 2
    before = np.empty_like(total)
    before[1:] = total[:-1]
    before[groups.first] = initial
    return before, total.take(groups.last, axis=0)


def last_seen(groups: Groups, present: NDArray[np.bool_]) -> Integers:
    """Return for each event the sorted position of its entity's latest earlier present event.

    -1 where the batch holds none.  ``present`` IN (n_events,), sorted order.

    >>> groups = group_by(np.array([7, 7, 7, 9]))
    >>> last_seen(groups, np.array([True, False, False, True])).tolist()
    [-1, 0, 0, -1]
    """
    positions = np.where(present, np.arange(len(present)), -1)
    inclusive = np.maximum.accumulate(positions)
    before = np.empty_like(inclusive)
    before[0] = -1
    before[1:] = inclusive[:-1]
    starts = np.arange(len(present)) - groups.ranks
    return np.where(before >= starts, before, -1)
