"""Which alerts are already on the topic: what a worker reads before it goes on where another ended.

A worker that dies after publishing and before its checkpoint leaves alerts whose transactions will be
scored again.  Reading its own alert partition from the checkpoint's position finds them.

The end is where a fetch finds nothing more, not what the broker says when asked for its latest offset:
the embedded broker answers with the place after the *first* record of the last batch.
"""

from __future__ import annotations

from typing import Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streamer.errors import UnavailableError
from streamer.events import Source
from streamer.settings import Settings
from streamer.stream.kafka_config import librdkafka_config

__all__ = ["published_offsets"]

_TIMEOUT_S: Final = 10.0
# An empty fetch, which tells the end, is answered after this; librdkafka asks for ten times as much.
_FETCH_MAX_WAIT_MS: Final = 50


class _SourceOnly(msgspec.Struct):
    source: Source


def published_offsets(
    settings: Settings, topic: str, partition: int, position: int | None, next_offset: int
) -> set[int]:
    """Return the source offsets at or beyond ``next_offset`` whose alerts are published; blocks.

    Reads the alert partition from ``position`` (None: from its beginning) to its end.
    """
    consumer = Consumer(
        librdkafka_config(
            settings,
            **{
                "group.id": f"{settings.consumer_group}-recovery",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
            },
        )
    )
    try:
        place = TopicPartition(settings.alerts_topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        if low == high:
            return set()
        start = low if position is None else max(position, low)
        place.offset = start if start else OFFSET_BEGINNING
        consumer.assign([place])
        return _read(consumer, topic, partition, next_offset)
    except KafkaException as error:
        raise UnavailableError(
            f"the alerts of partition {partition} must be readable, got {error}"
        ) from error
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, partition: int, next_offset: int) -> set[int]:
    decoder = msgspec.json.Decoder(_SourceOnly)
    found: set[int] = set()
    while True:
        message = consumer.poll(_TIMEOUT_S)
        if message is None:
            raise UnavailableError(
                f"the alerts of partition {partition} must be readable within {_TIMEOUT_S:g} s, "
                "got no answer from Kafka"
            )
        if error := message.error():
            if error.code() == KafkaError._PARTITION_EOF:
                return found
            raise UnavailableError(f"alerts must be readable, got {error}")
        try:
            source = decoder.decode(message.value() or b"").source
        except msgspec.MsgspecError:
            continue  # not one of ours
        if (source.topic, source.partition) == (topic, partition) and source.offset >= next_offset:
            found.add(source.offset)
