"""The alerts topic, read by a consumer group of its own: at least once, in the order of partitions.

How far each partition was read is kept by who takes the alerts, beside them: where that was emptied, or
is older than it was, what is missing there is read again. Kafka is told the same, for lag to be seen.

Invariants:
* A position is kept in the same step as everything before it.
* While nothing is read, `AlertGroup.error` says why: Kafka is asked every two seconds when nothing
  comes.
* A defect ends one consumer, never the thread: the next begins where the last position is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from streamer.contract.messages import Alert
from streamer.errors import StreamerError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = ["AlertGroup", "Place"]

Place = tuple[int | None, int]
"""Of a partition, where its keeper is believed to be (None: nowhere), and where it is then to be."""

_POLL_S: Final = 0.2
_CHUNK: Final = 200
_AGAIN_S: Final = 1.0
_AFTER_DEFECT_S: Final = 5.0
# How often Kafka and the keeper of positions are asked when nothing comes, and how long Kafka has.
_ASK_S: Final = 2.0
_ANSWER_S: Final = 3.0
# What Kafka refused is told for so long unless something comes: that it answers mends nothing.
_REFUSED_S: Final = 10.0

_log: Final = structlog.get_logger(__name__)


class AlertGroup(threading.Thread):
    """Hands alerts with their messages and places to ``take`` until `stop`, again where it raised.

    ``take`` returns False where its keeper is behind what was believed, and has then taken nothing;
    ``reached`` returns the positions that it has.  Both name partitions ``topic/number``.
    """

    def __init__(
        self,
        settings: Settings,
        purpose: str,
        take: Callable[[Sequence[tuple[Alert, bytes]], Mapping[str, Place]], bool],
        reached: Callable[[], Mapping[str, int]],
    ) -> None:
        super().__init__(name=f"alerts-of-{purpose}", daemon=True)
        self._take, self._reached = take, reached
        self._is_told_to_stop = threading.Event()
        self._decoder = msgspec.json.Decoder(Alert)
        self.error = ""
        """Why nothing is read at present, empty where it is."""
        self.n_unreadable = 0
        self._config = librdkafka_config(
            settings,
            **{
                "group.id": f"{settings.consumer_group}-{purpose}",
                "session.timeout.ms": round(settings.kafka_session_timeout_s * 1000),
                "heartbeat.interval.ms": round(settings.kafka_session_timeout_s * 100),
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # Ours are in no transaction; another's open one would hide those behind it.
                "isolation.level": "read_uncommitted",
            },
        )
        self._topic = settings.alerts_topic
        self._assigned: list[int] = []
        self._is_placed = True
        self._refused_s = -_REFUSED_S
        self._believed: dict[str, int | None] = {}

    def run(self) -> None:
        """Read until stopped, by another consumer after a defect."""
        while not self._is_told_to_stop.is_set():
            try:
                self._read()
            except Exception as error:
                _log.error("reading of alerts failed", exc_info=True)
                self.error = f"a defect, {type(error).__name__}"
                self._is_told_to_stop.wait(_AFTER_DEFECT_S)

    def stop(self) -> None:
        """Stop reading and leave the group."""
        self._is_told_to_stop.set()
        if self.is_alive():
            self.join()

    def _read(self) -> None:
        """Read until stopped; what Kafka or ``take`` refuses is tried again every second."""
        consumer = Consumer(self._config)
        self._revoked()
        try:
            consumer.subscribe(
                [self._topic], on_assign=self._on_assign, on_revoke=lambda *_: self._revoked()
            )
            asked_s = time.monotonic()
            while not self._is_told_to_stop.is_set():
                try:
                    if not self._is_placed:
                        self._place(consumer)
                    if self._is_silent(consumer) and time.monotonic() - asked_s >= _ASK_S:
                        asked_s = time.monotonic()
                        self._ask(consumer)
                except (KafkaException, StreamerError) as error:
                    self._wait(in_words(error))
        finally:
            consumer.close()

    def _is_silent(self, consumer: Any) -> bool:
        """Take what has come, and return whether that was nothing."""
        messages = consumer.consume(_CHUNK, timeout=_POLL_S)
        self._hand_over(consumer, [m for m in messages if m.error() is None])
        for message in messages:
            if message.error() is not None:
                self._refused_s = time.monotonic()
                raise KafkaException(message.error())
        if messages:
            self.error = ""
        return not messages

    def _hand_over(self, consumer: Any, messages: Sequence[Message]) -> None:
        if not messages:
            return
        alerts = [found for found in map(self._decoded, messages) if found is not None]
        positions = _positions(messages)
        places = {_named(p): (self._believed.get(_named(p)), p.offset) for p in positions}
        while not self._is_told_to_stop.is_set():
            try:
                self._is_placed = self._take(alerts, places)
            except StreamerError as error:
                self._wait(in_words(error))
                continue
            if self._is_placed:
                self._believed |= {_named(p): p.offset for p in positions}
                consumer.commit(offsets=positions, asynchronous=False)
            return

    def _place(self, consumer: Any) -> None:
        """Go on where the keeper of positions is, and at the beginning of what it does not know."""
        reached = self._reached()
        places = [TopicPartition(self._topic, number) for number in self._assigned]
        self._believed = {_named(place): reached.get(_named(place)) for place in places}
        for place in places:
            place.offset = reached.get(_named(place), OFFSET_BEGINNING)
        consumer.assign(places)
        self._is_placed = True

    def _ask(self, consumer: Any) -> None:
        """Ask whether Kafka is there, and the keeper of positions where it was.

        The coordinator is not asked: while a member joins, it answers nothing else.
        """
        consumer.list_topics(self._topic, timeout=_ANSWER_S)
        reached = self._reached()
        if any(
            believed is not None and reached.get(name, -1) < believed
            for name, believed in self._believed.items()
        ):
            self._is_placed = False
        if time.monotonic() - self._refused_s >= _REFUSED_S:
            self.error = ""

    def _decoded(self, message: Message) -> tuple[Alert, bytes] | None:
        value = message.value() or b""
        try:
            return self._decoder.decode(value), value
        except msgspec.MsgspecError as error:
            self.n_unreadable += 1
            _log.warning(
                "alert cannot be read",
                topic=message.topic(),
                partition=message.partition(),
                offset=message.offset(),
                error=str(error),
            )
            return None

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        # None of them is read before it is known where to begin.
        consumer.assign([])
        self._assigned = [int(place.partition) for place in partitions]
        self._is_placed = False

    def _revoked(self) -> None:
        self._assigned, self._believed, self._is_placed = [], {}, True

    def _wait(self, because: str) -> None:
        if because != self.error:
            _log.warning("alerts are not read", error=because)
        self.error = because
        self._is_told_to_stop.wait(_AGAIN_S)


def _positions(messages: Sequence[Message]) -> list[TopicPartition]:
    """Return the place after the last message of each partition."""
    last = {(str(m.topic()), int(m.partition() or 0)): int(m.offset() or 0) for m in messages}
    return [TopicPartition(topic, p, offset + 1) for (topic, p), offset in last.items()]


def _named(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"
