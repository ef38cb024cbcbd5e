"""A whole topic, whatever number of partitions it has: what others see of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.stream.harness import Service

__all__ = ["end_offsets", "messages_of", "read_topic"]

_READ_S: Final = 60.0


def read_topic(service: Service, topic: str) -> list[bytes]:
    """Return the value of every committed message of a topic."""
    return [message.value() or b"" for message in messages_of(service, topic)]


def messages_of(service: Service, topic: str) -> Iterator[Message]:
    """Yield every committed message of a topic, whatever number of partitions it has."""
    consumer = _consumer(service)
    try:
        waiting = set(_partitions(consumer, topic))
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in waiting])
        while waiting:
            message = consumer.poll(_READ_S)
            assert message is not None, f"{topic} must be readable to its end, got {waiting} left"
            if message.error() is None:
                yield message
            else:
                waiting.discard(message.partition())
    finally:
        consumer.close()


def end_offsets(service: Service, topic: str) -> dict[int, int]:
    """Return what offset the next record of each partition will have."""
    consumer = _consumer(service)
    try:
        return {
            p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=_READ_S)[1]
            for p in _partitions(consumer, topic)
        }
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    found = consumer.list_topics(topic, timeout=_READ_S).topics[topic]
    return [] if found.error is not None else list(found.partitions)


def _consumer(service: Service) -> Consumer:
    return Consumer(
        librdkafka_config(
            service.settings,
            **{
                "group.id": "checker",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            },
        )
    )
