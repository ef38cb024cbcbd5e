"""What each payment looks like if it were the next one, and the only one, of its card and merchant.

A question about a payment teaches nothing, and its answer does not depend on what else is asked: each
payment is described against rows of its own, by the loop of the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streamer.arrays import Flags
from streamer.errors import InvariantError
from streamer.features.columns import Columns
from streamer.features.history import History
from streamer.features.kinds import (
    CARD_VERDICTS,
    CARDS,
    MERCHANT_VERDICTS,
    MERCHANTS,
    EntityKind,
)
from streamer.features.records import Records, as_records, empty_records
from streamer.features.tables import ROWS

__all__ = ["Kept", "observe_apart"]

States = Sequence[bytes | None]


class Kept(NamedTuple):
    """What is stored of n payments' entities, packed, None for one of whom nothing is.

    ``habits`` are what the cards spend in the payments' currencies where those are not their first.
    """

    cards: States
    habits: States
    merchants: States
    card_verdicts: States
    merchant_verdicts: States

    @classmethod
    def nothing(cls, n: int) -> Kept:
        """Return what is known of entities that are all new."""
        none = [None] * n
        return cls(none, none, none, none, none)


def observe_apart(columns: Columns, kept: Kept, n_partitions: int = 1) -> History:
    """Return the history of each transaction as `History.observe` would if it came alone."""
    n = len(columns)
    places = np.arange(n)
    own = _rows(CARDS, kept.cards)
    first = own["currency"].astype(np.int64)
    # The first currency of a new card is its payment's.
    is_other = (first > 0) & (first != columns.currencies + 1)
    rows = empty_records(n, ROWS)
    rows["cards"], rows["habits"] = places, np.where(is_other, n + places, places)
    cards = own
    if is_other.any():
        both = np.concatenate([_bytes(own), _bytes(_rows(CARDS, kept.habits))])
        cards = as_records(both, CARDS.row)
    is_named = columns.tills >= 0
    rows["merchants"] = rows["merchant_verdicts"] = np.where(is_named, places, -1)
    rows["card_verdicts"] = np.where(_are_known(kept.card_verdicts), places, -1)
    records = (
        cards,
        _rows(MERCHANTS, kept.merchants),
        _rows(CARD_VERDICTS, kept.card_verdicts),
        _rows(MERCHANT_VERDICTS, kept.merchant_verdicts),
    )
    return History.described(columns, rows, records, n_partitions)


def _are_known(states: States) -> Flags:
    return np.fromiter((state is not None for state in states), np.bool_, len(states))


def _rows(kind: EntityKind, states: States) -> Records:
    """Return states as rows (n,) that may be written to, fresh ones where nothing is known."""
    fresh, size = kind.fresh.tobytes(), kind.row.itemsize
    joined = bytearray().join([fresh if state is None else state for state in states])
    if len(joined) != size * len(states):
        raise InvariantError(
            f"stored states of {kind.name} must have {size} bytes each, got {len(joined)} in "
            f"{len(states)}; another release or something else has written them"
        )
    return as_records(np.frombuffer(joined, np.uint8).reshape(-1, size), kind.row)


def _bytes(records: Records) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer(records.tobytes(), np.uint8).reshape(len(records), -1)
