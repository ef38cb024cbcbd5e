"""The states that cards and merchants must have: of a run that nothing disturbed.

The same records go through the same features, one partition after the other, in process: no Kafka, no
Redis, no checkpoint.  Which records count is the caller's to say, not the pipeline's.  Features do not
depend on the model, so that no model is needed.

A payment that met a habit which the service did not know may have been taken for more or less of a
surprise than it is, by 3 at most; the sums of its card and of its merchant may be off by what has not
decayed of that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats
from streamer.contract.batch import Batch, StoredRecord
from streamer.features import History, Records, Tables
from streamer.features.columns import Columns
from streamer.features.entities import EntityTable
from streamer.features.kinds import CARDS, MERCHANTS, EntityKind
from streamer.features.packed import names_of
from streamer.indexing.prints import extended
from streamer.intake.payment_columns import ID
from streamer.pipeline import PipelineConfig, prepare

__all__ = ["Wanted", "described", "differing", "undisturbed"]


_BATCH: Final = 1_000
_CAPACITY: Final = 1_000_000
# The order in which a batch's sums are added up differs with its edges, in the last bits.
_RELATIVE: Final = 1e-9
_ABSOLUTE: Final = 1e-12
# The sums of surprises, and the most that one payment adds to them (`equations.surprise`).
_SURPRISES: Final = {CARDS: ["high_series", "small_series"], MERCHANTS: ["high_series"]}
_MOST: Final = 3.0
# The column that a row of another currency has nothing in: the card's own row counts its payments.
_ITS_PAYMENTS: Final = 1 + list(CARDS.sums).index("payments_1h")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The states of one kind by key, packed, and by how much some may be off in each of their sums."""

    states: Mapping[str, bytes]
    doubts: Mapping[str, Floats] = field(default_factory=dict)


class _Doubts:
    """By how much an entity's sums of surprises may be off: what the payments in doubt have left."""

    def __init__(self, noted: Collection[str]) -> None:
        self._noted = frozenset(noted)
        self._reached: dict[tuple[EntityKind, str], int] = {}
        self._met: dict[EntityKind, list[tuple[str, int]]] = {kind: [] for kind in _SURPRISES}

    def add(self, ids: Iterable[str], columns: Columns) -> None:
        """Note the payments of a batch that are in doubt, at the time that each entity had reached."""
        if not self._noted:
            return
        # Either the card's own row or that of another currency has the habit; there may be no other.
        habits = names_of(extended(columns.cards, columns.currencies))
        keys = zip(names_of(columns.cards), habits, names_of(columns.tills), strict=True)
        for payment_id, three, time_ms in zip(ids, keys, columns.times_ms.tolist(), strict=True):
            for kind, key in zip((CARDS, CARDS, MERCHANTS), three, strict=True):
                if key == "-1":
                    continue
                at = max(self._reached.get((kind, key), time_ms), time_ms)
                self._reached[kind, key] = at
                if payment_id in self._noted:
                    self._met[kind].append((key, at))

    def bounds(self, kind: EntityKind) -> dict[str, Floats]:
        """Return what each entity's sums may be off by at its latest event, (n_sums,) each."""
        bounds: dict[str, Floats] = {}
        named = _SURPRISES.get(kind, [])
        surprises = [i for i, name in enumerate(kind.sums) if name in named]
        for key, at in self._met.get(kind, []):
            bound = bounds.setdefault(key, np.zeros(len(kind.sums)))
            ages_s = (self._reached[kind, key] - at) / 1000
            bound[surprises] += _MOST * np.exp2(-ages_s / kind.half_lives_s[surprises])
        return bounds


def undisturbed(
    records: Sequence[StoredRecord],
    config: PipelineConfig,
    now_ms: int,
    noted: Collection[str] = (),
) -> dict[EntityKind, Wanted]:
    """Return the states after ``records`` of one partition, every one of them a payment.

    ``noted`` are the transaction ids of payments in doubt.
    """
    tables, doubts = Tables.empty(_CAPACITY, _CAPACITY), _Doubts(noted)
    rest = iter(records)
    while chunk := list(islice(rest, _BATCH)):
        prepared = prepare(Batch("undisturbed", 0, chunk, now_ms), config)
        columns = prepared.columns
        assert columns is not None, "every record must be a payment"
        assert len(columns) == len(chunk), "every record must be a payment"
        doubts.add(prepared.decoded.payments.names.column(ID).strings(), columns)
        History.observe(columns, tables)
    kept = (tables.cards, tables.merchants)
    wanted = {}
    for table in kept:
        states, bounds = table.take_changed(), doubts.bounds(table.kind)
        wanted[table.kind] = Wanted(states, {key: bounds[key] for key in bounds if key in states})
    return wanted


def differing(kind: EntityKind, wanted: Wanted, found: Mapping[str, bytes | None]) -> list[str]:
    """Return the keys whose state is missing, unexpected or another one, field by field."""
    states = wanted.states
    keys = sorted(states.keys() | {key for key, state in found.items() if state is not None})
    missing = {key for key in keys if key not in states or found.get(key) is None}
    both = [key for key in keys if key not in missing]
    expected, actual = _rows(kind, both, states), _rows(kind, both, found)
    for i, key in enumerate(both):
        if key in wanted.doubts:
            _bring_forward(kind, expected[i], actual[i, 0])
    same = np.asarray(_are_close(expected, actual, _allowed(kind, both, wanted)).all(axis=1))
    return sorted(missing | {key for key, is_same in zip(both, same, strict=True) if not is_same})


def described(kind: EntityKind, key: str, wanted: Wanted, found: Mapping[str, bytes | None]) -> str:
    """Return in words how one state differs: the numbers of its fields, time first."""
    if key not in wanted.states or found.get(key) is None:
        return f"{key!r} is {'missing' if key in wanted.states else 'not to be there'}"
    expected, actual = (_rows(kind, [key], states)[0] for states in (wanted.states, found))
    fields = np.flatnonzero(~_are_close(expected, actual, np.zeros_like(expected))).tolist()
    allowed = _allowed(kind, [key], wanted)[0]
    pairs = ", ".join(
        f"{i}: {expected[i]:.17g} is {actual[i]:.17g}"
        + (f", up to {allowed[i]:.3g} off is excused" if allowed[i] else "")
        for i in fields[:3]
    )
    return f"{key!r} in fields {fields}: {pairs}"


def _bring_forward(kind: EntityKind, row: Floats, time_ms: float) -> None:
    """Let a row of another currency (IN/OUT) be as of ``time_ms``, if later: what is left of it then.

    A card that began anew in another currency while Redis was away hands over what it spent so far at
    the card's own time, which may be later than that of its last payment in this currency.
    """
    is_other_currency = kind is CARDS and row[_ITS_PAYMENTS] == 0
    if is_other_currency and time_ms > row[0]:
        age_s = (time_ms - row[0]) / 1000
        row[1 : 1 + len(kind.half_lives_s)] *= np.exp2(-age_s / kind.half_lives_s)
        row[0] = time_ms


def _are_close(expected: Floats, actual: Floats, allowed: Floats) -> NDArray[np.bool_]:
    nearly = np.isclose(expected, actual, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(nearly | (np.abs(expected - actual) <= allowed * (1 + _RELATIVE)))


def _allowed(kind: EntityKind, keys: Sequence[str], wanted: Wanted) -> Floats:
    """Return by how much time and columns of each key may be off, (n_keys, n_columns)."""
    allowed = np.zeros((len(keys), _numbers(np.zeros(1, kind.row)).shape[1]))
    for row, key in enumerate(keys):
        if key in wanted.doubts:
            allowed[row, 1 : 1 + len(kind.sums)] = wanted.doubts[key]
    return allowed


def _rows(
    kind: EntityKind, keys: Iterable[str], packed: Mapping[str, bytes | None]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return time, sums and all else of each key, read as the product itself reads them."""
    states = {key: packed[key] for key in keys}
    table = EntityTable(kind, max(len(states), 1))
    table.load(states)
    return _numbers(table.records[table.rows(np.array([int(key) for key in states], np.int64))])


def _numbers(records: Records) -> Floats:
    """Return every number in records, shape (n, n_columns)."""
    names = [name for name in records.dtype.names or () if name != "sums"]
    return np.column_stack([records[name].astype(float) for name in names])
