"""Records in columns are the records that they were made of, whole or in pieces."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.record_columns import KeptRecord, Records, Spans

NO_HEADERS = b"\x00"
TEXTS = st.none() | st.binary(max_size=12)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=9)


def in_columns(
    rows: list[tuple[bytes | None, bytes | None]], headers: bytes = NO_HEADERS, first: int = 5
) -> Records:
    """Lay keys and values out one after the other, as a fetch does, offsets from ``first`` on."""
    texts = [text for row in rows for text in (b"", *row)]
    laid = b"".join(text or b"" for text in texts) + headers
    starts = np.array(
        [0, *accumulate(len(text or b"") for text in texts)][: len(texts)], dtype=np.int64
    )
    lengths = np.array([-1 if text is None else len(text) for text in texts], dtype=np.int64)
    content = np.frombuffer(laid, dtype=np.uint8)
    keys, values = (Spans(content, starts[i::3].copy(), lengths[i::3].copy()) for i in (1, 2))
    n = len(rows)
    at = np.full(n, len(laid) - len(headers))
    return Records(first + np.arange(n), 1_000 + np.arange(n), keys, values, at)


@given(ROWS)
def test_each_record_is_taken_out_as_it_was_laid_in(
    rows: list[tuple[bytes | None, bytes | None]],
) -> None:
    records = in_columns(rows)
    expected = [KeptRecord(5 + i, 1_000 + i, key, value, ()) for i, (key, value) in enumerate(rows)]
    assert list(records) == expected
    assert [records[i] for i in range(-len(rows), 0)] == expected
    assert list(records[1:3]) == expected[1:3]


@given(ROWS, st.integers(0, 9), st.integers(0, 9))
def test_a_batch_of_columns_says_what_a_batch_of_objects_says(
    rows: list[tuple[bytes | None, bytes | None]], first: int, limit: int
) -> None:
    """Offsets, times, keys and values, of the whole, of its pieces and of its rest."""
    stored = [StoredRecord(5 + i, 1_000 + i, *row) for i, row in enumerate(rows)]
    covers = (3, 20)
    columns = Batch("t", 0, in_columns(rows), 0, covers)
    objects = Batch("t", 0, stored, 0, covers)
    pairs = [(columns, objects)]
    pairs += list(zip(columns.parts(limit + 1), objects.parts(limit + 1), strict=True))
    rest = columns.starting_at(first + 3), objects.starting_at(first + 3)
    assert rest[0] is not None
    assert rest[1] is not None
    for one, other in [*pairs, (rest[0], rest[1])]:
        assert one.covers == other.covers
        assert one.offsets.tolist() == other.offsets.tolist() == [r.offset for r in one.records]
        assert one.timestamps.tolist() == other.timestamps.tolist()
        for spans, wanted in (
            (one.keys(), [record.key for record in other.records]),
            (other.keys(), [record.key for record in other.records]),
            (one.values(), [record.value for record in other.records]),
            (other.values(), [record.value for record in other.records]),
        ):
            assert [spans.text(i) for i in range(len(other))] == wanted
            assert not spans.content.flags.writeable
            assert spans.starts.dtype == spans.lengths.dtype == np.int64


def test_headers_are_read_when_a_record_is_taken_out() -> None:
    """Two: "a" with the byte 7, and a name that is no UTF-8, of 70 bytes, without a value."""
    name = b"\xff" * 70
    laid = b"\x04" + b"\x02a\x02\x07" + b"\x8c\x01" + name + b"\x01"
    [record] = in_columns([(b"k", b"v")], laid)
    assert record.headers == (("a", b"\x07"), ("�" * 70, None))
