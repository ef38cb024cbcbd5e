"""A batch: what one fetch brought of one partition, in offset order.

Invariant: a batch accounts for every offset that it covers.  Those without a record are the broker's
own (transaction markers), of aborted transactions, or were compacted away: nothing was lost there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from streamer.arrays import Integers
from streamer.contract.record_columns import Records, Spans, joined

__all__ = ["Batch", "Record", "StoredRecord"]


class Record(Protocol):
    """One message as it lay in Kafka.  aiokafka's are such, parsed or as ``ConsumerRecord``."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class StoredRecord(NamedTuple):
    """A `Record` that did not come from Kafka: a row of a file, or of a test."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in ascending offset order; empty only where ``covers`` is given."""

    topic: str
    partition: int
    records: Sequence[Record]
    received_at_ms: int
    """Wall-clock time of the fetch, in milliseconds since the epoch."""
    covers: tuple[int, int] | None = None
    """First offset that the fetch read and the first after it; None: from first to last record."""

    @property
    def first_offset(self) -> int:
        """The first offset that the batch accounts for."""
        return self.records[0].offset if self.covers is None else self.covers[0]

    @property
    def next_offset(self) -> int:
        """The first offset after those that the batch accounts for."""
        return self.records[-1].offset + 1 if self.covers is None else self.covers[1]

    @property
    def n_skipped(self) -> int:
        """Offsets that hold no record for a reader of committed records."""
        return self.next_offset - self.first_offset - len(self.records)

    @property
    def offsets(self) -> Integers:
        """Those of the records, shape (n,)."""
        if isinstance(self.records, Records):
            return self.records.offsets
        if not self.n_skipped:
            return np.arange(self.first_offset, self.next_offset)
        return np.array([record.offset for record in self.records], dtype=np.int64)

    @property
    def timestamps(self) -> Integers:
        """Those of the records in Kafka, in milliseconds since the epoch, shape (n,)."""
        if isinstance(self.records, Records):
            return self.records.timestamps
        return np.array([record.timestamp for record in self.records], dtype=np.int64)

    def keys(self) -> Spans:
        """Return the keys as they lie in one array of bytes; copied there where they do not."""
        if isinstance(self.records, Records):
            return self.records.keys
        return joined([record.key for record in self.records])

    def values(self) -> Spans:
        """Return the values as they lie in one array of bytes; copied there where they do not."""
        if isinstance(self.records, Records):
            return self.records.values
        return joined([record.value for record in self.records])

    def __len__(self) -> int:
        return len(self.records)

    def record_at(self, offset: int) -> Record:
        """Return the record at ``offset``, which must have one."""
        if not self.n_skipped:
            return self.records[offset - self.first_offset]
        return self.records[int(np.searchsorted(self.offsets, offset))]

    def parts(self, max_records: int) -> Iterator[Batch]:
        """Yield the batch in pieces of at most ``max_records``; itself when it is no larger."""
        if len(self.records) <= max_records:
            yield self
            return
        start = self.first_offset
        for first in range(0, len(self.records), max_records):
            piece = self.records[first : first + max_records]
            is_last = first + max_records >= len(self.records)
            end = self.next_offset if is_last else piece[-1].offset + 1
            yield Batch(self.topic, self.partition, piece, self.received_at_ms, (start, end))
            start = end

    def starting_at(self, offset: int) -> Batch | None:
        """Return the part of the batch at ``offset`` and beyond, or None when nothing is left."""
        if self.first_offset >= offset:
            return self
        if self.next_offset <= offset:
            return None
        rest = self.records[int(np.searchsorted(self.offsets, offset)) :]
        covers = (offset, self.next_offset)
        return Batch(self.topic, self.partition, rest, self.received_at_ms, covers)
