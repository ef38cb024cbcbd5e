"""Turns rows of a file into transactions as JSON bytes, a batch at a time.

A row that is a payment is a record as it would lie in Kafka, in the contract's terms; a message that is
the contract's already stays as it is, byte for byte.  A row that is refused is a record too, with its
own text, and the pipeline counts it as a dead letter.  Refunds and what a rule leaves out are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Transaction
from streamer.datafiles.chunk import Chunk, Fault, Table
from streamer.datafiles.label_words import labels_of
from streamer.intake import LeftOut, Payment, Refund, Refused, Skipped
from streamer.intake.decoding import PLAIN

__all__ = ["FileBatch", "Origin", "batch_of"]

_TOPIC: Final = "file"
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch's rows lie: ``first_row`` is the number of the first in ``file``, from 1.

    ``columns`` says from which column a field came, and ``places`` which row of ``chunk`` is which
    record.  ``refused`` goes by record, ``left_out`` and ``passed_over`` hold one entry per row.
    """

    file: str
    first_row: int
    columns: Mapping[str, str]
    chunk: Chunk
    places: list[int] = field(default_factory=list)
    refused: dict[int, Refused | Fault] = field(default_factory=dict)
    left_out: list[tuple[int, LeftOut]] = field(default_factory=list)
    passed_over: list[tuple[int, Refund | Skipped]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Some payments of a file as they would lie in Kafka; the lists run in parallel.

    ``values`` are JSON bytes and ``keys`` the card ids.  ``labels`` is None when the file has none; a
    label is None for a normal payment, `UNLABELLED`, or the fraud's pattern, `FRAUD` without a name.
    """

    values: list[bytes]
    keys: list[bytes | None]
    labels: list[str | None] | None
    transaction_ids: list[str]
    origin: Origin | None = None

    def as_fetched(self, first_offset: int, arrived_ms: int) -> Batch:
        """Return the payments as a fetch from ``first_offset`` on of a partition would bring them."""
        pairs = zip(self.keys, self.values, strict=True)
        records = [StoredRecord(i, arrived_ms, *pair) for i, pair in enumerate(pairs, first_offset)]
        return Batch(_TOPIC, 0, records, arrived_ms)


def batch_of(chunk: Chunk, table: Table, n_before: int, origin: Origin) -> FileBatch:
    """Return the records of ``chunk``; ``n_before`` rows have been read before it, of all files.

    ``origin`` is IN/OUT.
    """
    batch = FileBatch([], [], None, [], origin)
    values, keys, ids, places = batch.values, batch.keys, batch.transaction_ids, origin.places
    for place, item in enumerate(chunk.items):
        if isinstance(item, Fault):
            _refuse(batch, origin, place, item)
            continue
        position = f"row-{n_before + place}"
        transaction = table.own(item, position)
        if transaction is not None:
            # A message goes on as it came, its unknown fields with it.
            values.append(item if isinstance(item, bytes) else _encode(transaction))
            keys.append(transaction.card_id.encode())
            ids.append(transaction.transaction_id)
            places.append(place)
            continue
        for reading in table.readings(item, position):
            if isinstance(reading, Payment):
                _add(batch, origin, place, reading.transaction, _encode(reading.transaction))
                origin.left_out.extend((place, left) for left in reading.left_out)
            elif isinstance(reading, Refused):
                _refuse(batch, origin, place, reading)
            else:
                origin.passed_over.append((place, reading))
    labels = labels_of(chunk.flags, chunk.patterns)
    if labels is None:
        return batch
    # A row that cannot be read has no label: it is refused, and counts on no side.
    refused = origin.refused
    of_records = [None if i in refused else labels[p] for i, p in enumerate(origin.places)]
    return replace(batch, labels=of_records)


def _add(
    batch: FileBatch, origin: Origin, place: int, transaction: Transaction, value: bytes
) -> None:
    batch.values.append(value)
    batch.keys.append(transaction.card_id.encode())
    batch.transaction_ids.append(transaction.transaction_id)
    origin.places.append(place)


def _refuse(batch: FileBatch, origin: Origin, place: int, why: Refused | Fault) -> None:
    origin.refused[len(batch.values)] = why
    origin.places.append(place)
    batch.values.append(_refused_value(origin.chunk.raw(place)))
    batch.keys.append(None)
    batch.transaction_ids.append("")


def _refused_value(raw: Any) -> bytes:
    """Return a row's own text; nothing where the pipeline would not refuse it."""
    if isinstance(raw, bytes):
        value = raw
    elif isinstance(raw, str):
        value = raw.rstrip("\r\n").encode(errors="replace")
    else:
        value = b"" if not isinstance(raw, dict) else repr(raw).encode(errors="replace")
    return value if all(isinstance(read, Refused) for read in PLAIN.read(value)) else b""
