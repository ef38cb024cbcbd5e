"""A batch: what one fetch brought of one partition, in offset order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Batch", "Record", "StoredRecord"]


class Record(Protocol):
    """One message as it lay in Kafka.  aiokafka's ``ConsumerRecord`` is one."""

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
    """Records of one partition in ascending offset order; never empty."""

    topic: str
    partition: int
    records: Sequence[Record]
    received_at_ms: int
    """Wall-clock time of the fetch, in milliseconds since the epoch."""

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def last_offset(self) -> int:
        return self.records[-1].offset

    def __len__(self) -> int:
        return len(self.records)

    def parts(self, max_records: int) -> Iterator[Batch]:
        """Yield the batch in pieces of at most ``max_records``; itself when it is no larger."""
        if len(self.records) <= max_records:
            yield self
            return
        for first in range(0, len(self.records), max_records):
            piece = self.records[first : first + max_records]
            yield Batch(self.topic, self.partition, piece, self.received_at_ms)

    def starting_at(self, offset: int) -> Batch | None:
        """Return the part of the batch at ``offset`` and beyond, or None when nothing is left."""
        if self.first_offset >= offset:
            return self
        rest = [record for record in self.records if record.offset >= offset]
        if not rest:
            return None
        return Batch(self.topic, self.partition, rest, self.received_at_ms)
