"""One partition of the alerts or the overflow topic, read from a place to its end.

The end is where a fetch finds nothing more, not what the broker says when asked for its latest offset:
the embedded broker answers with the place after the *first* record of the last batch.  Where a leader
has more than it shows (`log_end`), the end is the leader's, and what it does not show is waited for: an
alert there has been given up by who sent it, and will be seen all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words
from streamer.stream.kafka.log_end import leader_end

__all__ = ["alert_messages", "find_alert"]

_TIMEOUT_S: Final = 10.0
# An empty fetch, which tells the end, is answered after this; librdkafka asks for ten times as much.
_FETCH_MAX_WAIT_MS: Final = 50
# A follower in good health copies within milliseconds.  For others the claim comes back, so that it
# does not keep the thread that claims of other partitions wait for.
_COPIED_WITHIN_S: Final = 2.0


class _IdOnly(msgspec.Struct):
    alert_id: str


def find_alert(
    settings: Settings, alert_id: str, partition: int, on_read: Callable[[int, int], None]
) -> Alert:
    """Return the alert with this id from ``partition`` of the alerts or overflow topic; blocks.

    ``on_read`` gets how many alerts were read, after each, and about how many there are.  Raises
    `ConfigurationError` when there is none, `UnavailableError` when Kafka does not answer.
    """
    consumer = _consumer(settings, "explain")
    topics = settings.alerts_topic, settings.overflow_topic
    n_read = 0
    try:
        bounds = [_bounds(consumer, topic, partition) for topic in topics]
        n_total = sum(high - low for low, high in bounds)
        decoder = msgspec.json.Decoder(_IdOnly)
        for topic, (low, high) in zip(topics, bounds, strict=True):
            for message in _messages(consumer, topic, partition, low, high):
                n_read += 1
                on_read(n_read, n_total)
                value = message.value() or b""
                if alert_id.encode() in value and (alert := _alert(decoder, value, alert_id)):
                    return alert
    except KafkaException as error:
        raise _unreadable(partition, error) from error
    finally:
        consumer.close()
    raise ConfigurationError(
        f"ALERT_ID must be on {' or '.join(topics)}, got {alert_id}, which is none of the "
        f"{n_read:,} alerts on their partitions {partition}; has the topic's retention removed it?"
    )


def _alert(decoder: msgspec.json.Decoder[_IdOnly], value: bytes, alert_id: str) -> Alert | None:
    """Return the alert if it is the one; ``value`` contains its id, as another's may."""
    try:
        if decoder.decode(value).alert_id != alert_id:
            return None
        return msgspec.json.decode(value, type=Alert)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{alert_id} must be an alert of this release, got: {error}"
        ) from error


def alert_messages(
    settings: Settings, positions: Mapping[str, int | None], partition: int, purpose: str
) -> Iterator[tuple[str, Message]]:
    """Yield the messages of ``partition`` of each topic from its position on, with the topic; blocks.

    A position of None is the beginning.  Raises `UnavailableError` when Kafka does not answer, and
    while it does not show all that it has.
    """
    consumer = _consumer(settings, purpose)
    try:
        for topic, position in positions.items():
            place = TopicPartition(topic, partition)
            low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
            end = max(high, leader_end(settings, consumer, topic, partition) or 0)
            for message in _messages(consumer, topic, partition, low, end, position):
                yield topic, message
    except KafkaException as error:
        raise _unreadable(partition, error) from error
    finally:
        consumer.close()


def _consumer(settings: Settings, purpose: str) -> Consumer:
    return Consumer(
        librdkafka_config(
            settings,
            **{
                "group.id": f"{settings.consumer_group}-{purpose}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                # A position beyond the end is that of a topic that was made anew since.
                "auto.offset.reset": "earliest",
                # Ours are in no transaction; another's open one would hide those behind it.
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
            },
        )
    )


def _bounds(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    if found.error is not None or partition not in found.partitions:
        n = 0 if found.error is not None else len(found.partitions)
        raise ConfigurationError(
            f"{topic} must have the partition {partition} that ALERT_ID names, got {n} partitions; "
            "are STREAMER_ALERTS_TOPIC and STREAMER_OVERFLOW_TOPIC the right ones?"
        )
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
    return low, high


def _messages(
    consumer: Consumer, topic: str, partition: int, low: int, end: int, position: int | None = None
) -> Iterator[Message]:
    """Yield what lies between ``position`` and ``end``, and what has been added since."""
    if low == end:
        return
    start = low if position is None else max(position, low)
    consumer.assign([TopicPartition(topic, partition, start if start else OFFSET_BEGINNING)])
    n_hidden = 0
    while True:
        message = consumer.poll(_COPIED_WITHIN_S if n_hidden else _TIMEOUT_S)
        if message is None and n_hidden:
            raise UnavailableError(
                f"{topic}/{partition} must be on every replica in sync, got {n_hidden} messages that "
                "a follower has yet to copy; they are waited for, as they may be alerts"
            )
        if message is None:
            raise UnavailableError(
                f"the messages of partition {partition} must be readable within {_TIMEOUT_S:g} s, "
                "got no answer from Kafka"
            )
        if error := message.error():
            if error.code() != KafkaError._PARTITION_EOF:
                raise UnavailableError(f"messages must be readable, got {in_words(error)}")
            n_hidden = end - message.offset()
            if n_hidden <= 0:
                return
            continue
        yield message


def _unreadable(partition: int, error: KafkaException) -> UnavailableError:
    told = in_words(error)
    return UnavailableError(f"the messages of partition {partition} must be readable, got {told}")
