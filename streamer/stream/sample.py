"""The last messages of a topic, to look at: no consumer group, nothing committed."""

from __future__ import annotations

import time
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streamer.errors import ConfigurationError, UnavailableError

__all__ = ["last_messages"]

_TIMEOUT_S: Final = 10.0


def last_messages(config: dict[str, Any], topic: str, limit: int) -> list[tuple[bytes, str]]:
    """Return at most ``limit`` messages from the ends of the partitions, with where they lay.

    ``config`` is librdkafka's.  Records without a value are left out.
    """
    consumer = Consumer(
        config
        | {
            "group.id": "streamer-intake-sample",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": False,
        }
    )
    try:
        starts, ends = _range(consumer, topic, limit)
        consumer.assign(starts)
        return _read(consumer, ends, limit)
    except KafkaException as error:
        raise UnavailableError(f"Kafka must answer within {_TIMEOUT_S:g} s: {error}") from None
    finally:
        consumer.close()


def _range(
    consumer: Consumer, topic: str, limit: int
) -> tuple[list[TopicPartition], dict[int, int]]:
    found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    if found.error is not None:
        raise ConfigurationError(f"topic must exist, got {topic}: {found.error}")
    per_partition = -(-limit // max(len(found.partitions), 1))
    starts: list[TopicPartition] = []
    ends: dict[int, int] = {}
    for partition in found.partitions:
        low, high = consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=_TIMEOUT_S
        )
        if high > low:
            starts.append(TopicPartition(topic, partition, max(low, high - per_partition)))
            ends[partition] = high
    return starts, ends


def _read(consumer: Consumer, ends: dict[int, int], limit: int) -> list[tuple[bytes, str]]:
    """Return what lies before ``ends``; offsets without a record end the wait by the deadline."""
    messages: list[tuple[bytes, str]] = []
    open_partitions = set(ends)
    deadline = time.monotonic() + _TIMEOUT_S
    while open_partitions and len(messages) < limit and time.monotonic() < deadline:
        for message in consumer.consume(limit, timeout=0.5):
            if message.error():
                continue
            if message.value() is not None:
                place = f"{message.partition()}-{message.offset()}"
                messages.append((message.value(), place))
            if message.offset() + 1 >= ends[message.partition()]:
                open_partitions.discard(message.partition())
    return messages[:limit]
