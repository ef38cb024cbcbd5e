"""Alerts, dead letters and scores out to Kafka, idempotently, with every delivery accounted for.

Invariants:
* Nothing is given up: the client retries for as long as Kafka is away, and a checkpoint waits.
* For every partition it is known which alerts lie on the topic, and where, so that a checkpoint can
  name the position from which a recovery has to read.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import KafkaError, Producer

from streamer.batch import Batch
from streamer.decoding import DeadLetter
from streamer.errors import InvariantError, UnavailableError
from streamer.events import Alert, Score
from streamer.settings import Settings
from streamer.stream.dead_letters import dead_letter_headers, shortened
from streamer.stream.kafka_config import librdkafka_config

__all__ = ["SOURCE_TIMESTAMP_HEADER", "Publisher"]

_log = structlog.get_logger(__name__)

SOURCE_TIMESTAMP_HEADER: Final = "streamer-source-timestamp"
"""Header of an alert: Kafka's timestamp of its transaction, in milliseconds since the epoch."""

_POLL_S: Final = 0.002
# librdkafka would refuse a dead letter that was too large for it to begin with.
_CLIENT_MAX_BYTES: Final = 100_000_000
_encoder: Final = msgspec.json.Encoder()


class Publisher:
    """Produces without blocking the event loop; every method runs on it."""

    def __init__(
        self,
        settings: Settings,
        on_alert_delivered: Callable[[float], None] = lambda _: None,
        on_kafka: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """``on_alert_delivered`` gets the source's timestamp (s), ``on_kafka`` whether Kafka is up."""
        self._settings = settings
        self._on_alert_delivered = on_alert_delivered
        self._on_kafka = on_kafka
        self._fatal: str | None = None
        # Per source partition: (offset of the transaction, offset of its alert), as delivered.
        self._delivered: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._producer = Producer(
            librdkafka_config(
                settings,
                **{
                    "error_cb": self._on_error,
                    "enable.idempotence": True,
                    "linger.ms": 2,
                    # 0 is without end: an alert waits for Kafka, it is not dropped.
                    "message.timeout.ms": 0,
                    "message.max.bytes": _CLIENT_MAX_BYTES,
                    "queue.buffering.max.messages": 500_000,
                },
            )
        )

    def publish_alert(self, alert: Alert, source_timestamp_ms: int) -> None:
        """Queue an alert for the partition with its source's number."""
        partition, offset = alert.source.partition, alert.source.offset

        def delivered(error: KafkaError | None, message: Any) -> None:
            if self._is_delivered(error):
                self._delivered[partition].append((offset, message.offset()))
                self._on_alert_delivered(source_timestamp_ms / 1000)

        self._produce(
            self._settings.alerts_topic,
            key=alert.transaction.card_id.encode(),
            value=_encoder.encode(alert),
            partition=partition,
            headers=[(SOURCE_TIMESTAMP_HEADER, str(source_timestamp_ms).encode())],
            on_delivery=delivered,
        )

    def publish_score(self, score: Score) -> None:
        """Queue a score for the partition with its source's number."""
        self._produce(
            self._settings.scores_topic,
            key=score.card_id.encode(),
            value=_encoder.encode(score),
            partition=score.source.partition,
            on_delivery=lambda error, _: self._is_delivered(error),
        )

    def publish_dead_letter(self, letter: DeadLetter, batch: Batch) -> None:
        """Queue a record's original bytes with what was wrong with them in the headers."""
        headers = dead_letter_headers(letter, batch)
        value = letter.record.value
        limit = self._settings.dead_letter_max_bytes
        if value is not None and len(value) > limit:
            value, headers = shortened(value, headers, limit)
        self._produce(
            self._settings.dead_letters_topic,
            key=letter.record.key,
            value=value,
            headers=headers,
            on_delivery=lambda error, _: self._is_delivered(error),
        )

    async def flush(self, within_s: float = math.inf) -> None:
        """Wait until everything queued has been acknowledged.

        Raises UnavailableError when that takes longer than ``within_s``, InvariantError when a
        message is refused.
        """
        deadline = time.monotonic() + within_s
        while len(self._producer):
            self.poll()
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"Kafka must acknowledge every message within {within_s:g} s, "
                    f"got {len(self._producer)} left"
                )
            await asyncio.sleep(_POLL_S)
        self.poll()

    def poll(self) -> None:
        """Serve delivery reports; to be called now and then."""
        self._producer.poll(0)
        if self._fatal is not None:
            raise InvariantError(f"every message must be deliverable, got {self._fatal}")

    def alerts_position(self, partition: int, next_offset: int, previous: int | None) -> int | None:
        """Return the alert topic's position from which no alert before ``next_offset`` follows.

        ``previous`` is the last checkpoint's.  Everything queued must have been delivered.
        """
        delivered = self._delivered[partition]
        later = [place for offset, place in delivered if offset >= next_offset]
        earlier = [place for offset, place in delivered if offset < next_offset]
        self._delivered[partition] = [entry for entry in delivered if entry[0] >= next_offset]
        if later:
            return min(later)
        return max(earlier) + 1 if earlier else previous

    def forget(self, partition: int) -> None:
        """Drop what is known of a partition that has been revoked."""
        self._delivered.pop(partition, None)

    def _produce(self, topic: str, **message: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, **message)
                return
            except BufferError:
                # The queue is full: let some of it out before going on.
                self._producer.poll(0.1)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._on_kafka(False)
            _log.error("Kafka is away; messages wait", error=error.str())

    def _is_delivered(self, error: KafkaError | None) -> bool:
        if error is None:
            self._on_kafka(True)
            return True
        self._fatal = str(error)
        _log.error("message refused", error=self._fatal)
        return False
