"""A whole topic, whatever number of partitions it has: what others see of it."""

from __future__ import annotations

from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from streamer.stream.kafka_config import librdkafka_config
from tests.stream.harness import Service

__all__ = ["read_topic"]

_READ_S: Final = 60.0


def read_topic(service: Service, topic: str) -> list[bytes]:
    """Return every committed message of a topic, whatever number of partitions it has."""
    consumer = Consumer(
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
    try:
        found = consumer.list_topics(topic, timeout=_READ_S).topics[topic]
        if found.error is not None:
            return []
        waiting = set(found.partitions)
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in waiting])
        values: list[bytes] = []
        while waiting:
            message = consumer.poll(_READ_S)
            assert message is not None, f"{topic} must be readable to its end, got {waiting} left"
            if message.error() is None:
                values.append(message.value() or b"")
            else:
                waiting.discard(message.partition())
        return values
    finally:
        consumer.close()
