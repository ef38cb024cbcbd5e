"""One partition of the alerts topic, read from a place to its end.

The end is where a fetch finds nothing more, not what the broker says when asked for its latest offset:
the embedded broker answers with the place after the *first* record of the last batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streamer.errors import ConfigurationError, UnavailableError
from streamer.events import Alert
from streamer.settings import Settings
from streamer.stream.kafka_config import librdkafka_config

__all__ = ["alert_values", "find_alert"]

_TIMEOUT_S: Final = 10.0
# An empty fetch, which tells the end, is answered after this; librdkafka asks for ten times as much.
_FETCH_MAX_WAIT_MS: Final = 50


class _IdOnly(msgspec.Struct):
    alert_id: str


def find_alert(
    settings: Settings, alert_id: str, partition: int, on_read: Callable[[int, int], None]
) -> Alert:
    """Return the alert with this id from ``partition`` of the alerts topic; blocks.

    ``on_read`` gets how many alerts were read, after each, and about how many there are.  Raises
    `ConfigurationError` when there is none, `UnavailableError` when Kafka does not answer.
    """
    consumer = _consumer(settings, "explain")
    n_read = 0
    try:
        low, high = _bounds(consumer, settings.alerts_topic, partition)
        decoder = msgspec.json.Decoder(_IdOnly)
        for value in _values(consumer, settings.alerts_topic, partition, low, high, None):
            n_read += 1
            on_read(n_read, high - low)
            try:
                if decoder.decode(value).alert_id == alert_id:
                    return msgspec.json.decode(value, type=Alert)
            except msgspec.MsgspecError as error:
                if alert_id.encode() in value:
                    raise ConfigurationError(
                        f"{alert_id} must be an alert of this release, got: {error}"
                    ) from error
    except KafkaException as error:
        raise _unreadable(partition, error) from error
    finally:
        consumer.close()
    raise ConfigurationError(
        f"ALERT_ID must be on {settings.alerts_topic}, got {alert_id}, which is none of the "
        f"{n_read:,} alerts on its partition {partition}; has the topic's retention removed it?"
    )


def alert_values(
    settings: Settings, partition: int, position: int | None, purpose: str
) -> Iterator[bytes]:
    """Yield the messages of ``partition`` from ``position`` (None: the beginning) on; blocks."""
    consumer = _consumer(settings, purpose)
    place = TopicPartition(settings.alerts_topic, partition)
    try:
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        yield from _values(consumer, settings.alerts_topic, partition, low, high, position)
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
            "is STREAMER_ALERTS_TOPIC the right one?"
        )
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
    return low, high


def _values(
    consumer: Consumer, topic: str, partition: int, low: int, high: int, position: int | None
) -> Iterator[bytes]:
    if low == high:
        return
    start = low if position is None else max(position, low)
    consumer.assign([TopicPartition(topic, partition, start if start else OFFSET_BEGINNING)])
    while True:
        message = consumer.poll(_TIMEOUT_S)
        if message is None:
            raise UnavailableError(
                f"the alerts of partition {partition} must be readable within {_TIMEOUT_S:g} s, "
                "got no answer from Kafka"
            )
        if error := message.error():
            if error.code() == KafkaError._PARTITION_EOF:
                return
            raise UnavailableError(f"alerts must be readable, got {error}")
        yield message.value() or b""


def _unreadable(partition: int, error: KafkaException) -> UnavailableError:
    return UnavailableError(f"the alerts of partition {partition} must be readable, got {error}")
