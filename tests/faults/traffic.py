"""Known payments on a real topic: of every offset it is known what it holds.

Payments are the simulator's, with event times that go on over the whole run, so that no card sees the
past.  A card's payments go to one partition, as a keyed producer's do.  Some are verifications, some
come in another form.  Among them are messages that cannot be scored, some that are no payment, payments
sent a second time, and, where the broker has transactions, aborted ones.  Verdicts go to their topic.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal
from zlib import crc32

import numpy as np
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streamer.simulator import Simulator, SimulatorConfig
from tests.faults import wire

__all__ = ["VERDICTS", "Content", "Kind", "Mix", "Sent", "Traffic", "content"]

Kind = Literal["payment", "bad", "passed over", "repeat", "aborted", "verdict", "bad verdict"]

# Topic, partition and a hash of the value.
Content = tuple[str, int, int]

_PAYMENTS: Final = ("payment", "repeat", "aborted")
VERDICTS: Final = ("verdict", "bad verdict")
_CHUNK: Final = 1_000
_SLICE_S: Final = 0.05
_FLUSH_S: Final = 120.0
# A repeat comes after so many other payments of its partition at most, within any sensible window.
_REPEAT_WITHIN: Final = 500
# Of a transactional producer: payments in one transaction.
_TRANSACTION: Final = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as the broker acknowledged it; of a payment ``value`` is its plain form.

    ``log`` counts the logs that the partition has had: a topic made again starts another one.
    """

    log: int
    partition: int
    offset: int
    kind: Kind
    payment_id: str | None
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of what is sent beside ordinary payments; ``aborted`` is a share of transactions.

    ``zeros`` and ``mapped`` are shares of the payments: amounts of 0, and those in another form.
    ``verdicts`` come on so many of them, every fourth one that cannot be used.
    """

    bad: float = 0.01
    repeats: float = 0.02
    passed_over: float = 0.02
    aborted: float = 0.0
    zeros: float = 0.03
    mapped: float = 0.2
    verdicts: float = 0.01
    codec: str = "none"


class Traffic:
    """Sends payments, at once or at a rate, and knows of every acknowledged record what it is."""

    def __init__(
        self,
        config: dict[str, Any],
        topic: str,
        n_partitions: int,
        seed: int = 1,
        mix: Mix | None = None,
        feedback_topic: str | None = None,
    ) -> None:
        """``config`` is what reaches the broker, in librdkafka's words."""
        self.topic, self.n_partitions = topic, n_partitions
        self.feedback_topic = feedback_topic
        # It need not grow when the topic of the payments does.
        self._n_feedback_partitions = n_partitions
        self.mix = mix or Mix()
        self.sent: list[Sent] = []
        self.verdicts: list[Sent] = []
        self.logs: dict[int, int] = defaultdict(int)
        self.n_queued = 0
        self.refused: list[str] = []
        self.by_content: dict[Content, Sent] = {}
        """What was acknowledged, wherever it is: the client may have sent it twice (`appended`)."""
        self._rng = np.random.default_rng(seed)
        self._simulator = Simulator(
            SimulatorConfig(seed=seed, n_customers=600, n_merchants=120, fraud_share=0.02)
        )
        self._waiting: deque[tuple[bytes, bytes, str]] = deque()
        self._recent: dict[int, deque[tuple[bytes, bytes, str]]] = defaultdict(
            lambda: deque(maxlen=_REPEAT_WITHIN)
        )
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        settings = {
            **config,
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": self.mix.codec,
            "queue.buffering.max.messages": 300_000,
            "log_level": 0,
        }
        if self.mix.aborted:
            settings |= {"transactional.id": f"traffic-{topic}-{seed}"}
        else:
            # A broker that is away for a minute loses no payment of a patient producer.
            settings |= {"message.timeout.ms": 0}
        self._settings = settings
        self.reconnect()

    def reconnect(self) -> None:
        """Go on as another producer: one whose acknowledged records the brokers lost gives up."""
        self._producer = Producer(self._settings)
        if self.mix.aborted:
            self._producer.init_transactions(_FLUSH_S)

    def send(self, n: int) -> None:
        """Send ``n`` records and return when all of them are acknowledged."""
        self._queue(n)
        self.flush()

    def start(self, rate: float) -> None:
        """Send about ``rate`` records a second from now on."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, args=(rate,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and return when everything is acknowledged."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None
        self.flush()

    def flush(self) -> None:
        """Return when everything sent so far is acknowledged."""
        left = self._producer.flush(_FLUSH_S)
        assert left == 0, f"every payment must be acknowledged, got {left} left"
        assert not self.refused, self.refused[:3]

    def repeat(self, n: int) -> None:
        """Send up to ``n`` of each partition's latest payments again, in their order."""
        with self._lock:
            for place, recent in self._recent.items():
                for key, value, payment_id in list(recent)[-n:]:
                    self._produce(place, "repeat", payment_id, key, value)
        self.flush()

    def never_happened(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Note payments that somebody else has sent and aborted: none of them may alert."""
        for key, value in records:
            payment_id = json.loads(value or b"{}")["transaction_id"]
            self.sent.append(Sent(-1, 0, -1, "aborted", payment_id, key, value))

    def started_anew(self, partitions: Iterable[int]) -> None:
        """Note that these partitions' offsets mean other records from here on.

        A producer's retries end with the old log: the service lets go of what it knew of that one.
        """
        for partition in partitions:
            self.logs[partition] += 1
            self._recent[partition].clear()

    def _run(self, rate: float) -> None:
        try:
            self._send_at(rate)
        except Exception as error:
            self.refused.append(f"the sender ended: {error}")

    def _send_at(self, rate: float) -> None:
        n, started = 0, time.monotonic()
        step = max(int(rate * _SLICE_S), 1)
        while not self._stopped.is_set():
            # Behind by more than a second of sending, as after a broker's absence: do not catch up.
            if (behind := time.monotonic() - started - n / rate) > 1:
                started += behind
            self._queue(step)
            n += step
            ahead_s = n / rate - (time.monotonic() - started)
            if ahead_s > 0:
                self._stopped.wait(ahead_s)

    def _queue(self, n: int) -> None:
        # A fault may send while the sender runs, and two at the simulator would name payments alike.
        with self._lock:
            self._queue_locked(n)

    def _queue_locked(self, n: int) -> None:
        if self.mix.aborted:
            for first in range(0, n, _TRANSACTION):
                self._transaction(min(_TRANSACTION, n - first))
            return
        for _ in range(n):
            self._send_one()
        self._producer.poll(0)

    def _transaction(self, n: int) -> None:
        """Send a transaction and decide on it; an aborted one's payments never happened."""
        is_aborted = bool(self._rng.random() < self.mix.aborted)
        self._producer.begin_transaction()
        for _ in range(n):
            self._send_one("aborted" if is_aborted else None)
        self._producer.flush(_FLUSH_S)
        if is_aborted:
            self._producer.abort_transaction(_FLUSH_S)
        else:
            self._producer.commit_transaction(_FLUSH_S)

    def _send_one(self, kind: Kind | None = None) -> None:
        draw = self._rng.random()
        if kind is None and draw < self.mix.bad:
            value = wire.BAD[int(self._rng.integers(len(wire.BAD)))]
            place = int(self._rng.integers(self.n_partitions))
            self._produce(place, "bad", None, b"k", value)
            return
        if kind is None and draw < self.mix.bad + self.mix.repeats:
            place = int(self._rng.integers(self.n_partitions))
            recent = self._recent[place]
            if recent:
                key, value, payment_id = recent[int(self._rng.integers(len(recent)))]
                self._produce(place, "repeat", payment_id, key, value)
                return
        key, value, payment_id = self._next()
        place = crc32(key) % self.n_partitions
        if kind is None and self._rng.random() < self.mix.passed_over:
            self._produce(place, "passed over", None, key, wire.passed_over(value, self._rng))
            return
        if self._rng.random() < self.mix.zeros:
            value = wire.with_amount_zero(value)
        if kind is None:
            self._recent[place].append((key, value, payment_id))
        self._produce(place, kind or "payment", payment_id, key, value)
        if self.feedback_topic and not self.mix.aborted and self._rng.random() < self.mix.verdicts:
            self._judge(place, payment_id, key)

    def _judge(self, place: int, payment_id: str, key: bytes) -> None:
        """Send a verdict on a payment, or something that is none."""
        kind: Kind = "bad verdict" if self._rng.random() < 0.25 else "verdict"
        if kind == "verdict":
            value = wire.verdict(payment_id, key, self._rng)
        else:
            value = wire.BAD_VERDICTS[int(self._rng.integers(len(wire.BAD_VERDICTS)))]
        self._produce(place % self._n_feedback_partitions, kind, payment_id, key, value)

    def _next(self) -> tuple[bytes, bytes, str]:
        if not self._waiting:
            made = self._simulator.generate(_CHUNK)
            self._waiting.extend(
                (key, value, payment_id)
                for (key, value), payment_id in zip(
                    made.records(), made.transaction_ids, strict=True
                )
            )
        return self._waiting.popleft()

    def _produce(
        self, place: int, kind: Kind, payment_id: str | None, key: bytes, value: bytes | None
    ) -> None:
        delivered = self._delivered(self.logs[place], kind, payment_id, key, value)
        topic = self.feedback_topic if kind in VERDICTS else self.topic
        if value and kind in _PAYMENTS and self._rng.random() < self.mix.mapped:
            value = wire.wrapped(value, self._rng)
        while True:
            try:
                self._producer.produce(topic, value, key, place, on_delivery=delivered)
                break
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                # A partition that was added a moment ago, which the client has not heard of.
                if error.args[0].code() != KafkaError._UNKNOWN_PARTITION:
                    raise
                self._producer.list_topics(topic, timeout=_FLUSH_S)
                self._producer.poll(0.05)
        self.n_queued += 1

    def _delivered(
        self, log: int, kind: Kind, payment_id: str | None, key: bytes, value: bytes | None
    ) -> Callable[[KafkaError | None, Message], None]:
        def done(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self.refused.append(str(error))
                return
            partition, offset = message.partition() or 0, message.offset()
            # Of what the broker had already, it does not say where.
            at = -1 if offset is None else offset
            record = Sent(log, partition, at, kind, payment_id, key, value)
            self.by_content[content(message)] = record
            if offset is not None:
                (self.verdicts if kind in VERDICTS else self.sent).append(record)

        return done


def content(message: Message) -> Content:
    """Return what tells one record from others, but for its offset."""
    return message.topic() or "", message.partition() or 0, hash(message.value())
