"""The alerts topic, read by a consumer group of its own: at least once, in the order of partitions.

Invariant: a position is committed only after ``take`` has returned for everything before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from streamer.contract.messages import Alert
from streamer.errors import StreamerError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["AlertGroup"]

_POLL_S: Final = 0.2
_CHUNK: Final = 200
_AGAIN_S: Final = 1.0

_log: Final = structlog.get_logger(__name__)


class AlertGroup(threading.Thread):
    """Hands alerts with their messages to ``take`` until `stop`, again where it raised.

    ``is_anew`` is asked at each assignment: whether nothing is known of what was read before, so that
    reading begins at the topic's beginning whatever the group has committed.
    """

    def __init__(
        self,
        settings: Settings,
        purpose: str,
        take: Callable[[Sequence[tuple[Alert, bytes]]], None],
        is_anew: Callable[[], bool],
    ) -> None:
        super().__init__(name=f"alerts-of-{purpose}", daemon=True)
        self._take, self._is_anew = take, is_anew
        self._is_stopped = threading.Event()
        self._decoder = msgspec.json.Decoder(Alert)
        self.error = ""
        """Why nothing is read at present, empty where it is."""
        self.n_unreadable = 0
        self._consumer = Consumer(
            librdkafka_config(
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
        )
        self._topic = settings.alerts_topic

    def run(self) -> None:
        """Read until stopped; what Kafka or ``take`` refuses is tried again every second."""
        self._consumer.subscribe([self._topic], on_assign=self._on_assign)
        while not self._is_stopped.is_set():
            try:
                messages = self._consumer.consume(_CHUNK, timeout=_POLL_S)
                self._handle([m for m in messages if m.error() is None])
                told = [str(m.error()) for m in messages if m.error() is not None]
                self.error = told[0] if told else ""
            except KafkaException as error:
                self._wait(str(error))
        self._consumer.close()

    def stop(self) -> None:
        """Stop reading and leave the group."""
        self._is_stopped.set()
        if self.is_alive():
            self.join()

    def _handle(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        alerts = [found for found in map(self._decoded, messages) if found is not None]
        while not self._is_stopped.is_set():
            try:
                self._take(alerts)
            except StreamerError as error:
                self._wait(str(error))
                continue
            self._consumer.commit(offsets=_positions(messages), asynchronous=False)
            return

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
        try:
            begins_anew = self._is_anew()
        except StreamerError as error:
            self.error, begins_anew = str(error), False
        if begins_anew:
            for place in partitions:
                place.offset = OFFSET_BEGINNING
        consumer.assign(partitions)

    def _wait(self, because: str) -> None:
        if because != self.error:
            _log.warning("alerts are not read", error=because)
        self.error = because
        self._is_stopped.wait(_AGAIN_S)


def _positions(messages: Sequence[Message]) -> list[TopicPartition]:
    """Return the place after the last message of each partition."""
    last = {(str(m.topic()), int(m.partition() or 0)): int(m.offset() or 0) for m in messages}
    return [TopicPartition(topic, p, offset + 1) for (topic, p), offset in last.items()]
