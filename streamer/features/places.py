"""How familiar merchant, country and category are to a card: decayed visits in hashed slots.

Of each kind of place a card's row has a fixed number of slots, and a place counts in the one that its
hash chooses: a count-min sketch of depth one (Cormode and Muthukrishnan, 2005).  A new place that
falls into the slot of a known one looks familiar, with a probability of about known places / slots; a
known one never looks new.  The hash is salted by the card, so that no two places collide for everybody.

Sums are kept by forward decay (Cormode et al., 2009): a visit at t counts 2^((t - t0) / half-life),
and reading at s multiplies by 2^(-(s - t0) / half-life).  What is stored then changes only in the
slots that were visited.  With a half-life of 60 days a float has room for the years 1832 to 2168.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.features.entities import EntityTable
from streamer.features.scan import Groups, group_by, running_sums

__all__ = ["PLACE_HALF_LIVES_S", "PLACE_KINDS", "visits_before"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PLACE_KINDS: Final = ("merchant", "country", "category")
_SLOTS: Final = (32, 16, 16)
_HALF_LIFE_S: Final = 60 * 86_400.0
_T0_S: Final = 946_684_800.0  # 2000-01-01 UTC

# Columns: the payments of each kind that named a place; then the slots of each kind.
PLACE_HALF_LIVES_S: Final = (math.inf,) * (len(PLACE_KINDS) + sum(_SLOTS))
"""Of the columns as the table sees them: forward decay leaves what is stored as it is."""
_FIRST_SLOTS: Final = len(PLACE_KINDS) + np.cumsum((0, *_SLOTS[:-1]))
_N_SLOTS: Final = np.array(_SLOTS, dtype=np.uint64)


def visits_before(
    table: EntityTable, first: int, groups: Groups, times_ms: Integers, places: Integers
) -> tuple[Floats, Floats]:
    """Return the decayed visits to each payment's places, and its card's payments, before it.

    Both (n, n_kinds); visits are NaN where no place is named.  The columns of ``table`` from ``first``
    on are brought up to date (IN/OUT).  ``times_ms`` IN (n,) and ``places`` (n, n_kinds), a number that
    identifies the place or -1 for none, are in the order of ``groups``, as is what is returned.
    """
    ages = (times_ms / 1000 - _T0_S) / _HALF_LIFE_S
    weights, decay = np.exp2(ages)[:, None], np.exp2(-ages)[:, None]
    named = places >= 0
    addends = weights * named
    columns = slice(first, first + len(PLACE_KINDS))
    payments, after = running_sums(groups, table.states[groups.rows, columns], addends)
    table.states[groups.rows, columns] = after

    rows = np.repeat(groups.rows, groups.last - groups.first + 1)
    slots = _slots(table.hashes[rows], places) + first
    n_columns = table.kind.n_columns
    cells = (rows[:, None] * n_columns + slots)[named]
    visits = np.full(places.shape, np.nan)
    if len(cells):
        by_cell = group_by(cells)
        at, column = np.divmod(by_cell.rows, n_columns)
        ordered = addends[named].take(by_cell.order)
        before, after = running_sums(by_cell, table.states[at, column], ordered)
        table.states[at, column] = after
        arrived = np.empty_like(before)
        arrived[by_cell.order] = before
        visits[named] = arrived
    return visits * decay, payments * decay


def _slots(salts: NDArray[np.uint64], places: Integers) -> Integers:
    """Return the column of each place, (n, n_kinds), by splitmix64 of card and place."""
    z = (salts[:, None] << np.uint64(32)) ^ places.astype(np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.asarray(_FIRST_SLOTS + ((z >> np.uint64(11)) % _N_SLOTS).astype(np.int64))
