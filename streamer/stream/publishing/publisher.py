"""Alerts, dead letters and scores out to Kafka, idempotently, with every delivery accounted for.

Invariants:
* An alert that Kafka does not acknowledge in time is given up, and its partition named in `expired`: it
  is done again from its last checkpoint (`membership` says why).  Dead letters and scores may come
  twice, and wait for as long as Kafka is away.  A checkpoint waits for all of them.
* For every partition it is known which alerts lie on their topics, and where, so that a checkpoint can
  name the positions from which a recovery has to read.
* The queue is bounded: who is about to score a batch waits until what a batch can bring has room.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from streamer.contract.batch import Batch
from streamer.contract.messages import Alert, FeatureRow, Score
from streamer.errors import InvariantError, UnavailableError
from streamer.intake.decoding import DeadLetter
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words
from streamer.stream.kafka.membership import EXPIRY_SHARE
from streamer.stream.partitions.worker_spans import BatchTrace, MessageTrace
from streamer.stream.publishing.alert_headers import alert_headers
from streamer.stream.publishing.dead_letters import dead_letter_message, source_name
from streamer.stream.publishing.delivered import AlertPlaces
from streamer.stream.publishing.queued import Queued

__all__ = ["Publisher"]

_log = structlog.get_logger(__name__)

_POLL_S: Final = 0.002
_METADATA_WITHIN_S: Final = 5.0
# Of 900,000 bytes for a dead letter and 16 kB for an alert, none comes near this.
_CLIENT_MAX_BYTES: Final = 100_000_000
# Beyond this much no batch is scored: while Kafka is away, and when it is slower than we are.
_ROOM_MESSAGES: Final = 50_000
_ROOM_BYTES: Final = 64_000_000
_ROOM_POLL_S: Final = 0.01
_SCAN_S: Final = 1.0  # The client looks once a second for what has waited too long.
# What a batch of either input topic can add: alert, score and features of each record, or a letter.
_PER_RECORD_OF_BOTH: Final = 2 * 3
_encoder: Final = msgspec.json.Encoder()


class Publisher:
    """Produces without blocking the event loop; every method runs on it."""

    def __init__(
        self,
        settings: Settings,
        on_alert_delivered: Callable[..., None] = lambda *_: None,
        on_kafka: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """``on_alert_delivered`` gets the source's timestamp (s) and, where its batch is recorded, the
        trace's id; ``on_kafka`` whether Kafka is up."""
        self._settings = settings
        self._on_alert_delivered = on_alert_delivered
        self._on_kafka = on_kafka
        self._fatal: str | None = None
        self.expired: set[int] = set()
        """Source partitions of which Kafka did not take an alert in time."""
        self.places = AlertPlaces(settings.alerts_topic, settings.overflow_topic)
        """Where alerts lie; complete once everything queued has been delivered."""
        self._queued = Queued()
        in_batches = _PER_RECORD_OF_BOTH * settings.batch_max_records
        config = {
            "error_cb": self._on_error,
            "enable.idempotence": True,
            "linger.ms": 2,
            "message.max.bytes": _CLIENT_MAX_BYTES,
            # Room for the batches that were let through when there was just enough of it.
            "queue.buffering.max.messages": _ROOM_MESSAGES + in_batches,
        }
        # A broker reads a connection's next request when it has answered the last: a second one would
        # be given up here and appended after a claim has looked.  What comes meanwhile goes together.
        within_ms = round(self.resolved_within_s * 1000)
        limited = {"message.timeout.ms": within_ms, "max.in.flight": 1, "linger.ms": 0}
        # The limit is a producer's, not a message's; 0 is none.
        self._alerts = Producer(librdkafka_config(settings, **config | limited))
        self._others = Producer(librdkafka_config(settings, **config | {"message.timeout.ms": 0}))

    @property
    def resolved_within_s(self) -> float:
        """Seconds after which a queued alert has been delivered or given up."""
        return EXPIRY_SHARE * self._settings.kafka_session_timeout_s - _SCAN_S

    @property
    def n_queued(self) -> int:
        """Messages that Kafka has not acknowledged yet."""
        return len(self._alerts) + len(self._others)

    @property
    def queued_bytes(self) -> int:
        """Keys, values and headers of those messages."""
        return self._queued.n_bytes

    @property
    def last_queued(self) -> int:
        """Number of the last message that was queued, for `flush`."""
        return self._queued.last

    @property
    def oldest(self) -> tuple[str, float] | None:
        """The topic that has kept a message waiting for longest, and since when (monotonic)."""
        return self._queued.oldest()

    def publish_alert(
        self, alert: Alert, sent_ms: int, *told: int, trace: MessageTrace | None = None
    ) -> None:
        """Queue an alert for the partition with its source's number.

        ``sent_ms`` and what else is ``told`` (place, and when fetched) are for `alert_headers`.
        """
        ids = () if trace is None else (trace.trace_id,)
        on_delivered = partial(self._on_alert_delivered, sent_ms / 1000, *ids)
        headers = alert_headers(sent_ms, *told)
        self._publish_alert(self._settings.alerts_topic, alert, headers, trace, on_delivered)

    def publish_overflow(
        self, alert: Alert, sent_ms: int, *told: int, trace: MessageTrace | None = None
    ) -> None:
        """Queue an alert that the fuse held back, for the same partition of the overflow topic."""
        headers = alert_headers(sent_ms, *told)
        self._publish_alert(self._settings.overflow_topic, alert, headers, trace, lambda: None)

    def _publish_alert(
        self,
        topic: str,
        alert: Alert,
        headers: list[tuple[str, bytes]],
        trace: MessageTrace | None,
        on_delivered: Callable[[], None],
    ) -> None:
        partition, offset = alert.source.partition, alert.source.offset

        def delivered(message: Any) -> None:
            # Where it lies is known only now; a checkpoint waits for it (`flush`).
            self.places.add(topic, partition, offset, message.offset())
            on_delivered()

        self._produce(
            self._alerts,
            topic,
            key=alert.transaction.card_id.encode(),
            value=_encoder.encode(alert),
            partition=partition,
            headers=headers + ([] if trace is None else trace.headers),
            trace=trace,
            on_delivered=delivered,
            on_expired=lambda: self.expire(partition),
        )

    def publish_score(self, told: Score | FeatureRow) -> None:
        """Queue a score, or a payment's features, for the partition with its source's number."""
        topics = self._settings.scores_topic, self._settings.features_topic
        self._produce(
            self._others,
            topics[isinstance(told, FeatureRow)],
            key=told.card_id.encode(),
            value=_encoder.encode(told),
            partition=told.source.partition,
        )

    def publish_dead_letter(
        self, letter: DeadLetter, batch: Batch, trace: BatchTrace | None = None
    ) -> None:
        """Queue a record's bytes with what was wrong with them in the headers."""
        settings = self._settings
        is_verdict = batch.topic == settings.feedback_topic
        topic = settings.feedback_dead_letters_topic if is_verdict else settings.dead_letters_topic
        source = source_name(letter, batch)
        sent = None if trace is None else trace.message(letter.record, topic, source)
        context = [] if sent is None else sent.headers
        message = dead_letter_message(letter, batch, settings.dead_letter_max_bytes, context)
        self._produce(
            self._others,
            topic,
            key=message.key,
            value=message.value,
            headers=message.headers,
            trace=sent,
        )

    def n_partitions(self, topic: str) -> int:
        """Return how many the client that publishes there knows; blocks, for it asks Kafka anew."""
        client = self._alerts if topic in self.places.topics else self._others
        try:
            told = client.list_topics(topic, timeout=_METADATA_WITHIN_S)
        except KafkaException as error:
            raise UnavailableError(f"topic {topic} must be known: {in_words(error)}") from error
        return len(told.topics[topic].partitions)

    async def wait_for_room(self) -> None:
        """Wait until there is room for whatever the next batch brings."""
        while self.n_queued > _ROOM_MESSAGES or self.queued_bytes > _ROOM_BYTES:
            self.poll()
            await asyncio.sleep(_ROOM_POLL_S)

    async def flush(self, within_s: float = math.inf, until: int | None = None) -> None:
        """Wait until everything queued so far has been acknowledged, or given up (`expired`).

        ``until`` is the number of the last message that is waited for.  Raises UnavailableError when
        that takes longer than ``within_s``, InvariantError when a message is refused.
        """
        last = self.last_queued if until is None else until
        await self._drain(lambda: self._queued.n_until(last), within_s)

    async def resolve_alerts(self) -> None:
        """Wait until every queued alert has been delivered or given up; the others may wait on."""
        await self._drain(lambda: len(self._alerts), self.resolved_within_s + 2 * _SCAN_S)

    async def _drain(self, n_left: Callable[[], int], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while n_left():
            self.poll()
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"Kafka must acknowledge every message within {within_s:g} s, "
                    f"got {n_left()} left"
                )
            await asyncio.sleep(_POLL_S)
        self.poll()

    def poll(self) -> None:
        """Serve delivery reports; to be called now and then.

        Raises InvariantError once a message has been refused.
        """
        self._alerts.poll(0)
        self._others.poll(0)
        if self._fatal is not None:
            raise InvariantError(self._fatal)

    def forget(self, partition: int) -> None:
        """Drop what is known of a partition that has been revoked."""
        self.expired.discard(partition)
        self.places.forget(partition)

    def expire(self, partition: int) -> None:
        """Note that an alert of a partition was given up: it has to be done again."""
        if partition not in self.expired:
            self.expired.add(partition)
            _log.error(
                "Kafka did not take an alert in time; its partition is done again from the last "
                "checkpoint",
                partition=partition,
                within_s=self.resolved_within_s,
            )

    def _produce(
        self,
        producer: Producer,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = -1,
        trace: MessageTrace | None = None,
        on_delivered: Callable[[Any], None] = lambda _: None,
        on_expired: Callable[[], None] = lambda: None,
    ) -> None:
        size = len(key or b"") + len(value or b"") + sum(len(n) + len(v) for n, v in headers)

        def reported(error: KafkaError | None, message: Any) -> None:
            self._queued.remove(number)
            if trace is not None:
                trace.resolved(is_delivered=error is None)
            if error is not None:
                if error.code() == KafkaError._MSG_TIMED_OUT:
                    on_expired()
                else:
                    self._refused(topic, error)
                return
            self._on_kafka(True)
            on_delivered(message)

        number = self._queued.add(topic, size)
        try:
            producer.produce(
                topic, value, key, partition, on_delivery=reported, headers=list(headers)
            )
        except BufferError:
            # No reason to wait: there was room for the whole batch before it was scored.
            self._queued.remove(number)
            raise InvariantError(
                f"the queue must have room for a batch, got {self.n_queued} messages of "
                f"{self.queued_bytes} bytes; lower STREAMER_BATCH_MAX_RECORDS"
            ) from None
        except KafkaException as error:
            self._queued.remove(number)
            self._refused(topic, error.args[0])

    def _on_error(self, error: KafkaError) -> None:
        # All others are of one broker, and librdkafka mends these by itself.
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._on_kafka(False)
            _log.error("Kafka is away; messages wait", error=error.str())

    def _refused(self, topic: str, error: KafkaError) -> None:
        """Note that Kafka has said no for good: what was to be published cannot be."""
        if self._fatal is None:
            self._fatal = (
                f"topic {topic} must take every message, got {error.str()} ({error.name()}); does it "
                "exist, with as many partitions as the transactions topic, may this user write to it, "
                "and is its message limit above STREAMER_DEAD_LETTER_MAX_BYTES?"
            )
            _log.error("message refused", error=self._fatal)
