"""Records that lie in one array of bytes: columns of numbers, an object of each once it is asked for.

A fetch is such an array already.  What reads all keys or all values takes their `Spans`, which a
compiled loop goes through; what is about one record, as a dead letter is, takes that one out.

Invariant: an array of bytes is never written to, and says so: loops are compiled for such arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np

from streamer.arrays import Bytes, Integers

__all__ = ["Headers", "KeptRecord", "Records", "Spans", "joined"]

Headers = tuple[tuple[str, bytes | None], ...]


class Spans(NamedTuple):
    """Texts within ``content``: where one begins and how long it is, -1 for none; shape (n,) each, or
    (n, k) where each of n things has k texts.

    They may lie in any order, with other things between them.
    """

    content: Bytes
    starts: Integers
    lengths: Integers

    @classmethod
    def of(cls, *columns: Sequence[str]) -> Spans:
        """Return the texts of k columns of n, in UTF-8.

        >>> spans = Spans.of(["a", "b"], ["x", "yz"])
        >>> spans.text(1, 1), spans.column(0).strings()
        (b'yz', ['a', 'b'])
        """
        content, starts, lengths = joined(text.encode() for column in columns for text in column)
        by_row = (each.reshape(len(columns), -1).T.copy() for each in (starts, lengths))
        return cls(content, *by_row)

    def text(self, *at: int) -> bytes | None:
        """Return one of them, or None.

        >>> spans = joined([b"ab", None, b""])
        >>> spans.text(0), spans.text(1), spans.text(2)
        (b'ab', None, b'')
        """
        length = self.lengths.item(*at)
        return None if length < 0 else _cut(self.content, self.starts.item(*at), length)

    def strings(self) -> list[str]:
        """Return them all, of shape (n,); they are UTF-8, and none is missing."""
        content = self.content.tobytes()
        spans = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        if content.isascii():
            # Cut as text: half of what it takes to decode each.
            text = content.decode("ascii")
            return [text[first : first + length] for first, length in spans]
        return [content[first : first + length].decode() for first, length in spans]

    def column(self, which: int | slice) -> Spans:
        """Return one text, or some, of each thing."""
        return Spans(self.content, self.starts[:, which], self.lengths[:, which])

    def within(self, rows: slice | Integers) -> Spans:
        """Return some of them, or those of some of the things."""
        return Spans(self.content, self.starts[rows], self.lengths[rows])

    def followed_by(self, others: Spans) -> Spans:
        """Return these and then the others."""
        content = np.concatenate([self.content, others.content])
        content.flags.writeable = False
        starts = np.concatenate([self.starts, others.starts + len(self.content)])
        return Spans(content, starts, np.concatenate([self.lengths, others.lengths]))


class KeptRecord(NamedTuple):
    """One record as it lay in Kafka, taken out of the fetch that brought it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True, eq=False)
class Records(Sequence[KeptRecord]):
    """Records in ascending offset order; keys and values lie in one array of bytes."""

    offsets: Integers
    timestamps: Integers
    keys: Spans
    values: Spans
    headers_at: Integers
    """Where in those bytes the headers begin, in Kafka's form: their number, then each of them."""

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, which: int) -> KeptRecord: ...
    @overload
    def __getitem__(self, which: slice) -> Records: ...
    def __getitem__(self, which: int | slice) -> KeptRecord | Records:
        if isinstance(which, slice):
            columns = self.offsets[which], self.timestamps[which]
            spans = self.keys.within(which), self.values.within(which)
            return Records(*columns, *spans, self.headers_at[which])
        return KeptRecord(
            self.offsets.item(which),
            self.timestamps.item(which),
            self.keys.text(which),
            self.values.text(which),
            _headers(self.keys.content, self.headers_at.item(which)),
        )

    def __iter__(self) -> Iterator[KeptRecord]:
        return map(self.__getitem__, range(len(self)))


def joined(texts: Iterable[bytes | None]) -> Spans:
    """Return the spans of texts that lie anywhere, which are copied for it."""
    found = list(texts)
    known = [text or b"" for text in found]
    lengths = np.fromiter(map(len, known), np.int64, len(known))
    # Of one text, as when payments come one by one, without two steps over arrays.
    starts = lengths.cumsum() - lengths if len(found) > 1 else np.zeros(len(found), np.int64)
    if None in found:
        lengths[[text is None for text in found]] = -1
    return Spans(np.frombuffer(b"".join(known), np.uint8), starts, lengths)


def _headers(content: Bytes, at: int) -> Headers:
    n, at = _number(content, at)
    found = []
    for _ in range(n):
        size, at = _number(content, at)
        # A name is UTF-8; one that is not must not keep anybody from the payment.
        name = _cut(content, at, size).decode("utf-8", "replace")
        length, at = _number(content, at + size)
        found.append((name, None if length < 0 else _cut(content, at, length)))
        at += max(length, 0)
    return tuple(found)


def _number(content: Bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number of seven bits a byte, and where what follows it begins."""
    bits = shift = 0
    while True:
        byte = content.item(at)
        at += 1
        bits |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (bits >> 1) ^ -(bits & 1), at


def _cut(content: Bytes, start: int, length: int) -> bytes:
    return content[start : start + length].tobytes()
