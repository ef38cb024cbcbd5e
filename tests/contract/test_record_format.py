"""The loop over Kafka's bytes of records reads what they say, compiled and as Python.

That it reads what aiokafka does is held beside the worker's fetches.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract import record_format
from streamer.contract.record_columns import KeptRecord
from streamer.contract.record_format import Lot, read_lots, unpacked
from tests.features.uncompiled import uncompiled

# Length 14: attributes, time +3, offset +1, key "k", value "abc", one header "h" with the byte 7.
RECORD = bytes([28, 0, 6, 2, 2]) + b"k" + bytes([6]) + b"abc" + bytes([2, 2]) + b"h" + bytes([2, 7])
# Length 6: time -1, offset +2, neither key nor value nor headers.
NULLS = bytes([12, 0, 1, 4, 1, 1, 0])


def test_a_record_is_read_by_hand() -> None:
    """In bytes that begin and end with something else; offsets from 70 on, times from 1,000 on."""
    content = b"??" + RECORD + NULLS + b"?"
    found = unpacked(content, [Lot(2, len(content) - 1, 2, 70, 1_000, True, 0)])
    assert found is not None
    assert list(found) == [
        KeptRecord(71, 1_003, b"k", b"abc", (("h", b"\x07"),)),
        KeptRecord(72, 999, None, None, ()),
    ]


def test_one_time_is_that_of_all_records_where_they_have_none() -> None:
    content = RECORD + NULLS
    found = unpacked(content, [Lot(0, len(content), 2, 70, 1_000, False, 0)])
    assert found is not None
    assert found.timestamps.tolist() == [1_000, 1_000]


@pytest.mark.parametrize(("wanted", "offsets"), [(71, [71, 72]), (72, [72]), (73, [])])
def test_what_lies_before_the_wanted_offset_is_passed_over(wanted: int, offsets: list[int]) -> None:
    """As is what does not ascend: the third record has the offset of the first."""
    content = RECORD + NULLS + RECORD
    found = unpacked(content, [Lot(0, len(content), 3, 70, 0, True, wanted)])
    assert found is not None
    assert found.offsets.tolist() == offsets


@given(
    st.binary(min_size=7, max_size=60) | st.integers(0, 10).map(lambda n: RECORD + NULLS * n),
    st.integers(0, 8),
    st.data(),
)
def test_any_bytes_are_read_alike_compiled_and_as_python(
    content: bytes, n: int, data: st.DataObject
) -> None:
    """Python would say so if an index lay beyond the bytes, which end with their array."""
    changed = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        changed[place] = data.draw(st.integers(0, 255))
    array = np.frombuffer(bytes(changed), dtype=np.uint8)
    lots = np.array([[0, len(array), n, 70, 1_000, 1, 0]])
    ours, theirs = (np.zeros((7, n), dtype=np.int64) for _ in range(2))
    n_read = read_lots(array, lots, ours)
    with uncompiled(record_format):
        assert record_format.read_lots(array, lots, theirs) == n_read
    assert ours.tolist() == theirs.tolist()
