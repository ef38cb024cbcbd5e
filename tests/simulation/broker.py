"""A Kafka in memory: what is published, and the client that publishes it.

Delivery takes time; within a partition messages stay in order, across partitions they overtake one
another.  What a killed process had handed over arrives within a second or never; that a successor
takes longer to start is an assumption of the product, and of this broker.

Invariants:
* A producer's messages are appended once, in order, and acknowledged in order: Kafka answers all that a
  request holds at once, and of alerts one request is under way.
* A message that has waited for longer than its producer's limit is given up before anything is sent;
  one whose acknowledgement is late is reported the same way, and lies on its topic all the same.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from tests.simulation.loop import Process, SimulationLoop
from tests.simulation.payments import N_PARTITIONS

__all__ = ["Broker", "SimulatedProducer"]

_RETRY_S: Final = 0.1
# A process that was frozen for longer finds its connections gone, and needs this long to open others.
_HANDED_OVER_S: Final = 1.0


class Broker:
    """What lies on the topics."""

    def __init__(self, loop: SimulationLoop, rng: random.Random) -> None:
        self.loop = loop
        self.rng = rng
        self.is_away = False
        self.messages: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        self.on_appended: Callable[[str, int, dict[str, Any]], None] = lambda *_: None
        """Gets topic, partition and message, right after it has been appended."""
        self.on_request: Callable[[Process], None] = lambda _: None
        """Gets the process whose messages have been appended and not yet been acknowledged."""

    def append(self, topic: str, partition: int, message: dict[str, Any]) -> int:
        stored = self.messages[topic, partition]
        stored.append(message)
        self.on_appended(topic, partition, message)
        return len(stored) - 1

    def latency(self) -> float:
        return self.rng.expovariate(1 / 0.01) if self.rng.random() < 0.9 else self.rng.random()


@dataclass(frozen=True, slots=True)
class _Delivered:
    place: int

    def offset(self) -> int:
        return self.place


class _TimedOut:
    """Passes for the ``KafkaError`` of a message that was given up."""

    def code(self) -> int:
        code: int = KafkaError._MSG_TIMED_OUT
        return code


@dataclass(slots=True)
class _Message:
    content: dict[str, Any]
    queued_at: float
    on_delivery: Callable[..., None]


@dataclass(slots=True)
class _Lane:
    """The messages of one producer for one partition, in order."""

    waiting: deque[_Message] = field(default_factory=deque)
    sent: deque[tuple[_Message, _Delivered]] = field(default_factory=deque)
    is_moving: bool = False


class SimulatedProducer:
    """Passes for ``confluent_kafka.Producer``, idempotent."""

    def __init__(self, broker: Broker, process: Process, config: Mapping[str, Any]) -> None:
        self._broker = broker
        self._process = process
        # As in librdkafka, 0 is no limit.
        self._limit_s = config["message.timeout.ms"] / 1000 or math.inf
        self._lanes: dict[tuple[str, int], _Lane] = defaultdict(_Lane)
        self._reports: deque[tuple[_Message, _TimedOut | None, _Delivered | None]] = deque()
        self._n_open = 0

    def __len__(self) -> int:
        return self._n_open

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = 0,
        **message: Any,
    ) -> None:
        self._n_open += 1
        partition = max(partition, 0)  # -1 leaves the choice to the client
        lane = self._lanes[topic, partition]
        content = {"value": value, "key": key, "headers": message["headers"]}
        now = self._broker.loop.time()
        lane.waiting.append(_Message(content, now, message["on_delivery"]))
        if not lane.is_moving:
            lane.is_moving = True
            self._broker.loop.in_world(self._broker.latency(), self._move, topic, partition)

    def poll(self, timeout: float) -> int:
        n = len(self._reports)
        while self._reports:
            message, error, delivered = self._reports.popleft()
            self._n_open -= 1
            message.on_delivery(error, delivered)
        return n

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        """Return what is read of a topic's metadata: how many partitions it has."""
        if self._broker.is_away or self._process.is_cut_off:
            raise KafkaException("the broker must answer, got nothing")
        found = SimpleNamespace(partitions=dict.fromkeys(range(N_PARTITIONS)))
        return SimpleNamespace(topics={topic: found})

    def _move(self, topic: str, partition: int) -> None:
        """Bring the next messages of a lane to the broker, if they get there."""
        lane, broker = self._lanes[topic, partition], self._broker
        is_lost = broker.is_away or self._is_cut_off() or broker.rng.random() < 0.3
        if not self._process.is_alive and is_lost:
            lane.waiting.clear()
        while lane.waiting and self._is_overdue(lane.waiting[0]):
            self._reports.append((lane.waiting.popleft(), _TimedOut(), None))
        if not lane.waiting:
            lane.is_moving = False
            return
        if broker.is_away or self._is_cut_off():
            broker.loop.in_world(_RETRY_S, self._move, topic, partition)
            return
        # All that one request holds is appended at once.
        for _ in range(broker.rng.randint(1, len(lane.waiting))):
            message = lane.waiting.popleft()
            place = _Delivered(broker.append(topic, partition, message.content))
            lane.sent.append((message, place))
            broker.loop.in_world(broker.latency(), self._acknowledge, topic, partition)
        broker.on_request(self._process)
        broker.loop.in_world(broker.latency() / 4, self._move, topic, partition)

    def _acknowledge(self, topic: str, partition: int) -> None:
        """Bring the broker's next answer to the client, unless it has given up waiting for it."""
        sent = self._lanes[topic, partition].sent
        message, place = sent[0]
        if self._is_overdue(message):
            self._reports.append((message, _TimedOut(), None))
        elif self._process.is_alive and (self._broker.is_away or self._is_cut_off()):
            self._broker.loop.in_world(_RETRY_S, self._acknowledge, topic, partition)
            return
        else:
            self._reports.append((message, None, place))
        sent.popleft()

    def _is_overdue(self, message: _Message) -> bool:
        """Return whether the client gives a message up now: a process that stands still does not."""
        waited_s = self._broker.loop.time() - message.queued_at
        return self._process.is_running and waited_s > self._limit_s

    def _is_cut_off(self) -> bool:
        """Return whether the process stands still, or did until just now, and so has no connection."""
        process, now = self._process, self._broker.loop.time()
        if process.is_cut_off:
            return True
        if not process.is_running:
            return now - process.stopped_at > _HANDED_OVER_S
        stood_s = process.thawed_at - process.stopped_at
        return stood_s > _HANDED_OVER_S and now - process.thawed_at < _HANDED_OVER_S
