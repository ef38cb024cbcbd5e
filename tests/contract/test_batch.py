"""A batch accounts for every offset that it covers, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.batch import Batch, StoredRecord


def covering(first: int, end: int, offsets: list[int]) -> Batch:
    records = [StoredRecord(offset, 0, None, None) for offset in offsets]
    return Batch("transactions", 3, records, 17, (first, end))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    first = draw(st.integers(0, 50))
    end = draw(st.integers(first, first + 40))
    offsets = draw(
        st.lists(st.integers(first, max(first, end - 1)), unique=True, max_size=end - first)
    )
    return covering(first, end, sorted(offsets))


def test_without_a_range_a_batch_is_from_its_first_to_its_last_record() -> None:
    """Records 5, 6 and 9: offsets 7 and 8 hold none."""
    records = [StoredRecord(offset, 0, None, None) for offset in (5, 6, 9)]
    batch = Batch("transactions", 0, records, 0)
    assert (batch.first_offset, batch.next_offset, batch.n_skipped) == (5, 10, 2)


def test_offsets_around_the_records_are_skipped_too() -> None:
    """0 to 9 were read and hold 3 and 4: eight hold none; a batch may hold none at all."""
    batch = covering(0, 10, [3, 4])
    assert (batch.first_offset, batch.next_offset, batch.n_skipped, len(batch)) == (0, 10, 8, 2)
    assert covering(7, 9, []).n_skipped == 2


def test_the_rest_of_a_batch_covers_what_is_left_of_its_offsets() -> None:
    batch = covering(0, 10, [3, 4])
    rest = batch.starting_at(4)
    assert rest is not None
    assert [record.offset for record in rest.records] == [4]
    assert (rest.covers, rest.n_skipped) == ((4, 10), 5)
    only_markers = batch.starting_at(5)
    assert only_markers is not None
    assert (len(only_markers), only_markers.n_skipped) == (0, 5)
    assert batch.starting_at(10) is None
    assert batch.starting_at(0) is batch


@given(batches(), st.integers(1, 7))
def test_parts_cover_the_same_offsets_and_records_without_a_hole(batch: Batch, n: int) -> None:
    parts = list(batch.parts(n))
    assert [r for part in parts for r in part.records] == list(batch.records)
    assert all(len(part) <= n for part in parts)
    assert parts[0].first_offset == batch.first_offset
    assert parts[-1].next_offset == batch.next_offset
    for one, other in pairwise(parts):
        assert one.next_offset == other.first_offset
    assert sum(part.n_skipped for part in parts) == batch.n_skipped
    assert {(p.topic, p.partition, p.received_at_ms) for p in parts} == {("transactions", 3, 17)}


@given(batches(), st.integers(0, 100))
def test_what_is_before_an_offset_and_what_is_from_it_on_is_the_whole(
    batch: Batch, offset: int
) -> None:
    rest = batch.starting_at(offset)
    if rest is None:
        assert offset >= batch.next_offset
        return
    assert rest.first_offset == max(offset, batch.first_offset)
    assert rest.next_offset == batch.next_offset
    assert list(rest.records) == [r for r in batch.records if r.offset >= offset]
    assert rest.n_skipped >= 0


def test_a_batch_without_records_must_say_what_it_covers() -> None:
    with pytest.raises(IndexError):
        _ = Batch("transactions", 0, [], 0).first_offset


def test_offsets_are_those_of_the_records_with_a_gap_or_without() -> None:
    records = [StoredRecord(offset, 0, None, b"") for offset in (5, 6, 7, 9)]
    assert Batch("t", 0, records[:3], 0).offsets.tolist() == [5, 6, 7]
    assert Batch("t", 0, records, 0).offsets.tolist() == [5, 6, 7, 9]
    assert Batch("t", 0, records[:3], 0, covers=(4, 8)).offsets.tolist() == [5, 6, 7]
    assert Batch("t", 0, [], 0, covers=(4, 8)).offsets.tolist() == []


@given(batches())
def test_every_record_is_found_by_its_offset(batch: Batch) -> None:
    assert [batch.record_at(record.offset) for record in batch.records] == list(batch.records)
