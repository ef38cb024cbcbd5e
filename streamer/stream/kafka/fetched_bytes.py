"""What was fetched of a partition, out of Kafka's bytes into columns, without an object per record.

aiokafka goes through the batches of a fetch as ever: it checks their sums, leaves out what was aborted
and what is the broker's own, and decompresses.  Only where it would make an object of each record of a
batch is it told that there are none, and where they lie is noted; all of them are read by one loop.

Invariant: what that loop cannot read, and what is older than format 2, goes aiokafka's way from its
first byte on, so that it is read, or refused, as it always was.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any, Final, NamedTuple

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBase, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streamer.contract.record_columns import Records
from streamer.contract.record_format import Lot, unpacked

__all__ = ["Unpacked", "keep_bytes", "unpack"]

_HEADER: Final = DefaultRecordBase.HEADER_STRUCT
_LENGTH_OFFSET: Final = 8
# What the length of a batch does not count: the offset before it, and itself.
_LOG_OVERHEAD: Final[int] = DefaultRecordBase.AFTER_LEN_OFFSET
_FORMAT: Final = 2


class Unpacked(NamedTuple):
    """The records of a fetch that are left, where they begin and where what it covers ends."""

    records: Records
    next_fetch_offset: int
    """aiokafka's name: to be read on from here."""
    end: int

    def split(self, n: int | None) -> tuple[Records, Unpacked]:
        """Return the first ``n`` records, all if there are not so many, and the rest."""
        taken, left = self.records[:n], self.records[n:] if n is not None else self.records[:0]
        place = taken.offsets.item(-1) + 1 if left else self.end
        return taken, Unpacked(left, place, self.end)


class FetchedBytes:
    """aiokafka's ``MemoryRecords``, and the bytes that it was made of, which it keeps to itself."""

    def __init__(self, content: bytes) -> None:
        self.content: bytes | None = content
        parsed = MemoryRecords(content)
        self.has_next = parsed.has_next
        self.next_batch = parsed.next_batch
        self.size_in_bytes = parsed.size_in_bytes


def keep_bytes(fetcher: Any) -> None:
    """Have aiokafka's ``fetcher`` keep as `FetchedBytes` what it is answered."""
    method = fetcher._proc_fetch_request.__func__
    names = method.__globals__ | {"MemoryRecords": FetchedBytes}
    fetcher._proc_fetch_request = MethodType(FunctionType(method.__code__, names), fetcher)


def unpack(parsed: Any) -> Unpacked | None:
    """Return the records of a fetch, None where they are for aiokafka to read.

    ``parsed`` is its ``PartitionRecords``, of which nothing was read yet.
    """
    fetched = parsed._records
    if not isinstance(fetched, FetchedBytes) or fetched.content is None:
        return None
    batches, fetched.content = _Batches(fetched.content), None
    walk = PartitionRecords(
        parsed._tp,
        batches,
        parsed._aborted_transactions,
        parsed.next_fetch_offset,
        None,
        None,
        parsed._check_crcs,
        parsed._isolation_level,
    )
    batches.walk = walk
    try:
        for _ in walk:
            pass
    except Exception:
        # Whatever it is, it will be met again, and be told.
        return None
    finally:
        # Each has the other: the fetch's bytes would wait for the garbage collector, and 20 ms with it.
        del batches.walk
    records = batches.records()
    if records is None:
        return None
    # A generator that never began: it and what it is of have each other, and the fetch's bytes.
    parsed._records_iterator = None
    return Unpacked(records, parsed.next_fetch_offset, walk.next_fetch_offset)


class _Batches:
    """The batches of a fetch, as aiokafka asks for them; the last one may be cut off."""

    walk: Any

    def __init__(self, content: bytes) -> None:
        self.content = memoryview(content)
        self._end = 0
        self._lots: list[Lot] = []
        self._pieces: list[bytes | bytearray] = [content]
        self._size = len(content)

    def has_next(self) -> bool:
        at = self._end
        if len(self.content) - at < _LOG_OVERHEAD:
            return False
        length = int.from_bytes(self.content[at + _LENGTH_OFFSET : at + _LOG_OVERHEAD], signed=True)
        return at + _LOG_OVERHEAD + length <= len(self.content)

    def next_batch(self) -> _Batch:
        batch = _Batch(self, self._end)
        self._end = batch.end
        return batch

    def note(self, batch: _Batch) -> None:
        """Note where the records of a batch lie: where they came, or behind it all, decompressed."""
        start, end = batch.start + _HEADER.size, batch.end
        if batch.attributes & DefaultRecordBase.CODEC_MASK:
            payload = batch.as_aiokafka_has_it()
            payload._maybe_uncompress()
            self._pieces.append(payload._buffer)
            start, end = self._size, self._size + len(payload._buffer)
            self._size = end
        has_times = not batch.attributes & DefaultRecordBase.TIMESTAMP_TYPE_MASK
        time = batch.first_timestamp if has_times else batch.max_timestamp
        wanted = self.walk.next_fetch_offset
        self._lots.append(Lot(start, end, batch.n, batch.base_offset, time, has_times, wanted))

    def records(self) -> Records | None:
        # Of a single piece of bytes that is the piece itself.
        return unpacked(b"".join(self._pieces), self._lots)


class _Batch:
    """One batch as aiokafka asks it; to go through its records is to note where they lie."""

    def __init__(self, batches: _Batches, start: int) -> None:
        self._batches, self.start = batches, start
        self.crc: int
        (
            self.base_offset,
            length,
            _,
            magic,
            self.crc,
            self.attributes,
            last_offset_delta,
            self.first_timestamp,
            self.max_timestamp,
            self.producer_id,
            _,
            _,
            self.n,
        ) = _HEADER.unpack_from(batches.content, start)
        self.end = start + _LOG_OVERHEAD + length
        if magic != _FORMAT or self.end < start + _HEADER.size:
            raise CorruptRecordException
        self.next_offset = self.base_offset + last_offset_delta + 1
        self.is_control_batch = self.attributes & DefaultRecordBase.CONTROL_MASK
        self.is_transactional = self.attributes & DefaultRecordBase.TRANSACTIONAL_MASK

    def validate_crc(self) -> bool:
        first = self.start + DefaultRecordBase.ATTRIBUTES_OFFSET
        computed: int = calc_crc32c(self._batches.content[first : self.end])
        return computed == self.crc

    def __iter__(self) -> Iterator[Any]:
        self._batches.note(self)
        return iter(())

    def __next__(self) -> Any:
        """Return the first record: it is asked of a marker, whose key says what it ends."""
        return next(self.as_aiokafka_has_it())

    def as_aiokafka_has_it(self) -> Any:
        return _DefaultRecordBatchPy(self._batches.content[self.start : self.end])
