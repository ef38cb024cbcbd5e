"""The last messages of a topic, to look at: no consumer group, nothing committed."""

from __future__ import annotations

import time
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streamer.errors import ConfigurationError, UnavailableError

__all__ = ["last_messages"]

_TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.2
# Anything else may pass, as where a broker of several is away.
_LASTING: Final = (
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
)


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
            "enable.partition.eof": True,
        }
    )
    try:
        starts, ends = _range(consumer, topic, limit)
        consumer.assign(starts)
        return _read(consumer, ends, limit)
    except KafkaException as error:
        reason = error.args[0].str()
        raise UnavailableError(
            f"Kafka must answer within {_TIMEOUT_S:g} s (STREAMER_KAFKA_BOOTSTRAP_SERVERS), got "
            f"{reason}"
        ) from None
    finally:
        consumer.close()


def _range(
    consumer: Consumer, topic: str, limit: int
) -> tuple[list[TopicPartition], dict[int, int]]:
    found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    if found.error is not None:
        raise ConfigurationError(f"topic must exist, got {topic}: {found.error.str()}")
    per_partition = -(-limit // max(len(found.partitions), 1))
    starts: list[TopicPartition] = []
    ends: dict[int, int] = {}
    for partition in found.partitions:
        low, high = _bounds(consumer, TopicPartition(topic, partition))
        if high > low:
            starts.append(TopicPartition(topic, partition, max(low, high - per_partition)))
            ends[partition] = high
    return starts, ends


def _bounds(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Return where a partition begins and ends; its leader may just be another one."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
            return low, high
        except KafkaException as error:
            if error.args[0].code() in _LASTING or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


def _read(consumer: Consumer, ends: dict[int, int], limit: int) -> list[tuple[bytes, str]]:
    """Return what lies before ``ends``, or before the first record that is not committed yet."""
    messages: list[tuple[bytes, str]] = []
    fault: KafkaError | None = None
    open_partitions = set(ends)
    deadline = time.monotonic() + _TIMEOUT_S
    while open_partitions and len(messages) < limit and time.monotonic() < deadline:
        for message in consumer.consume(limit, timeout=0.5):
            error = message.error()
            if error is not None:
                # The end may be one of markers, with no record to tell that it is reached.
                if error.code() == KafkaError._PARTITION_EOF:
                    open_partitions.discard(message.partition())
                elif error.code() in _LASTING:
                    raise KafkaException(error)
                else:
                    fault = error
                continue
            if message.value() is not None:
                place = f"{message.partition()}-{message.offset()}"
                messages.append((message.value(), place))
            if message.offset() + 1 >= ends[message.partition()]:
                open_partitions.discard(message.partition())
    if open_partitions and not messages and fault is not None:
        raise KafkaException(fault)
    return messages[:limit]
