"""What lies in the logs that every seed reads from: payments and verdicts, made once.

Most payments are ordinary; some come again, since their producer tries again; some cannot be scored,
and some offsets hold nothing for a reader: transaction markers, aborted records.

A log that is cut or made again holds other records from there on.  So a record has a `Place`: which
writing of its log it belongs to, and its offset there.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Final

from streamer.contract.batch import Batch, StoredRecord
from streamer.features import History, Tables
from streamer.pipeline import PipelineConfig, prepare
from tests.builders import ARRIVAL_MS, payment
from tests.simulation.counters import observe

__all__ = [
    "LOG_LENGTH",
    "N_PARTITIONS",
    "REPEAT_WINDOW",
    "TOPIC",
    "Kind",
    "Place",
    "kind_of",
    "payment_of",
    "place_of",
    "records",
    "states_after",
    "verdicts",
]

Place = tuple[int, int]
"""A writing of a log, and an offset in it."""

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
def records(partition: int, writing: int) -> tuple[StoredRecord | None, ...]:
    """Return what each offset of a partition holds in a writing; None where there is no record."""
    rng = random.Random(f"{partition} {writing}")
    entries: list[StoredRecord | None] = []
    firsts: list[StoredRecord] = []
    for offset in range(LOG_LENGTH):
        drawn = rng.random()
        if drawn < 0.06:
            entries.append(None)
        elif drawn < 0.12:
            entries.append(
                StoredRecord(offset, ARRIVAL_MS, b"key", b"not JSON %d/%d" % (writing, offset))
            )
        elif drawn < 0.2 and (first := rng.choice(firsts[-REPEAT_WINDOW // 2 :] or [None])):
            is_near = offset - first.offset <= REPEAT_WINDOW
            entries.append(first._replace(offset=offset) if is_near else None)
        else:
            card = f"card-{partition}-{rng.randrange(_N_CARDS)}"
            value = payment(
                # What is written later was paid later.
                after_s=60.0 * (offset + LOG_LENGTH * writing) + rng.uniform(-90.0, 0.0),
                transaction_id=f"{writing}/{offset}",
                card_id=card,
                merchant_id=f"shop-{rng.randrange(_N_MERCHANTS)}",
                amount=round(math.exp(rng.gauss(3.0, 0.7)), 2),
            )
            encoded = json.dumps(value).encode()
            firsts.append(StoredRecord(offset, ARRIVAL_MS, card.encode(), encoded))
            entries.append(firsts[-1])
    return tuple(entries)


def is_none(value: bytes | None) -> bool:
    """Return whether a record's value is no message at all."""
    return value is None or value.startswith(b"not JSON")


@cache
def _kinds(partition: int, writing: int) -> tuple[Kind, ...]:
    return tuple(
        Kind.NOTHING if entry is None else Kind.BAD if is_none(entry.value) else Kind.VALID
        for entry in records(partition, writing)
    )


def kind_of(partition: int, place: Place) -> Kind:
    """Return what there is at a place."""
    return _kinds(partition, place[0])[place[1]]


@cache
def _payments(partition: int, writing: int) -> tuple[str | None, ...]:
    return tuple(
        json.loads(entry.value)["transaction_id"]
        if entry is not None and kind is Kind.VALID
        else None
        for entry, kind in zip(records(partition, writing), _kinds(partition, writing), strict=True)
    )


def payment_of(partition: int, place: Place) -> str | None:
    """Return which payment there is at a place, None where there is none."""
    return _payments(partition, place[0])[place[1]]


def place_of(transaction_id: str, offset: int) -> Place:
    """Return the place at ``offset`` of a payment, of which there may be several."""
    return int(transaction_id.partition("/")[0]), offset


@cache
def verdicts(partition: int, writing: int) -> tuple[StoredRecord | None, ...]:
    """Return what each offset of the verdicts' partition holds: some are said twice, some are none."""
    rng = random.Random(f"verdicts {partition} {writing}")
    entries: list[StoredRecord | None] = []
    for offset in range(LOG_LENGTH):
        drawn = rng.random()
        earlier = [entry for entry in entries[-10:] if entry is not None]
        if drawn < 0.06:
            entries.append(None)
        elif drawn < 0.16:
            entries.append(
                StoredRecord(offset, ARRIVAL_MS, b"key", b"not JSON %d/%d" % (writing, offset))
            )
        elif drawn < 0.3 and earlier:
            entries.append(rng.choice(earlier)._replace(offset=offset))
        else:
            verdict = {
                "transaction_id": f"{writing}/{offset}",
                "card_id": f"card-{partition}-{rng.randrange(_N_CARDS)}",
                "merchant_id": f"shop-{rng.randrange(_N_MERCHANTS)}",
                "verdict": rng.choice(("fraud", "legitimate")),
                "origin": "reviewer",
                "decided_at": "2026-01-06T12:00:00Z",
            }
            entries.append(StoredRecord(offset, ARRIVAL_MS, b"key", json.dumps(verdict).encode()))
    return tuple(entries)


@cache
def states_after(
    partition: int, places: Sequence[Place], config: PipelineConfig, *, is_small: bool
) -> dict[str, dict[str, bytes]]:
    """Return the packed entity states, by kind and key, after an undisturbed run over ``places``."""
    tables = Tables.empty(_CAPACITY, _CAPACITY)
    found = [records(partition, writing)[offset] for writing, offset in places]
    # Offsets of a log that was made again begin anew, and a batch's ascend.
    batch = [
        entry._replace(offset=number) for number, entry in enumerate(found) if entry is not None
    ]
    if batch:
        columns = prepare(Batch(TOPIC, partition, batch, ARRIVAL_MS), config).columns
        if columns is not None:
            (observe if is_small else History.observe)(columns, tables)
    return {table.kind.name: table.take_changed() for table in tables.all()}
