"""The log that every seed reads from: three partitions of payments, made once.

Most are ordinary; some come again, since their producer tries again; some cannot be scored, and some
offsets hold nothing for a reader: transaction markers, aborted records.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence, Set
from enum import Enum
from functools import cache
from typing import Final

import numpy as np

from streamer.batch import Batch, StoredRecord
from streamer.features import History, Tables
from streamer.pipeline import PipelineConfig, prepare
from tests.builders import ARRIVAL_MS, payment

__all__ = [
    "LOG_LENGTH",
    "N_PARTITIONS",
    "REPEAT_WINDOW",
    "TOPIC",
    "Kind",
    "is_repeated",
    "kinds",
    "log",
    "states_after",
]

TOPIC: Final = "transactions"
N_PARTITIONS: Final = 3
LOG_LENGTH: Final = 160
REPEAT_WINDOW: Final = 40
"""Within so many offsets a payment comes again, and is known again."""

_CAPACITY: Final = 1_000
_N_CARDS: Final = 6
_N_MERCHANTS: Final = 4


class Kind(Enum):
    """What an offset holds for a reader of committed records."""

    VALID = "valid"
    BAD = "bad"
    NOTHING = "nothing"


@cache
def log(partition: int) -> tuple[StoredRecord | None, ...]:
    """Return what each offset of a partition holds; None where there is no record."""
    rng = random.Random(partition)
    entries: list[StoredRecord | None] = []
    firsts: list[StoredRecord] = []
    for offset in range(LOG_LENGTH):
        drawn = rng.random()
        if drawn < 0.06:
            entries.append(None)
        elif drawn < 0.12:
            entries.append(StoredRecord(offset, ARRIVAL_MS, b"key", b"not JSON"))
        elif drawn < 0.2 and (first := rng.choice(firsts[-REPEAT_WINDOW // 2 :] or [None])):
            is_near = offset - first.offset <= REPEAT_WINDOW
            entries.append(first._replace(offset=offset) if is_near else None)
        else:
            card = f"card-{partition}-{rng.randrange(_N_CARDS)}"
            value = payment(
                partition * LOG_LENGTH + offset,
                after_s=60.0 * offset + rng.uniform(-90.0, 0.0),
                card_id=card,
                merchant_id=f"shop-{rng.randrange(_N_MERCHANTS)}",
                amount=round(float(np.exp(rng.gauss(3.0, 0.7))), 2),
            )
            encoded = json.dumps(value).encode()
            firsts.append(StoredRecord(offset, ARRIVAL_MS, card.encode(), encoded))
            entries.append(firsts[-1])
    return tuple(entries)


@cache
def kinds(partition: int) -> tuple[Kind, ...]:
    """Return what each offset of a partition is."""
    return tuple(
        Kind.NOTHING if entry is None else Kind.BAD if entry.value == b"not JSON" else Kind.VALID
        for entry in log(partition)
    )


@cache
def _same(partition: int) -> dict[bytes, list[int]]:
    """Return the offsets of each payment."""
    same: dict[bytes, list[int]] = defaultdict(list)
    for entry, kind in zip(log(partition), kinds(partition), strict=True):
        if entry is not None and kind is Kind.VALID:
            same[entry.value or b""].append(entry.offset)
    return same


def is_repeated(partition: int, offset: int, missing: Set[int]) -> bool:
    """Return whether the payment at ``offset`` has been scored before, but for ``missing`` offsets."""
    entry = log(partition)[offset]
    earlier = [] if entry is None else _same(partition).get(entry.value or b"", [])
    return any(other < offset and other not in missing for other in earlier)


@cache
def states_after(
    partition: int, offsets: Sequence[int], config: PipelineConfig
) -> dict[str, dict[str, bytes]]:
    """Return the packed entity states, by kind and key, after an undisturbed run over ``offsets``."""
    tables = Tables.empty(_CAPACITY, _CAPACITY)
    records = [entry for o in offsets if (entry := log(partition)[o]) is not None]
    if records:
        columns = prepare(Batch(TOPIC, partition, records, ARRIVAL_MS), config).columns
        if columns is not None:
            History.observe(columns, tables)
    return {table.kind.name: table.take_changed() for table in tables.all()}
