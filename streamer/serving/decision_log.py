"""Every answer that was given, to a topic; nobody waits for that.

Invariants:
* A request never waits: what there is no room for is dropped, and counted.
* What was noted is counted once, as published or as not, also where the thread dies or hangs.
* Who is asked to close first hands over what was noted, and tells what Kafka did not take.
* A card's decisions are in one partition: that with the number of the one its payments are in, where
  that is known, else where its key belongs.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter as Counts
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import structlog
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from streamer.contract.codes import CURRENCIES
from streamer.contract.decision_message import Decision
from streamer.contract.pseudonyms import CardKey, names_of_card
from streamer.errors import StreamerError
from streamer.features import FEATURE_NAMES
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import CARD, MERCHANT
from streamer.pipeline.feature_messages import moment
from streamer.serving.answerer import AskedBy, Given
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words
from streamer.stream.kafka.topics import create_topics, partition_counts

__all__ = ["DecisionLog", "decision_of"]

_log = structlog.get_logger(__name__)

# A decision has some 1.5 kB; the client's queue of as many comes on top.
_ROOM: Final = 20_000
# After this long without Kafka what was noted is given up.
_GIVEN_UP_AFTER_S: Final = 60.0
_TICK_S: Final = 0.05
# Some 0.3 ms of work, after which whoever answers has a turn.
_PIECE: Final = 16
_BREATH_S: Final = 0.0002
_COUNTED_WITHIN_S: Final = 0.2
_TOPIC_AGE_S: Final = 30.0
_METADATA_WITHIN_S: Final = 5.0
_encoder: Final = msgspec.json.Encoder()


class Counter(Protocol):
    """What outcomes are counted in."""

    def labels(self, outcome: str) -> Any:
        """Return the count of one."""


class DecisionLog:
    """Publishes from a thread of its own; `note` is called on the loop that answers.

    ``counted`` gets each answer that was noted once: as ``published``, ``dropped`` (there was no room)
    or ``failed`` (Kafka took it not, or nobody publishes any more).  ``card_key`` made the pseudonyms.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        counted: Counter,
        room: int = _ROOM,
        card_key: CardKey | None = None,
    ) -> None:
        self._settings, self._card_key = settings, card_key
        self._topic = topic
        self._counted = counted
        self._room = room
        self._noted: SimpleQueue[tuple[AskedBy, list[Given], float]] = SimpleQueue()
        # Each is written by one side alone, so that neither waits for the other.
        self._n_in = self._n_out = 0
        # What has become of answers, of the thread alone until it is counted under the lock.
        self._became: Counts[str] = Counts()
        self._counting = threading.Lock()
        self._n_counted = 0
        self._is_closed = self._has_died = self._has_failed = False
        self._n_partitions, self._asked_at = 0, -_TOPIC_AGE_S
        self._ends = threading.Event()
        self._until = math.inf
        config = {
            "linger.ms": 50,
            "queue.buffering.max.messages": room,
            "message.timeout.ms": round(_GIVEN_UP_AFTER_S * 1000),
        }
        self._producer = Producer(librdkafka_config(settings, **config))
        self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
        self._thread.start()

    def note(self, by: AskedBy, given: list[Given]) -> None:
        """Note answers that are being given."""
        if self._has_died:
            self._counted.labels("failed").inc(len(given))
        elif self._n_in - self._n_out + len(given) > self._room or self._ends.is_set():
            self._counted.labels("dropped").inc(len(given))
        else:
            self._n_in += len(given)
            self._noted.put((by, given, time.time()))

    def close(self, within_s: float) -> None:
        """Hand over what was noted; blocks for ``within_s``, and a moment in which that is counted."""
        self._until = time.monotonic() + within_s
        self._ends.set()
        self._thread.join(within_s + _COUNTED_WITHIN_S)
        with self._counting:
            self._is_closed = True
            left = self._n_in - self._n_counted
        if left:
            self._counted.labels("failed").inc(left)
            _log.warning("decisions not published", decisions=left, within_s=within_s)

    def _run(self) -> None:
        try:
            # Seldom, and then all there is: each turn of this thread interrupts those who answer.
            while not self._ends.wait(_TICK_S):
                self._hand_over()
            self._hand_over()
            self._producer.flush(self._left_s())
        except Exception:
            # Answers do not need it: they go on, and are counted.
            self._has_died = True
            self._became["failed"] += self._n_in - self._n_counted - self._became.total()
            _log.error("decisions are published no more", exc_info=True)
        finally:
            self._count()

    def _hand_over(self) -> None:
        """Publish what was noted, and learn what has become of what was published before."""
        read = None
        with suppress(Empty):
            while self._left_s() > 0:
                by, given, at_s = self._noted.get_nowait()
                self._ask_for_partitions()
                at = datetime.fromtimestamp(at_s, UTC)
                for each in given:
                    self._n_out += 1
                    try:
                        if read is None or read.decoded is not each.decoded:
                            read = _Read.of(each)
                        self._publish(decision_of(each, by, at, read, self._card_key))
                    except Exception:
                        self._fail()
                    if self._n_out % _PIECE == 0:
                        self._producer.poll(0)
                        self._ends.wait(_BREATH_S)
        self._producer.poll(0)
        self._count()

    def _publish(self, decision: Decision) -> None:
        partition = decision.answer.partition
        if partition is None or partition >= self._n_partitions:
            partition = -1
        key = decision.answer.card_id.encode()
        try:
            self._producer.produce(
                self._topic, _encoder.encode(decision), key, partition, on_delivery=self._delivered
            )
        except BufferError:
            self._became["dropped"] += 1
        except KafkaException:
            self._became["failed"] += 1

    def _fail(self) -> None:
        """Count a decision that could not be made; the log has the first of them."""
        self._became["failed"] += 1
        if not self._has_failed:
            self._has_failed = True
            _log.error("decision not made", exc_info=True)

    def _delivered(self, error: object, _: object) -> None:
        self._became["published" if error is None else "failed"] += 1

    def _count(self) -> None:
        """Count what has become of answers, unless they have been counted as not published."""
        with self._counting:
            if not self._is_closed:
                self._n_counted += self._became.total()
                for outcome, n in self._became.items():
                    self._counted.labels(outcome).inc(n)
        self._became.clear()

    def _left_s(self) -> float:
        return max(self._until - time.monotonic(), 0.0)

    def _ask_for_partitions(self) -> None:
        """Learn how many partitions the topic has, and make it where that is allowed."""
        now = time.monotonic()
        if now - self._asked_at < _TOPIC_AGE_S:
            return
        self._asked_at = now
        try:
            admin = AdminClient(librdkafka_config(self._settings))
            counts = partition_counts(admin, min(_METADATA_WITHIN_S, self._left_s()))
            if self._topic not in counts and self._settings.create_topics:
                # As many as the payments have: a decision keeps their partition's number.
                n = counts.get(self._settings.transactions_topic, self._settings.topic_partitions)
                factor = self._settings.topic_replication_factor
                create_topics(admin, {self._topic: n}, factor, self._settings)
                counts[self._topic] = n
            self._n_partitions = counts.get(self._topic, 0)
        except (StreamerError, KafkaException) as error:
            _log.warning("topic of decisions not known", topic=self._topic, error=in_words(error))


class _Read(NamedTuple):
    """Of payments that were read together, what their decisions have: taken out once for all."""

    decoded: Decoded
    cards: list[str]
    features: list[list[float]]
    merchants: list[str | None]
    currencies: list[int]
    times_ms: list[int]

    @classmethod
    def of(cls, given: Given) -> _Read:
        payments = given.decoded.payments
        columns, named = payments.columns, payments.names.column(MERCHANT).strings()
        return cls(
            given.decoded,
            payments.names.column(CARD).strings(),
            given.history.X.tolist(),
            [
                None if number < 0 else name
                for number, name in zip(columns.merchants.tolist(), named, strict=True)
            ],
            columns.currencies.tolist(),
            columns.times_ms.tolist(),
        )


def decision_of(
    given: Given,
    by: AskedBy,
    at: datetime,
    read: _Read | None = None,
    card_key: CardKey | None = None,
) -> Decision:
    """Return the message of an answer that was given ``at`` a time; NaN is null once it is JSON."""
    of, i = read or _Read.of(given), given.i
    names = [] if card_key is None else names_of_card(of.cards[i], card_key)
    return Decision(
        answer=given.answer,
        features=dict(zip(FEATURE_NAMES, of.features[i], strict=True)),
        merchant_id=of.merchants[i],
        currency=CURRENCIES[of.currencies[i]],
        event_timestamp=moment(of.times_ms[i]),
        answered_at=at,
        door=by.door,
        client=by.client,
        state=given.place,
        # The keys may have changed since the answer was made.
        other_card_ids=[name for name in names if name != given.answer.card_id],
    )
