"""The states that cards, spending and merchants must have: of a run that nothing disturbed.

The same records go through the same features, one partition after the other, in process: no Kafka, no
Redis, no checkpoint.  Which records count is the caller's to say, not the pipeline's.  Features do not
depend on the model, so that no model is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np

from streamer.batch import Batch, StoredRecord
from streamer.features import History, Tables
from streamer.features.entities import EntityTable
from streamer.features.kinds import EntityKind
from streamer.pipeline import PipelineConfig, prepare

__all__ = ["described", "differing", "undisturbed"]

_BATCH: Final = 1_000
_CAPACITY: Final = 1_000_000
# The order in which a batch's sums are added up differs with its edges, in the last bits.
_RELATIVE: Final = 1e-9


def undisturbed(
    records: Sequence[StoredRecord], config: PipelineConfig, now_ms: int
) -> dict[EntityKind, dict[str, bytes]]:
    """Return the packed states after ``records`` of one partition, every one of them a payment."""
    tables = Tables.empty(_CAPACITY, _CAPACITY)
    rest = iter(records)
    while chunk := list(islice(rest, _BATCH)):
        columns = prepare(Batch("undisturbed", 0, chunk, now_ms), config).columns
        assert columns is not None, "every record must be a payment"
        assert len(columns) == len(chunk), "every record must be a payment"
        History.observe(columns, tables)
    kept = (tables.cards, tables.spending, tables.merchants)
    return {table.kind: table.take_changed() for table in kept}


def differing(
    kind: EntityKind, wanted: Mapping[str, bytes], found: Mapping[str, bytes | None]
) -> list[str]:
    """Return the keys whose state is missing, unexpected or another one, field by field."""
    keys = sorted(wanted.keys() | {key for key, state in found.items() if state is not None})
    missing = {key for key in keys if key not in wanted or found.get(key) is None}
    both = [key for key in keys if key not in missing]
    expected, actual = _rows(kind, both, wanted), _rows(kind, both, found)
    same = np.isclose(expected, actual, rtol=_RELATIVE, atol=1e-12, equal_nan=True).all(axis=1)
    return sorted(missing | {key for key, is_same in zip(both, same, strict=True) if not is_same})


def described(
    kind: EntityKind, key: str, wanted: Mapping[str, bytes], found: Mapping[str, bytes | None]
) -> str:
    """Return in words how one state differs: the numbers of its fields, time first."""
    if key not in wanted or found.get(key) is None:
        return f"{key!r} is {'missing' if key in wanted else 'not to be there'}"
    expected, actual = (_rows(kind, [key], states)[0] for states in (wanted, found))
    fields = np.flatnonzero(~np.isclose(expected, actual, rtol=_RELATIVE, equal_nan=True)).tolist()
    pairs = ", ".join(f"{i}: {expected[i]:.17g} is {actual[i]:.17g}" for i in fields[:3])
    return f"{key!r} in fields {fields}: {pairs}"


def _rows(
    kind: EntityKind, keys: Iterable[str], packed: Mapping[str, bytes | None]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return time and sums of each key, read as the product itself reads them."""
    states = {key: packed[key] for key in keys}
    table = EntityTable(kind, max(len(states), 1))
    table.load(states)
    rows = table.rows(list(states)) if states else np.zeros(0, dtype=np.int64)
    return np.column_stack([table.times_ms[rows].astype(float), table.states[rows]])
