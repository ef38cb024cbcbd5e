"""Answers, scores and features out of Kafka, all partitions of them, in one process.

Invariants:
* The place that is committed is that of the first answer which waits, so that a restart misses none;
  what was compared behind it is compared again, and comes to the same.
* Scores and features are read from so much earlier than the first answer that what came between is
  known.
* Where a time to begin at is given, reading ends where each partition ended when its first messages
  came, whatever comes meanwhile.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streamer.contract.decision_message import Decision
from streamer.contract.messages import FeatureRow, Score
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.skew.meetings import Waiting
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words
from streamer.stream.kafka.recent_records import partitions_of

__all__ = ["Read", "SkewTopics"]

_log = structlog.get_logger(__name__)

_TIMEOUT_S: Final = 10.0
_FETCH_MAX_WAIT_MS: Final = 50
_AT_ONCE: Final = 500
_POLL_S: Final = 0.2
# A checkpoint comes every two seconds, and an answer comes before its payment.
_EARLIER_MS: Final = 60_000


class Read(NamedTuple):
    """A message; ``place`` is its partition and offset, ``at_ms`` Kafka's time of it."""

    what: Decision | Score | FeatureRow
    place: tuple[int, int]
    at_ms: int


class SkewTopics:
    """Reads the three topics from ``since_ms`` on, or, where it is None, from what was committed."""

    def __init__(self, settings: Settings, since_ms: int | None) -> None:
        topic = settings.serve_decisions_topic
        if topic is None:
            raise ConfigurationError(
                "STREAMER_SERVE_DECISIONS_TOPIC must be set, got none; `streamer serve` writes its "
                "answers there"
            )
        for name in ("scores_enabled", "features_enabled"):
            if not getattr(settings, name):
                raise ConfigurationError(
                    f"STREAMER_{name.upper()} must be true, got false; answers are held against what "
                    "workers write there"
                )
        self._decisions = topic
        self._kinds: dict[str, msgspec.json.Decoder[Any]] = {
            topic: msgspec.json.Decoder(Decision),
            settings.scores_topic: msgspec.json.Decoder(Score),
            settings.features_topic: msgspec.json.Decoder(FeatureRow),
        }
        self._consumer = Consumer(
            librdkafka_config(
                settings,
                **{
                    "group.id": f"{settings.consumer_group}-skew",
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "earliest",
                    "isolation.level": "read_committed",
                    "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
                },
            )
        )
        self._times_ms: dict[tuple[str, int], int | None] = {}
        self._next: dict[int, int] = {}
        self._is_bounded = since_ms is not None
        self._ends: dict[tuple[str, int], int] = {}
        try:
            self._assign({name: partitions_of(settings, name) for name in self._kinds}, since_ms)
        except KafkaException as error:
            raise UnavailableError(f"Kafka must answer, got {in_words(error)}") from None

    def read(self) -> Iterator[Read]:
        """Yield what has come; what cannot be read is passed over and told."""
        for message in self._messages():
            topic, partition, offset = _place(message)
            at_ms = message.timestamp()[1]
            end = self._end(topic, partition)
            self._times_ms[topic, partition] = at_ms if offset < end - 1 else None
            if offset >= end - 1:
                self._consumer.pause([TopicPartition(topic, partition)])
            if offset >= end:
                continue
            if topic == self._decisions:
                self._next[partition] = offset + 1
            try:
                what = self._kinds[topic].decode(message.value() or b"")
            except msgspec.MsgspecError as error:
                _log.warning("message not understood", topic=topic, offset=offset, error=str(error))
                continue
            yield Read(what, (partition, offset), at_ms)

    def read_until_ms(self, now_ms: int) -> int:
        """Return until when scores and features have been read: ``now_ms`` where all of them have."""
        times = [
            time_ms
            for (topic, _), time_ms in self._times_ms.items()
            if topic != self._decisions and time_ms is not None
        ]
        return min([now_ms, *times])

    @property
    def is_at_end(self) -> bool:
        """Whether everything there was has been read."""
        return all(time_ms is None for time_ms in self._times_ms.values())

    def commit(self, waiting: Iterable[Waiting]) -> None:
        """Commit how far answers have been compared; ``waiting`` are those that have not been."""
        offsets = dict(self._next)
        for each in waiting:
            partition, offset = each.place
            offsets[partition] = min(offsets.get(partition, offset), offset)
        places = [TopicPartition(self._decisions, p, offset) for p, offset in offsets.items()]
        if not places:
            return
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            _log.warning("place not committed", error=in_words(error))

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _assign(self, partitions: dict[str, list[int]], since_ms: int | None) -> None:
        """Begin to read; -1 in ``_times_ms`` is before the first message, None at the end."""
        own = [TopicPartition(self._decisions, p) for p in partitions[self._decisions]]
        first_ms = time.time_ns() // 1_000_000 if since_ms is None else since_ms
        if since_ms is None:
            own = self._consumer.committed(own, timeout=_TIMEOUT_S)
        if all(place.offset < 0 for place in own):
            # The first time: answers from now on, or since the time that was asked for.
            own = self._at_time(own, first_ms)
        else:
            for place in own:
                if place.offset < 0:
                    place.offset = OFFSET_BEGINNING
            first_ms = self._first_ms(own, first_ms)
        self._next = {place.partition: place.offset for place in own if place.offset >= 0}
        others = [
            TopicPartition(name, p)
            for name, of_topic in partitions.items()
            if name != self._decisions
            for p in of_topic
        ]
        others = self._at_time(others, max(first_ms - _EARLIER_MS, 0))
        places = [*own, *others]
        self._times_ms = {(place.topic, place.partition): -1 for place in places}
        self._consumer.assign(places)

    def _end(self, topic: str, partition: int) -> float:
        """Return the offset that is not read any more.

        It is the high watermark that came with the first messages: the embedded broker has another
        answer to who asks for it, too low where the last batch has several messages.
        """
        if not self._is_bounded:
            return math.inf
        name = topic, partition
        if name not in self._ends:
            place = TopicPartition(topic, partition)
            _, self._ends[name] = self._consumer.get_watermark_offsets(place, cached=True)
        return self._ends[name]

    def _at_time(self, places: list[TopicPartition], since_ms: int) -> list[TopicPartition]:
        asked = [TopicPartition(place.topic, place.partition, since_ms) for place in places]
        found: list[TopicPartition] = self._consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)
        for place in found:
            if place.offset < 0:
                # There is nothing as late as that.
                _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        return found

    def _first_ms(self, places: list[TopicPartition], now_ms: int) -> int:
        """Return Kafka's time of the first answer that is read, ``now_ms`` where there is none."""
        first_ms = now_ms
        for place in places:
            self._consumer.assign([place])
            message = self._consumer.poll(_TIMEOUT_S)
            if message is not None and message.error() is None:
                first_ms = min(first_ms, message.timestamp()[1])
        return first_ms

    def _messages(self) -> Iterator[Message]:
        for message in self._consumer.consume(_AT_ONCE, _POLL_S):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                topic, partition, offset = _place(message)
                self._times_ms[topic, partition] = None
                self._ends.setdefault((topic, partition), offset)
            elif error.code() != KafkaError._ALL_BROKERS_DOWN and not error.retriable():
                raise UnavailableError(f"answers and scores must be readable, got {error.str()}")


def _place(message: Message) -> tuple[str, int, int]:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None  # noqa: S101 - of a message that was read
    assert partition is not None  # noqa: S101
    assert offset is not None  # noqa: S101
    return topic, partition, offset
