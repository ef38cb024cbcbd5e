"""A Kafka in memory: the log of transactions, what is published, and the consumer group.

Delivery takes time; within a partition messages stay in order, across partitions they overtake one
another.  What a killed process had handed over arrives within a second or never; that a successor
takes longer to start is an assumption of the product, and of this broker.

Invariants:
* A generation is formed by the members that have come, and no other member may commit.
* A producer's messages are appended once, in order.
"""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

from confluent_kafka import KafkaException

from streamer.stream.resume import Committed
from tests.simulation.loop import Process, SimulationLoop
from tests.simulation.payments import N_PARTITIONS

__all__ = ["Broker", "Group", "Member", "SimulatedProducer"]

_TICK_S: Final = 0.25
_RETRY_S: Final = 0.1
# A process that was frozen for longer finds its connections gone, and needs this long to open others.
_HANDED_OVER_S: Final = 1.0


@dataclass(slots=True)
class Member:
    """A consumer in the group."""

    name: str
    process: Process
    generation: int = 0
    partitions: tuple[int, ...] = ()
    has_joined: bool = False
    silent_since: float | None = None


class Group:
    """The coordinator of the consumer group."""

    def __init__(
        self, loop: SimulationLoop, rng: random.Random, n_partitions: int, session_s: float
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._n_partitions = n_partitions
        self._session_s = session_s
        self._rebalance_s = session_s + 4.0
        self.generation = 0
        self.members: list[Member] = []
        self.committed: dict[int, Committed] = {}
        self.is_rebalancing = False
        self._deadline = 0.0
        loop.in_world(_TICK_S, self._tick)

    def join(self, member: Member, *, is_static: bool) -> None:
        """Ask to be in the next generation; a static member takes its dead predecessor's place."""
        if is_static:
            self.members = [m for m in self.members if m.name != member.name or m is member]
        if member not in self.members:
            self.members.append(member)
        member.has_joined = True
        self.rebalance()

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Have every member give up its partitions and come again."""
        if not self.is_rebalancing:
            self.is_rebalancing = True
            self._deadline = self._loop.time() + self._rebalance_s

    def must_rejoin(self, member: Member) -> bool:
        if member.process.is_cut_off:
            return False  # nobody can tell it
        return self.is_rebalancing or member.generation != self.generation

    def commit(self, member: Member, partition: int, offset: Committed) -> bool:
        """Store an offset, unless the member is not of the current generation."""
        if member not in self.members or member.generation != self.generation:
            return False
        self.committed[partition] = offset
        return True

    def _tick(self) -> None:
        self._loop.in_world(_TICK_S, self._tick)
        now = self._loop.time()
        for member in list(self.members):
            if member.process.is_running and not member.process.is_cut_off:
                member.silent_since = None
            elif member.silent_since is None:
                member.silent_since = now
            elif now - member.silent_since >= self._session_s:
                self.leave(member)
        if self.is_rebalancing and (
            all(member.has_joined for member in self.members) or now >= self._deadline
        ):
            self._form()

    def _form(self) -> None:
        self.members = [member for member in self.members if member.has_joined]
        self.is_rebalancing = False
        self.generation += 1
        order = list(self.members)
        self._rng.shuffle(order)
        for i, member in enumerate(order):
            member.has_joined = False
            member.generation = self.generation
            member.partitions = tuple(range(i, self._n_partitions, len(order)))


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


@dataclass(slots=True)
class _Lane:
    """The messages of one producer for one partition, in order."""

    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    is_moving: bool = False


class SimulatedProducer:
    """Passes for ``confluent_kafka.Producer``, idempotent."""

    def __init__(self, broker: Broker, process: Process) -> None:
        self._broker = broker
        self._process = process
        self._lanes: dict[tuple[str, int], _Lane] = defaultdict(_Lane)
        self._reports: deque[tuple[Callable[..., None], _Delivered]] = deque()
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
        lane.waiting.append(message | {"value": value, "key": key})
        if not lane.is_moving:
            lane.is_moving = True
            self._broker.loop.in_world(self._broker.latency(), self._move, topic, partition)

    def poll(self, timeout: float) -> int:
        n = len(self._reports)
        while self._reports:
            report, message = self._reports.popleft()
            self._n_open -= 1
            report(None, message)
        return n

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        """Return what is read of a topic's metadata: how many partitions it has."""
        if self._broker.is_away or self._process.is_cut_off:
            raise KafkaException("the broker must answer, got nothing")
        found = SimpleNamespace(partitions=dict.fromkeys(range(N_PARTITIONS)))
        return SimpleNamespace(topics={topic: found})

    def forget(self) -> None:
        """Send nothing of what is queued."""
        for lane in self._lanes.values():
            lane.waiting.clear()

    def _move(self, topic: str, partition: int) -> None:
        """Bring the next message of a lane to the broker, if it gets there."""
        lane, broker = self._lanes[topic, partition], self._broker
        is_lost = broker.is_away or self._is_cut_off() or broker.rng.random() < 0.3
        if not self._process.is_alive and is_lost:
            lane.waiting.clear()
        if not lane.waiting:
            lane.is_moving = False
            return
        if broker.is_away or self._is_cut_off():
            delay = _HANDED_OVER_S if self._is_cut_off() else _RETRY_S
            broker.loop.in_world(delay, self._move, topic, partition)
            return
        # All that one request holds is appended at once.
        for _ in range(broker.rng.randint(1, len(lane.waiting))):
            message = lane.waiting.popleft()
            place = _Delivered(broker.append(topic, partition, message))
            broker.loop.in_world(
                broker.latency(), self._reports.append, (message["on_delivery"], place)
            )
        broker.on_request(self._process)
        broker.loop.in_world(broker.latency() / 4, self._move, topic, partition)

    def _is_cut_off(self) -> bool:
        """Return whether the process stands still, or did until just now, and so has no connection."""
        process, now = self._process, self._broker.loop.time()
        if process.is_cut_off:
            return True
        if not process.is_running:
            return now - process.stopped_at > _HANDED_OVER_S
        stood_s = process.thawed_at - process.stopped_at
        return stood_s > _HANDED_OVER_S and now - process.thawed_at < _HANDED_OVER_S
