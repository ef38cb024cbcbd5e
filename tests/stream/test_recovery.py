"""What a recovery reads of the alerts topic, and from where: a real broker, hand-worked offsets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Alert, Source
from streamer.embedded import EmbeddedKafka
from streamer.errors import InvariantError
from streamer.intake.decoding import DeadLetter
from streamer.stream.publishing import publisher as publishing
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.publishing.recovery import Published, published_offsets
from tests.rig.proxy import Proxy
from tests.rig.waiting import DEADLINE_S
from tests.stream.alerts import alert_of
from tests.stream.harness import Record, Service

MakeService = Callable[..., Service]


def _alert(service: Service, offset: int, partition: int = 0, topic: str | None = None) -> Alert:
    return alert_of(Source(topic or service.settings.transactions_topic, partition, offset))


def _published(service: Service, position: int | None, next_offset: int) -> set[int]:
    return set(_found(service, next_offset, position, None).alerts)


def _found(
    service: Service,
    next_offset: int,
    alerts_position: int | None = None,
    overflow_position: int | None = None,
    epoch: int = 0,
) -> Published:
    source = Source(service.settings.transactions_topic, 0, next_offset, epoch)
    return published_offsets(service.settings, source, alerts_position, overflow_position)


def test_the_alerts_position_moves_past_what_a_checkpoint_covers(
    make_service: MakeService,
) -> None:
    """It is that of the first alert a recovery must see, else one past the last, else unchanged."""
    service = make_service()
    latencies: list[float] = []
    publisher = Publisher(service.settings, latencies.append)

    async def publish(*offsets: int) -> None:
        for offset in offsets:
            publisher.publish_alert(_alert(service, offset), 1_500, offset)
        await publisher.flush()

    def position(next_offset: int, previous: int | None, partition: int = 0) -> int | None:
        no, both = (False, False), (previous, None)
        return publisher.places.positions(partition, next_offset, both, no)[0]

    # Nothing delivered: the last checkpoint's position stands, whether there is one or not.
    assert position(100, None) is None
    assert position(100, 17) == 17
    # Transactions 3, 5 and 9 alert: places 0, 1 and 2 of the topic.
    asyncio.run(publish(3, 5, 9))
    assert latencies == [1.5, 1.5, 1.5]
    # A checkpoint up to 6 covers 3 and 5; a recovery has to see 9, at place 2.
    assert position(6, None) == 2
    # One up to 10 covers 9 as well: reading starts one past it.
    assert position(10, 2) == 3
    # Nothing since.
    assert position(20, 3) == 3
    # What is forgotten with its partition is not known any more; other partitions are not touched.
    asyncio.run(publish(25))
    publisher.forget(0)
    assert position(30, 3) == 3
    assert position(30, 8, partition=1) == 8


def test_published_offsets_are_those_at_or_beyond_the_next_offset(
    make_service: MakeService,
) -> None:
    """Only the partition's own alerts count, from the position on; other messages are passed over."""
    service = make_service()
    topic = service.settings.alerts_topic
    alerts = [_alert(service, 3), _alert(service, 5), _alert(service, 9)]
    foreign: list[bytes | None] = [
        b"not JSON",
        None,
        b'{"source": 1}',
        msgspec.json.encode(_alert(service, 11, topic="another")),
        msgspec.json.encode(_alert(service, 12, partition=1)),
    ]
    # Places: 0 = 3, 1 = 5, 2-6 foreign, 7 = 9.
    values = [msgspec.json.encode(alert) for alert in alerts]
    records: list[Record] = [(b"k", v) for v in [*values[:2], *foreign, values[2]]]
    assert _published(service, None, 0) == set()
    service.produce(records, topic, partition=0)
    assert _published(service, None, 0) == {3, 5, 9}
    assert _published(service, None, 4) == {5, 9}
    assert _published(service, 1, 0) == {5, 9}
    assert _published(service, 2, 0) == {9}
    assert _published(service, 8, 0) == set()
    assert _published(service, None, 10) == set()


def test_every_alert_is_found_whatever_the_batches_it_was_sent_in(
    make_service: MakeService,
) -> None:
    """More alerts than a read takes at once, the last batch a large one."""
    service = make_service()
    topic = service.settings.alerts_topic
    values = [msgspec.json.encode(_alert(service, offset)) for offset in range(1_003)]
    service.produce([(b"k", value) for value in values[:900]], topic, partition=0)
    service.produce([(b"k", value) for value in values[900:]], topic, partition=0)
    assert _published(service, None, 0) == set(range(1_003))
    assert _published(service, 901, 0) == set(range(901, 1_003))


def test_what_overflowed_and_where_alerts_had_their_places_is_found_too(
    make_service: MakeService,
) -> None:
    """Transactions 3 and 9 alert at places 2 and 7, transaction 5 is held back."""
    service = make_service()
    publisher = Publisher(service.settings)

    async def publish() -> None:
        publisher.publish_alert(_alert(service, 3), 0, 2)
        publisher.publish_overflow(_alert(service, 5), 0, 3)
        publisher.publish_alert(_alert(service, 9), 0, 7)
        await publisher.flush()

    asyncio.run(publish())
    assert _found(service, 0) == Published({3: 2, 9: 7}, {5})
    assert _found(service, 4) == Published({9: 7}, {5})
    assert _found(service, 0, overflow_position=1) == Published({3: 2, 9: 7}, set())
    # A checkpoint up to 6 covers 3 and 5; 9 lies at place 1 of the alerts topic.
    assert publisher.places.positions(0, 6, (None, None), (False, False)) == (1, 1)


def test_an_alert_of_another_epoch_is_another_record_s(make_service: MakeService) -> None:
    """After the partition was set back, offset 3 is not the one that alerted."""
    service = make_service()
    second = msgspec.structs.replace(
        _alert(service, 3), source=Source(service.settings.transactions_topic, 0, 3, 1)
    )
    values = [msgspec.json.encode(alert) for alert in (_alert(service, 5), second)]
    service.produce([(b"k", value) for value in values], service.settings.alerts_topic, 0)
    assert _found(service, 0).alerts == {5: None}
    assert _found(service, 0, epoch=1).alerts == {3: None}


def test_a_refused_message_is_an_error_that_says_what_to_look_at(
    make_service: MakeService,
) -> None:
    """There is no partition 7: neither a flush nor a further poll goes on as if nothing were."""
    service = make_service()
    publisher = Publisher(service.settings)

    async def publish() -> None:
        publisher.publish_alert(_alert(service, 3, partition=7), 0, 0)
        await publisher.flush(DEADLINE_S)

    with pytest.raises(
        InvariantError, match=r"topic alerts-\w+ must take every message, got .*PARTI"
    ):
        asyncio.run(publish())
    with pytest.raises(InvariantError, match="does it exist"):
        publisher.poll()


def test_no_batch_is_scored_while_the_queue_is_full_and_the_loop_goes_on(
    make_service: MakeService, kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room for 2,000 bytes: one dead letter more than that, and who waits wakes when they are out.

    The first question, where the broker is, is not answered before it has been seen that one waits.
    """
    monkeypatch.setattr(publishing, "_ROOM_BYTES", 2_000)
    letter = DeadLetter(StoredRecord(0, 0, None, bytes(3_000)), "malformed_json", "$", "x")

    async def scenario(publisher: Publisher, proxy: Proxy) -> None:
        await asyncio.wait_for(publisher.wait_for_room(), DEADLINE_S)
        publisher.publish_dead_letter(letter, Batch("transactions", 0, [letter.record], 0))
        assert publisher.n_queued == 1
        assert publisher.queued_bytes > 3_000
        waiting = asyncio.create_task(publisher.wait_for_room())
        await asyncio.sleep(0)
        assert not waiting.done()
        proxy.pass_on()
        await asyncio.wait_for(waiting, DEADLINE_S)
        assert (publisher.n_queued, publisher.queued_bytes) == (0, 0)

    with Proxy(kafka.port) as proxy:
        proxy.hang()
        address = f"127.0.0.1:{proxy.port}"
        settings = make_service().settings.model_copy(update={"kafka_bootstrap_servers": address})
        asyncio.run(scenario(Publisher(settings), proxy))


def test_a_second_crash_in_a_replay_still_finds_what_the_first_life_published(
    make_service: MakeService,
) -> None:
    """Alerts of 90, 91 and 92 at places 0 to 2; the replay alerts on 50 and is saved at 60."""
    service = make_service()

    async def publish(publisher: Publisher, *offsets: int) -> None:
        for offset in offsets:
            publisher.publish_alert(_alert(service, offset), 0, offset)
        await publisher.flush()

    asyncio.run(publish(Publisher(service.settings), 90, 91, 92))
    first = _found(service, 40)
    assert set(first.alerts) == {90, 91, 92}
    replaying = Publisher(service.settings)
    asyncio.run(publish(replaying, 50))
    position, _ = replaying.places.positions(0, 60, (0, None), (bool(first.alerts), False))
    assert set(_found(service, 60, position).alerts) == {90, 91, 92}


def test_what_was_drawn_from_below_the_line_is_found_with_its_weight(
    make_service: MakeService,
) -> None:
    """On either topic, so that a payment that stands for 400 still does after a crash."""
    service = make_service()
    drawn = [
        msgspec.structs.replace(_alert(service, offset), sampled=True, sample_weight=400.0)
        for offset in (3, 5)
    ]
    values = [msgspec.json.encode(alert) for alert in (*drawn, _alert(service, 9))]
    service.produce([(b"k", values[0]), (b"k", values[2])], service.settings.alerts_topic, 0)
    service.produce([(b"k", values[1])], service.settings.overflow_topic, 0)
    found = _found(service, 0)
    assert (found.alerts.keys(), found.overflowed) == ({3, 9}, {5})
    assert found.samples == {3: 400.0, 5: 400.0}
