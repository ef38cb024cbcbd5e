"""The embedded broker carries what the product sends: nulls, headers and large records."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streamer.embedded import EmbeddedKafka
from tests.rig.waiting import DEADLINE_S

TEN_MEGABYTES = 10_000_000


@pytest.fixture
def topic(kafka: EmbeddedKafka, unique_topic: Callable[..., str]) -> str:
    name = unique_topic("round-trip")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])[name].result(
        DEADLINE_S
    )
    return name


@pytest.fixture
def consumer(kafka: EmbeddedKafka, topic: str) -> Iterator[Consumer]:
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": topic,
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 2 * TEN_MEGABYTES,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    yield consumer
    consumer.close()


def produce(kafka: EmbeddedKafka, topic: str, *records: dict[str, object]) -> None:
    """Write the records and fail unless the broker acknowledges every one."""
    producer = Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "enable.idempotence": True,
            "message.max.bytes": 2 * TEN_MEGABYTES,
        }
    )
    errors: list[KafkaError] = []
    for record in records:
        producer.produce(
            topic,
            partition=0,
            on_delivery=lambda error, _message: errors.append(error) if error else None,
            **record,
        )
    assert producer.flush(DEADLINE_S) == 0
    assert errors == []


def read(consumer: Consumer, n: int) -> list[Message]:
    messages = [consumer.poll(DEADLINE_S) for _ in range(n)]
    for message in messages:
        assert message is not None
        assert message.error() is None
    return messages


def test_records_come_back_in_order_with_null_values_keys_and_headers(
    kafka: EmbeddedKafka, topic: str, consumer: Consumer
) -> None:
    produce(
        kafka,
        topic,
        {"key": b"card-1", "value": b"{}", "headers": [("trace", b"\x00\xff"), ("trace", b"")]},
        {"key": b"card-1", "value": None},
        {"key": None, "value": b""},
    )
    first, tombstone, keyless = read(consumer, 3)
    assert [m.offset() for m in (first, tombstone, keyless)] == [0, 1, 2]
    assert (first.key(), first.value()) == (b"card-1", b"{}")
    assert first.headers() == [("trace", b"\x00\xff"), ("trace", b"")]
    assert (tombstone.key(), tombstone.value()) == (b"card-1", None)
    assert (keyless.key(), keyless.value()) == (None, b"")


def test_a_record_of_ten_megabytes_passes_and_the_next_one_follows(
    kafka: EmbeddedKafka, topic: str, consumer: Consumer
) -> None:
    large = bytes(range(250)) * (TEN_MEGABYTES // 250)
    produce(kafka, topic, {"value": large}, {"value": b"after"})
    first, second = read(consumer, 2)
    assert first.value() == large
    assert second.value() == b"after"
