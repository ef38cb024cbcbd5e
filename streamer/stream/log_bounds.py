"""Where the log of a partition begins and ends now, and which topic it is: for a person who asks."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.store import LogBounds
from streamer.stream.kafka_config import librdkafka_config

__all__ = ["log_bounds"]

_TIMEOUT_S: Final = 10.0
# The UUID of sixteen zero bytes, which brokers send that know of no topic ids.
_NO_TOPIC_ID: Final = "A" * 22


def log_bounds(
    settings: Settings, topic: str, partition: int, timeout_s: float = _TIMEOUT_S
) -> LogBounds:
    """Return the bounds; blocks.  ConfigurationError where there is no such partition."""
    try:
        topic_id, n_partitions = _topic(settings, topic, timeout_s)
        if partition >= n_partitions:
            raise ConfigurationError(
                f"partition must be one of the {n_partitions} of topic {topic}, got {partition}"
            )
        consumer = Consumer(
            librdkafka_config(settings, **{"group.id": f"{settings.consumer_group}-bounds"})
        )
        try:
            beginning, end = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=timeout_s
            )
        finally:
            consumer.close()
    except KafkaException as error:
        raise UnavailableError(
            f"the log of {topic}/{partition} must be readable within {timeout_s:g} s, got {error}"
        ) from error
    return LogBounds(beginning, end, topic_id)


def _topic(settings: Settings, topic: str, timeout_s: float) -> tuple[str, int]:
    """Return the topic's id, empty where the broker has none, and its number of partitions."""
    admin = AdminClient(librdkafka_config(settings))
    asked = admin.describe_topics(TopicCollection([topic]), request_timeout=timeout_s)
    try:
        described = asked[topic].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConfigurationError(f"topic {topic} must exist, got none") from error
        raise
    topic_id = str(described.topic_id)
    return "" if topic_id == _NO_TOPIC_ID else topic_id, len(described.partitions)
