"""Kafka's own bytes of records, format 2, read into columns by one loop: no object for each of them.

A `Lot` is where the records of one of Kafka's batches lie and what their numbers are relative to;
<https://kafka.apache.org/documentation/#messageformat> has the format.  Of a record: its length,
attributes, time and offset relative to the batch's, key, value, and headers, of which only where
they begin is kept.  Every number is zigzag, in seven bits a byte.

Invariant: what is not exactly such bytes is not read at all, so that somebody else says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Bytes, Integers
from streamer.compiled import compiled
from streamer.contract.record_columns import Records, Spans

__all__ = ["Lot", "unpacked"]


# Offset, time, key's start and length, value's start and length, start of the headers.
_N_COLUMNS: Final = 7
# Seven numbers, a byte each: a batch that claims more records is none.
_MIN_SIZE: Final = 7
# Nine bytes have 63 bits, the sign among them: a number of ten is beyond 62, and a sum of two that are
# not fits into 64.
_MAX_SHIFT: Final = 63
_LIMIT: Final = 1 << 62
_BROKEN: Final = -1


class Lot(NamedTuple):
    """The ``n`` records between ``start`` and ``end`` of an array of bytes.

    ``has_times`` tells whether each has a time of its own, relative to ``time``, or all have ``time``.
    Those before ``wanted`` are passed over: who fetches gets the batches that the offset lies in.
    """

    start: int
    end: int
    n: int
    offset: int
    time: int
    has_times: bool
    wanted: int


def unpacked(content: bytes, lots: Sequence[Lot]) -> Records | None:
    """Return the records of ``lots`` in their order, None where it cannot be told what they are."""
    for lot in lots:
        is_small = abs(lot.offset) < _LIMIT and abs(lot.time) < _LIMIT
        if not is_small or not 0 <= lot.n * _MIN_SIZE <= lot.end - lot.start:
            return None
    array = np.frombuffer(content, dtype=np.uint8)
    columns = np.empty((_N_COLUMNS, sum(lot.n for lot in lots)), dtype=np.int64)
    table = np.array(lots, dtype=np.int64).reshape(-1, len(Lot._fields))
    n = read_lots(array, table, columns)
    if n == _BROKEN:
        return None
    offsets, times, *spans, headers_at = columns[:, :n]
    key, value = Spans(array, *spans[:2]), Spans(array, *spans[2:])
    return Records(offsets, times, key, value, headers_at)


@compiled
def read_lots(content: Bytes, lots: Integers, columns: Integers) -> int:
    """Return how many records were read into ``columns``, OUT, or `_BROKEN`."""
    found = 0
    for i in range(len(lots)):
        at, end, n = lots[i, 0], lots[i, 1], lots[i, 2]
        base_offset, base_time, has_times, wanted = lots[i, 3], lots[i, 4], lots[i, 5], lots[i, 6]
        for _ in range(n):
            size, at = read_number(content, at, end)
            record_end = at + size
            # Of the attributes no bit means anything yet.  A byte, but aiokafka reads a number.
            _, at = read_number(content, at, end)
            time, at = read_number(content, at, end)
            offset, at = read_number(content, at, end)
            offset += base_offset
            key_length, key = read_number(content, at, end)
            value_length, value = read_number(content, key + max(key_length, 0), end)
            headers = value + max(value_length, 0)
            at = pass_headers(content, headers, end)
            if at != record_end or at > end:
                return _BROKEN
            if offset >= wanted:
                wanted = offset + 1
                columns[0, found] = offset
                columns[1, found] = base_time + time * has_times
                columns[2, found], columns[3, found] = key, max(key_length, -1)
                columns[4, found], columns[5, found] = value, max(value_length, -1)
                columns[6, found] = headers
                found += 1
        if at != end:
            return _BROKEN
    return found


@compiled
def pass_headers(content: Bytes, at: int, end: int) -> int:
    """Return where the headers that begin at ``at`` end, or `_BROKEN`."""
    n, at = read_number(content, at, end)
    if n < 0:
        return _BROKEN
    while n > 0 and at <= end:
        size, at = read_number(content, at, end)
        if size < 0:
            return _BROKEN
        size, at = read_number(content, at + size, end)
        at += max(size, 0)
        n -= 1
    return at


@compiled
def read_number(content: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number and where what follows it begins: beyond ``end``, and 0, where there is none."""
    bits = shift = 0
    while at < end and shift < _MAX_SHIFT:
        byte = content[at] & np.int64(0xFF)
        at += 1
        bits |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (bits >> 1) ^ -(bits & 1), at
    return 0, max(at, end + 1)
