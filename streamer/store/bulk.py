"""Many fields of a hash as Redis reads them, written by one loop.

redis-py takes 2 µs for a name and a state in Python, and holds the interpreter meanwhile; a checkpoint
has thousands of them.
"""

from __future__ import annotations

import numpy as np

from streamer.arrays import Bytes, Integers
from streamer.compiled import compiled
from streamer.features import PackedStates
from streamer.indexing import joined

__all__ = ["bulk_strings", "fill_pairs"]


def bulk_strings(states: PackedStates) -> memoryview:
    r"""Return name and state of each entity in turn, as RESP's bulk strings.

    >>> bytes(bulk_strings(PackedStates(np.array([17]), np.array([[1, 2, 3]], dtype=np.uint8))))
    b'$2\r\n17\r\n$3\r\n\x01\x02\x03\r\n'
    """
    rows = states.rows
    content, lengths = joined(list(states))
    head = np.frombuffer(b"$%d\r\n" % rows.shape[1], np.uint8)
    # A length has 19 digits at most; beside it are a $ and two line ends.
    size = len(content) + len(rows) * (24 + len(head) + rows.shape[1] + 2)
    packed = np.empty(size, np.uint8)
    return packed[: fill_pairs(content, lengths, head, rows, packed)].data


@compiled
def fill_pairs(content: Bytes, lengths: Integers, head: Bytes, rows: Bytes, packed: Bytes) -> int:
    """Write names and rows (n, n_bytes) as bulk strings to ``packed`` (OUT); return how many bytes.

    ``content`` are the names one behind the other, of ``lengths`` (n,) bytes; ``head`` is what stands
    before each row.
    """
    at, first = 0, 0
    for i in range(len(lengths)):
        length = int(lengths[i])
        packed[at] = 36  # $
        at = put_number(length, packed, at + 1)
        at = end_line(packed, at)
        for k in range(length):
            packed[at + k] = content[first + k]
        first += length
        at = end_line(packed, at + length)
        for k in range(len(head)):
            packed[at + k] = head[k]
        at += len(head)
        for k in range(rows.shape[1]):
            packed[at + k] = rows[i, k]
        at = end_line(packed, at + rows.shape[1])
    return at


@compiled
def put_number(number: int, packed: Bytes, at: int) -> int:
    """Write a number's digits to ``packed`` (OUT); return where they end."""
    power = 1
    while number // power >= 10:
        power *= 10
    while power > 0:
        packed[at] = 48 + number // power % 10  # 0 to 9
        at += 1
        power //= 10
    return at


@compiled
def end_line(packed: Bytes, at: int) -> int:
    r"""Write ``\r\n`` to ``packed`` (OUT); return where it ends."""
    packed[at], packed[at + 1] = 13, 10
    return at + 2
