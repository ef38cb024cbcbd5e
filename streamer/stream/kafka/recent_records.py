"""The records of a topic since a time, for a command: no consumer group, nothing committed.

Where a partition is entered is the broker's answer to a time; where it is left is its end when it was
asked, or the first record behind that which came later, so a topic that is being written to ends too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = ["partitions_of", "records_since"]

_TIMEOUT_S: Final = 10.0
_FETCH_MAX_WAIT_MS: Final = 50


def partitions_of(settings: Settings, topic: str) -> list[int]:
    """Return the partitions of a topic, in order; blocks."""
    consumer = _consumer(settings)
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    except KafkaException as error:
        raise UnavailableError(
            f"Kafka must answer within {_TIMEOUT_S:g} s (STREAMER_KAFKA_BOOTSTRAP_SERVERS), got "
            f"{in_words(error)}"
        ) from None
    finally:
        consumer.close()
    if found.error is not None:
        raise ConfigurationError(f"topic must exist, got {topic}: {found.error.str()}")
    return sorted(found.partitions)


def records_since(
    settings: Settings, topic: str, partition: int, since_ms: int, until_ms: int, most: int
) -> Iterator[Message]:
    """Yield the committed records of a partition from ``since_ms`` to ``until_ms``; blocks.

    Times are Kafka's of the record, in epoch milliseconds.  Of more than ``most`` offsets the last ones
    are read.  Raises `UnavailableError` when Kafka does not answer.
    """
    consumer = _consumer(settings)
    try:
        place = TopicPartition(topic, partition, since_ms)
        [found] = consumer.offsets_for_times([place], timeout=_TIMEOUT_S)
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        if found.error is not None:
            raise UnavailableError(f"offsets must be known by time, got {found.error.str()}")
        if found.offset < 0 or low == high:
            return
        consumer.assign([TopicPartition(topic, partition, max(found.offset, high - most, low))])
        for message in _until_end(consumer):
            at_ms = message.timestamp()[1]
            if at_ms > until_ms and (message.offset() or 0) >= high:
                return
            if since_ms <= at_ms <= until_ms:
                yield message
    except KafkaException as error:
        raise UnavailableError(
            f"records of {topic}/{partition} must be readable, got {in_words(error)}"
        ) from None
    finally:
        consumer.close()


def _until_end(consumer: Consumer) -> Iterator[Message]:
    while True:
        message = consumer.poll(_TIMEOUT_S)
        if message is None:
            raise UnavailableError(
                f"records must be readable within {_TIMEOUT_S:g} s, got no answer from Kafka"
            )
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            return
        else:
            raise UnavailableError(f"records must be readable, got {error.str()}")


def _consumer(settings: Settings) -> Consumer:
    return Consumer(
        librdkafka_config(
            settings,
            **{
                "group.id": f"{settings.consumer_group}-retrain",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
            },
        )
    )
