"""Which alerts are already on the topic: what a worker reads before it goes on where another ended.

A worker that dies after publishing and before its checkpoint leaves alerts whose transactions will be
scored again.  Reading its own alert partition from the checkpoint's position finds them.
"""

from __future__ import annotations

import time
from typing import Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from streamer.errors import UnavailableError
from streamer.events import Source
from streamer.settings import Settings
from streamer.stream.kafka_config import librdkafka_config

__all__ = ["published_offsets"]

_TIMEOUT_S: Final = 10.0
_CHUNK: Final = 1_000
_CHUNK_S: Final = 0.05


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
            **{"group.id": f"{settings.consumer_group}-recovery", "enable.auto.commit": False},
        )
    )
    try:
        place = TopicPartition(settings.alerts_topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        start = low if position is None else max(position, low)
        if start >= high:
            return set()
        place.offset = start if start else OFFSET_BEGINNING
        consumer.assign([place])
        return _read(consumer, high, topic, partition, next_offset)
    finally:
        consumer.close()


def _read(consumer: Consumer, end: int, topic: str, partition: int, next_offset: int) -> set[int]:
    decoder = msgspec.json.Decoder(_SourceOnly)
    found: set[int] = set()
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        # `consume` waits for a full chunk or its timeout, so the timeout has to be short.
        messages = consumer.consume(_CHUNK, timeout=_CHUNK_S)
        for message in messages:
            if message.error():
                raise UnavailableError(f"alerts must be readable, got {message.error()}")
            source = _source(decoder, message.value())
            if source is not None and (source.topic, source.partition) == (topic, partition):
                found.add(source.offset)
        if messages:
            deadline = time.monotonic() + _TIMEOUT_S
            if messages[-1].offset() >= end - 1:
                return {offset for offset in found if offset >= next_offset}
    raise UnavailableError(
        f"the alerts of partition {partition} must be readable up to offset {end}, got nothing "
        f"more for {_TIMEOUT_S:g} s"
    )


def _source(decoder: msgspec.json.Decoder[_SourceOnly], value: bytes | None) -> Source | None:
    """Return an alert's source; None for a message that is none of ours."""
    try:
        return decoder.decode(value or b"").source
    except msgspec.MsgspecError:
        return None
