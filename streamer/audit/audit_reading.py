"""The audit topic from its beginning, or a time on, to its end; blocks.

What a message names of other chains counts only if it was there before any partition was read: later
ones may name what another partition had not had when that was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from streamer.audit.stored_entry import StoredEntry, place_code, stored_entry
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words
from streamer.stream.publishing.alert_partition import alert_messages

__all__ = ["Period", "ReadEntry", "read_entries"]

_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since_ms``, 0 for all, up to and without ``until_ms``, None for the end."""

    since_ms: int = 0
    until_ms: int | None = None

    def has(self, at_ms: int) -> bool:
        """Whether a time is in it."""
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry, and whether what it names of other chains counts."""

    stored: StoredEntry
    names_others: bool


def read_entries(settings: Settings, period: Period) -> Iterator[ReadEntry]:
    """Yield the entries of a period, partition by partition, as they are stored.

    An entry is in the period by its own time, and by Kafka's where it cannot be believed.  Raises
    `ConfigurationError` without the topic, `UnavailableError` where Kafka does not answer.
    """
    topic = settings.audit_topic
    bounds = _bounds(settings, topic, period.since_ms)
    for partition, (first, end) in bounds.items():
        for _, message in alert_messages(settings, {topic: first}, partition, "audit"):
            found = _read(message)
            at_ms = found.at_ms if found.is_sound else message.timestamp()[1]
            if period.has(at_ms):
                yield ReadEntry(found, (message.offset() or 0) < end)


def _read(message: Message) -> StoredEntry:
    place = place_code(message.partition() or 0, message.offset() or 0)
    key = (message.key() or b"").decode(errors="replace")
    return stored_entry(message.value() or b"", place, key)


def _bounds(settings: Settings, topic: str, since_ms: int) -> dict[int, tuple[int | None, int]]:
    """Return where to begin in each partition, None for its beginning, and where it ends now."""
    group = {"group.id": f"{settings.consumer_group}-audit", "enable.auto.commit": False}
    consumer = Consumer(librdkafka_config(settings, **group))
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if found.error is not None:
            raise ConfigurationError(f"topic {topic} must exist, got {found.error.str()}")
        bounds: dict[int, tuple[int | None, int]] = {}
        for partition in sorted(found.partitions):
            place = TopicPartition(topic, partition, since_ms)
            _, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
            first = None
            if since_ms:
                [at] = consumer.offsets_for_times([place], timeout=_TIMEOUT_S)
                first = at.offset if at.error is None and at.offset >= 0 else end
            bounds[partition] = first, end
    except KafkaException as error:
        raise UnavailableError(f"{topic} must be readable, got {in_words(error)}") from None
    finally:
        consumer.close()
    return bounds
