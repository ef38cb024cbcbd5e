"""What is unpacked of a fetch is what aiokafka would have read of it, and so is where it ends."""

from __future__ import annotations

import asyncio
import gc
import struct
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final

import aiokafka.record.default_records as format_2
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import (
    READ_COMMITTED,
    READ_UNCOMMITTED,
    FetchResult,
    PartitionRecords,
)
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from hypothesis import assume, example, given
from hypothesis import strategies as st

from streamer.contract.record_columns import KeptRecord, Records
from streamer.embedded import EmbeddedKafka
from streamer.stream.kafka import fetched_bytes
from streamer.stream.kafka.fetched_bytes import FetchedBytes, Unpacked, keep_bytes, unpack
from streamer.stream.kafka.fetching import _records_in
from streamer.stream.kafka.topics import create_topics

PLACE: Final = TopicPartition("transactions", 0)
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
ATTRIBUTES: Final = struct.Struct(">h")
AT_CRC, AT_ATTRIBUTES, AT_LAST_DELTA, AT_COUNT = 17, 21, 23, 57
APPEND_TIME, CONTROL = 0x08, 0x20
ABORT, COMMIT = b"\x00\x00\x00\x00", b"\x00\x00\x00\x01"

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Row:
    """A record, ``gap`` offsets after the one before it."""

    gap: int = 0
    time: int = 1_000
    key: bytes | None = b"card"
    value: bytes | None = b"{}"
    headers: Headers = ()


@dataclass(frozen=True)
class Lot:
    """A batch, ``gap`` offsets after the one before it; it covers ``tail`` more after its records."""

    rows: tuple[Row, ...]
    gap: int = 0
    tail: int = 0
    codec: int = NONE
    producer: int = -1
    is_transactional: bool = False
    attributes: int = 0
    magic: int = 2


def sealed(lot: bytearray) -> bytearray:
    """Set a batch's check sum to what its bytes ask for."""
    lot[AT_CRC:AT_ATTRIBUTES] = calc_crc32c(bytes(lot[AT_ATTRIBUTES:])).to_bytes(4)
    return lot


def built(lot: Lot, base: int) -> tuple[bytearray, int]:
    """Return a batch as aiokafka builds it and as a broker leaves it, and the offset after it."""
    arguments = (lot.codec, int(lot.is_transactional), lot.producer, 0, 0, 1 << 30)
    builder = format_2.DefaultRecordBatchBuilder(2, *arguments)
    delta = -1
    for row in lot.rows:
        delta += 1 + row.gap
        assert builder.append(delta, row.time, row.key, row.value, list(row.headers)) is not None
    content = bytearray(builder.build())
    content[:8] = base.to_bytes(8)
    [attributes] = ATTRIBUTES.unpack_from(content, AT_ATTRIBUTES)
    ATTRIBUTES.pack_into(content, AT_ATTRIBUTES, attributes | lot.attributes)
    delta += lot.tail
    content[AT_LAST_DELTA : AT_LAST_DELTA + 4] = delta.to_bytes(4, signed=True)
    return sealed(content), base + delta + 1


def fetch_of(lots: Sequence[Lot], base: int = 100) -> bytes:
    """Lay batches out one after the other, offsets from ``base`` on."""
    content = b""
    for lot in lots:
        base += lot.gap
        if lot.magic < 2:
            old = LegacyRecordBatchBuilder(lot.magic, lot.codec, 1 << 30)
            for i, row in enumerate(lot.rows):
                old.append(base + i, row.time, row.key, row.value)
            content += bytes(old.build())
            base += len(lot.rows)
        else:
            batch, base = built(lot, base)
            content += bytes(batch)
    return content


@dataclass(frozen=True)
class Read:
    """What came of a fetch: records and where it is read on from, or why not."""

    records: list[KeptRecord]
    next_offset: int
    error: str = ""


@dataclass(frozen=True)
class Fetch:
    """A fetch from ``first`` on, read in two ways."""

    content: bytes
    first: int = 100
    aborted: tuple[tuple[int, int], ...] = ()
    isolation: int = READ_COMMITTED
    check_crcs: bool = True

    def parsed(self, records: Callable[[bytes], Any]) -> Any:
        return PartitionRecords(
            PLACE,
            records(self.content),
            list(self.aborted),
            self.first,
            None,
            None,
            self.check_crcs,
            self.isolation,
        )

    def by_aiokafka(self) -> Read:
        parsed = self.parsed(MemoryRecords)
        found = []
        try:
            found = [KeptRecord(r.offset, r.timestamp, r.key, r.value, r.headers) for r in parsed]
        except Exception as error:
            return Read([], self.first, type(error).__name__)
        return Read(found, parsed.next_fetch_offset)

    def unpacked(self) -> Unpacked | None:
        return unpack(self.parsed(FetchedBytes))

    def by_us(self) -> Read:
        found = self.unpacked()
        assert found is not None
        assert found.next_fetch_offset == self.first
        return Read(list(found.records), found.end)


@dataclass
class State:
    """What aiokafka asks of a partition that is read, and tells it."""

    position: int
    paused: bool = False

    def consumed_to(self, position: int) -> None:
        self.position = position


def result_of(fetch: Fetch) -> tuple[Any, State]:
    """Return a fetch as aiokafka keeps it until it is taken, and the partition's state."""
    state = State(fetch.first)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    parsed = fetch.parsed(FetchedBytes)
    return FetchResult(PLACE, assignment=assignment, partition_records=parsed, backoff=0), state


TEXTS: Final = st.none() | st.binary(max_size=70)
ROWS: Final = st.builds(
    Row,
    st.sampled_from([0, 0, 0, 1, 200]),
    st.sampled_from([1_000, 0, 1_700_000_000_000]) | st.integers(-(1 << 40), 1 << 60),
    TEXTS,
    TEXTS,
    st.lists(st.tuples(st.text(max_size=3), TEXTS), max_size=2).map(tuple),
)
LOTS: Final = st.builds(
    Lot,
    st.lists(ROWS, min_size=1, max_size=5).map(tuple),
    st.sampled_from([0, 0, 3]),
    st.sampled_from([0, 0, 2]),
    st.integers(NONE, ZSTD),
    st.integers(-1, 2),
    st.booleans(),
    st.sampled_from([0, 0, APPEND_TIME]),
)


def marker(producer: int, key: bytes) -> Lot:
    """Return the batch by which a broker ends a transaction of ``producer``."""
    row = Row(key=key, value=b"\x00\x00\x00\x00\x00\x00")
    return Lot((row,), producer=producer, is_transactional=True, attributes=CONTROL)


MARKERS: Final = st.builds(marker, st.integers(0, 2), st.sampled_from([ABORT, COMMIT]))


@given(
    st.lists(LOTS | MARKERS, max_size=6),
    st.lists(st.tuples(st.integers(0, 2), st.integers(95, 130)), max_size=3),
    st.integers(100, 112),
    st.sampled_from([READ_COMMITTED, READ_UNCOMMITTED]),
    st.integers(0, 300),
)
def test_what_is_unpacked_is_what_aiokafka_reads(
    lots: list[Lot],
    aborted: list[tuple[int, int]],
    first: int,
    isolation: int,
    cut: int,
) -> None:
    """Every codec, headers, nulls, gaps, append times, transactions; the last batch may be cut off."""
    content = fetch_of(lots)
    content = content[: len(content) - cut] if cut < len(content) else content
    fetch = Fetch(content, first, tuple(aborted), isolation)
    assert fetch.by_us() == fetch.by_aiokafka()


@given(
    st.lists(LOTS.filter(lambda lot: lot.codec == NONE), min_size=1, max_size=3),
    st.data(),
)
def test_what_is_no_record_is_left_to_aiokafka(lots: list[Lot], data: st.DataObject) -> None:
    """Any byte behind the check sum of any batch is another, and the sum is right again."""
    at = data.draw(st.integers(0, len(lots) - 1))
    batches, base = [], 100
    for lot in lots:
        batch, base = built(lot, base + lot.gap)
        batches.append(batch)
    place = data.draw(st.integers(AT_ATTRIBUTES, len(batches[at]) - 1))
    batches[at][place] = data.draw(st.integers(0, 255))
    fetch = Fetch(bytes(b"".join([*batches[:at], sealed(batches[at]), *batches[at + 1 :]])))
    expected, found = fetch.by_aiokafka(), fetch.unpacked()
    assume(found is not None)
    if not expected.error:
        assert fetch.by_us() == expected
    else:
        # The one thing that is borne here and not there is the name of a header that is no UTF-8.
        headers = [header for record in fetch.by_us().records for header in record.headers]
        assert any("\ufffd" in name for name, _ in headers)


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_of_each_codec_is_unpacked(codec: int) -> None:
    """That it was compressed, and is not left to aiokafka, is certain by its size."""
    rows = tuple(Row(value=b"%05d" % i + bytes(100)) for i in range(200))
    content = fetch_of([Lot(rows[:100]), Lot(rows[100:], codec=codec)])
    assert (len(content) < 15_000) is (codec != NONE)
    found = Fetch(content).unpacked()
    assert found is not None
    assert [record.value for record in found.records] == [row.value for row in rows]
    assert found.records.offsets.tolist() == list(range(100, 300))


@given(st.lists(LOTS, min_size=1, max_size=4), st.integers(1, 6))
@example([Lot((Row(), Row(), Row()), tail=2)], 3)
def test_a_fetch_is_taken_in_pieces_that_cover_all_of_it(lots: list[Lot], limit: int) -> None:
    """The position is behind the last record that was taken; behind all of the fetch at its end."""
    fetch = Fetch(fetch_of(lots))
    expected = fetch.by_aiokafka()
    result, state = result_of(fetch)
    taken: list[KeptRecord] = []
    while result.has_more():
        records = _records_in(result, PLACE, limit)
        assert isinstance(records, Records)
        assert len(records) <= limit
        taken += records
        is_all = len(taken) == len(expected.records)
        assert state.position == (expected.next_offset if is_all else taken[-1].offset + 1)
    assert taken == expected.records
    assert state.position == expected.next_offset


def test_nothing_is_taken_after_a_seek() -> None:
    """Neither of a fetch that was not unpacked yet nor of the rest of one that was."""
    fetch = Fetch(fetch_of([Lot((Row(), Row()))]))
    for n_taken in (0, 1):
        result, state = result_of(fetch)
        if n_taken:
            assert len(_records_in(result, PLACE, n_taken)) == n_taken
        state.position = 50
        assert _records_in(result, PLACE, None) == []
        assert not result.has_more()
        assert state.position == 50


@pytest.mark.parametrize(
    "content", [fetch_of([Lot((Row(), Row()))]), b"\x00" * 100], ids=["sound", "damaged"]
)
def test_a_fetch_is_gone_once_it_is_read_and_waits_for_no_garbage_collector(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2,000 payments a second, each a batch of its own, it had 50,000 objects to look at in 8 s."""
    made: list[weakref.ref[Any]] = []

    class Batches(fetched_bytes._Batches):
        def __init__(self, content: bytes) -> None:
            super().__init__(content)
            made.append(weakref.ref(self))

    monkeypatch.setattr(fetched_bytes, "_Batches", Batches)
    gc.disable()
    try:
        Fetch(content).unpacked()
        assert [kept() for kept in made] == [None]
    finally:
        gc.enable()


def test_the_bytes_of_a_fetch_wait_for_no_garbage_collector() -> None:
    """aiokafka's part and the generator that it never began have each other: thousands of fetches, of
    up to a megabyte each, would be there before the collector looks."""
    parsed = Fetch(fetch_of([Lot((Row(), Row()))])).parsed(FetchedBytes)
    kept = weakref.ref(parsed)
    gc.disable()
    try:
        assert unpack(parsed) is not None
        del parsed
        assert kept() is None
    finally:
        gc.enable()


def damaged(place: int, value: int, *, seal: bool = True) -> bytes:
    batch, base = built(Lot((Row(), Row())), 100)
    second, _ = built(Lot((Row(), Row())), base)
    second[place] = value
    return bytes(batch) + bytes(sealed(second) if seal else second)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(damaged(-1, 9, seal=False), CorruptRecordException, id="another check sum"),
        pytest.param(damaged(AT_COUNT + 3, 3), CorruptRecordException, id="more records"),
        pytest.param(damaged(AT_COUNT + 3, 1), CorruptRecordException, id="fewer records"),
        pytest.param(damaged(AT_COUNT, 0x7F), CorruptRecordException, id="records by the billion"),
        pytest.param(damaged(AT_COUNT, 0xFF), CorruptRecordException, id="less than no records"),
        pytest.param(damaged(AT_ATTRIBUTES + 1, 7), UnsupportedCodecError, id="unknown codec"),
        pytest.param(damaged(AT_ATTRIBUTES + 1, GZIP), Exception, id="not compressed"),
    ],
)
def test_what_is_damaged_is_refused_as_by_aiokafka(content: bytes, error: type[Exception]) -> None:
    """With the error that it has for it, as often as it is asked for; the position stays."""
    assert Fetch(content).unpacked() is None
    with pytest.raises(error) as theirs:
        list(Fetch(content).parsed(MemoryRecords))
    result, state = result_of(Fetch(content))
    with pytest.raises(error) as ours:
        _records_in(result, PLACE, None)
    assert type(ours.value) is type(theirs.value)
    assert str(ours.value) == str(theirs.value)
    assert state.position == 100


def test_a_check_sum_counts_only_where_sums_are_checked() -> None:
    content = damaged(-1, 0, seal=False)[:-1] + b"\x00"
    changed = bytearray(content)
    changed[AT_CRC] ^= 1
    assert Fetch(bytes(changed)).unpacked() is None
    assert Fetch(bytes(changed), check_crcs=False).by_us().error == ""


@pytest.mark.parametrize("magic", [0, 1])
def test_older_formats_are_read_by_aiokafka(magic: int) -> None:
    fetch = Fetch(fetch_of([Lot((Row(value=b"1"), Row(value=b"2")), magic=magic)]))
    assert fetch.unpacked() is None
    result, state = result_of(fetch)
    records = _records_in(result, PLACE, None)
    assert [(record.offset, record.value) for record in records] == [(100, b"1"), (101, b"2")]
    assert state.position == 102


@pytest.mark.parametrize("time", [1 << 62, -(1 << 62) - 1, (1 << 63) - 1])
def test_numbers_beyond_62_bits_are_left_to_aiokafka(time: int) -> None:
    """As the time of a batch and as that of a record, by which it differs from its batch."""
    for rows in ((Row(time=time),), (Row(time=0), Row(time=time))):
        assert Fetch(fetch_of([Lot(rows)])).unpacked() is None
    largest = replace(Row(), time=(1 << 62) - 1)
    assert Fetch(fetch_of([Lot((largest,))])).unpacked() is not None


def test_what_a_broker_answers_comes_as_columns(kafka: EmbeddedKafka) -> None:
    """Nothing is heard of it where the bytes are not kept: all would be read, at twice the cost."""
    place = TopicPartition("kept-bytes", 0)
    servers = {"bootstrap.servers": kafka.bootstrap_servers}
    create_topics(AdminClient(servers), {place.topic: 1}, 1)
    producer = Producer(servers)
    for number in range(5):
        producer.produce(place.topic, b"%d" % number, b"card")
    assert producer.flush(30) == 0

    async def fetched() -> Any:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers)
        await consumer.start()
        try:
            keep_bytes(consumer._fetcher)
            consumer.assign([place])
            consumer.seek(place, 0)
            async with asyncio.timeout(60):
                while place not in consumer._fetcher._records:
                    await consumer._fetcher._create_fetch_waiter()
            return _records_in(consumer._fetcher._records[place], place, None)
        finally:
            await consumer.stop()

    records = asyncio.run(fetched())
    assert isinstance(records, Records)
    assert (records[0].key, records[0].value) == (b"card", b"0")
