"""A dead-letter topic as an operator reads it, and its messages back to where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words
from streamer.stream.kafka.partition_log import PartitionLogs, log_bounds
from streamer.stream.publishing.alert_partition import alert_messages

__all__ = [
    "REPLAYED_FROM_HEADER",
    "Again",
    "StoredLetter",
    "dead_letter_at",
    "dead_letters",
    "send_again",
    "topic_identity",
]

REPLAYED_FROM_HEADER: Final = "streamer-replayed-from"
"""Header of a message that was sent again: topic, partition and offset of its dead letter."""

_FLUSH_S: Final = 30.0
_MAX_BYTES: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A message of a dead-letter topic, with its headers read; None for what they do not say."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str
    path: str
    detail: str
    hint: str
    source_topic: str
    source_partition: int | None
    source_offset: int | None
    first_seen_ms: int
    is_shortened: bool
    masked: str

    @property
    def place(self) -> str:
        """Partition and offset on the dead-letter topic."""
        return f"{self.partition}/{self.offset}"

    @property
    def source(self) -> str:
        """Where the record lay that this was made of."""
        return f"{self.source_topic}/{self.source_partition}/{self.source_offset}"


@dataclass(frozen=True, slots=True)
class Again:
    """A message to send again on behalf of a dead letter."""

    letter: StoredLetter
    key: bytes | None
    value: bytes | None


def topic_identity(settings: Settings, topic: str) -> tuple[str, int]:
    """Return Kafka's id of a topic, empty where the broker has none, and its partitions; blocks."""
    logs = PartitionLogs(settings)
    try:
        topic_id, n_partitions = logs.topic(topic)
    finally:
        logs.close()
    if not n_partitions:
        raise ConfigurationError(f"topic must exist, got {topic}")
    return topic_id, n_partitions


def dead_letters(settings: Settings, topic: str, n_partitions: int) -> Iterator[StoredLetter]:
    """Yield every dead letter of a topic, partition by partition, oldest first; blocks."""
    for partition in range(n_partitions):
        for _, message in alert_messages(settings, {topic: None}, partition, "dlq"):
            yield _letter(message)


def dead_letter_at(settings: Settings, topic: str, partition: int, offset: int) -> StoredLetter:
    """Return the dead letter at one place; blocks.  ConfigurationError where there is none."""
    # Not every broker answers for an offset beyond the end.
    bounds = log_bounds(settings, topic, partition, offset + 1)
    if bounds.beginning <= offset < bounds.end:
        for _, message in alert_messages(settings, {topic: offset}, partition, "dlq"):
            if message.offset() == offset:
                return _letter(message)
            break
    raise ConfigurationError(
        f"PARTITION/OFFSET must be that of a dead letter on {topic}, got {partition}/{offset}; "
        "`streamer dlq list` names some"
    )


def send_again(settings: Settings, messages: Sequence[Again], acknowledged: list[Again]) -> None:
    """Publish ``messages`` to the partitions that their records came from; blocks until Kafka has all.

    ``acknowledged`` is OUT: those that Kafka has, also where this is interrupted; nothing else is on
    its way then.  A verdict keeps the time at which it was first seen: it may have none of its own.
    """
    faults: list[str] = []
    config = {"enable.idempotence": True, "message.max.bytes": _MAX_BYTES}
    producer = Producer(librdkafka_config(settings, **config))
    try:
        for again in messages:
            _produce(producer, settings, again, acknowledged, faults)
        n_left = producer.flush(_FLUSH_S)
    except BaseException:
        # What still waits is let go, what is on its way is waited for: then `acknowledged` is all.
        producer.purge(in_flight=False)
        producer.flush(_FLUSH_S)
        raise
    if n_left or faults:
        raise UnavailableError(
            faults[0]
            if faults
            else f"Kafka must take every message within {_FLUSH_S:g} s, got {n_left} left"
        )


def _produce(
    producer: Producer,
    settings: Settings,
    again: Again,
    acknowledged: list[Again],
    faults: list[str],
) -> None:
    letter = again.letter
    place = f"{letter.topic}/{letter.place}"
    is_verdict = letter.source_topic == settings.feedback_topic

    def delivered(error: KafkaError | None, message: Any) -> None:
        if error is None:
            acknowledged.append(again)
        else:
            faults.append(f"topic {message.topic()} must take every message, got {error.str()}")

    try:
        producer.produce(
            letter.source_topic,
            again.value,
            again.key,
            -1 if letter.source_partition is None else letter.source_partition,
            on_delivery=delivered,
            # 0 is the present.
            timestamp=letter.first_seen_ms if is_verdict else 0,
            headers=[(REPLAYED_FROM_HEADER, place.encode())],
        )
    except (KafkaException, BufferError) as error:
        raise UnavailableError(f"{place} must be sendable, got {in_words(error)}") from error
    producer.poll(0)


def _letter(message: Message) -> StoredLetter:
    headers = {
        name: (value if isinstance(value, bytes) else b"").decode(errors="replace")
        for name, value in message.headers() or []
    }

    def text(name: str) -> str:
        return headers.get(f"streamer-{name}", "")

    def number(name: str) -> int | None:
        found = text(name)
        return int(found) if found.isascii() and found.isdigit() else None

    first_seen_ms = number("first-seen")
    return StoredLetter(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=message.key(),
        value=message.value(),
        reason=text("reason"),
        path=text("path"),
        detail=text("detail"),
        hint=text("hint"),
        source_topic=text("source-topic"),
        source_partition=number("source-partition"),
        source_offset=number("source-offset"),
        first_seen_ms=message.timestamp()[1] if first_seen_ms is None else first_seen_ms,
        is_shortened=bool(text("shortened-from-bytes") or text("key-shortened-from-bytes")),
        masked=text("masked"),
    )
