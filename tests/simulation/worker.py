"""One worker process: the product's scoring and checkpoints, with Faust's part played by this module.

Faust joins the group, has the partitions revoked before a rebalance and assigned after it, fetches,
hands batches to the agent one at a time, and commits what has been declared durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from aiokafka.errors import OffsetOutOfRangeError
from faust.types import TP

from streamer.contract.batch import Batch
from streamer.errors import FencedError, StoreReplacedError, UnavailableError
from streamer.store import Committed
from streamer.stream.checkpoints.checkpointing import Checkpointing
from streamer.stream.health.standing_guard import StandingGuard
from streamer.stream.health.watch import Watch
from streamer.stream.judging.verdict_topic import FeedbackStoring
from streamer.stream.kafka.fetch_state import FetchState
from streamer.stream.publishing import publisher
from streamer.stream.scoring.claiming import Claiming, Reading
from streamer.stream.scoring.claims import Claims
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Clock, Kit
from streamer.stream.scoring.scoring import Scoring
from tests.builders import ARRIVAL_MS
from tests.simulation.broker import SimulatedProducer
from tests.simulation.group import Member
from tests.simulation.logs import SimulatedLogs
from tests.simulation.loop import Process
from tests.simulation.payments import TOPIC
from tests.simulation.stores import open_store

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["Worker"]

_COMMIT_INTERVAL_S: Final = 1.0
_POLL_S: Final = 0.2
_START_RETRY_S: Final = 0.5
_SEEK_S: Final = 0.001
_BUFFERED_BATCHES: Final = 4
# As the app's: the client looks now and then for what has waited too long.
_RESOLVED_LATE_S: Final = 2.0


async def _no_key() -> None:
    """Nobody wants aliases here."""


class Worker:
    """A process from its start to its end; another one takes its place under the same name."""

    def __init__(self, world: World, name: str, life: int) -> None:
        self.world = world
        self.name = name
        self.process = Process(f"{name}.{life}")
        self.member = Member(name, self.process)
        self.incarnation = world.redis.incarnation
        self.store = open_store(world, self.process)
        produce = partial(SimulatedProducer, world.broker, self.process)
        with patch.object(publisher, "Producer", produce):
            self.publisher = publisher.Publisher(world.settings)
        kit = Kit(
            world.settings,
            world.pipeline,
            self.store,
            self.publisher,
            world.metrics,
            Clock(self.now_ms, world.loop.time),
            owner=self.process.name,
        )
        self._heard_at = world.loop.time()
        self.held = Held(kit)
        self.held.membership.silent_s = lambda: world.loop.time() - self._heard_at
        self._logs = SimulatedLogs(world, self.process)
        self.claiming = Claiming(kit, self.held, self._logs, _no_key)
        self.checkpointing = Checkpointing(kit, self.held, self.claiming, self._note_durable)
        self.scoring = Scoring(kit, self.held, self.checkpointing.make_room)
        self.feedback_storing = FeedbackStoring(kit, self.held, self.claiming)
        self.claims = Claims(self._claim, self._release, self._guard, world.rng.random)
        self.watch = Watch(kit, self.held, self.claims, self.claiming, lambda: self)
        self.guard = StandingGuard(kit, self.held)
        self._assigned: set[TP] = set()
        self.durable: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        self._metadata: dict[TP, Committed] = {}
        self._positions: dict[TP, int] = {}
        self._readings: dict[TP, int] = {}
        self._buffer: deque[tuple[Batch, int]] = deque()
        self._has_batch = asyncio.Event()
        self._to_fetch = asyncio.Event()
        self._to_commit = asyncio.Event()
        self._is_stopping = False
        self.clock_error_ms = 0

    def start(self) -> None:
        """Begin to run."""
        self._spawn(self._run())

    def stop(self) -> None:
        """Take SIGTERM: checkpoint, commit, leave the group, end."""
        if self.process.is_running and not self._is_stopping:
            self._is_stopping = True
            self.world.group.changed()
            self._spawn(self._end_in_order())

    def rewind(self, partition: int, n_offsets: int) -> None:
        """Have some records delivered once more."""
        if (tp := TP(TOPIC, partition)) in self._positions:
            position, start = self._positions[tp], self.world.logs[tp].start
            self._positions[tp] = min(position, max(position - n_offsets, start))
            self.look()

    def look(self) -> None:
        """Ask Kafka anew whether there is something to fetch."""
        self._to_fetch.set()

    def reading_former(self, tp: TP) -> int | None:
        """Return where it reads, or is about to, a log that is another one by now; else None."""
        told = self._logs.told_ids.get(tp, "")
        if tp not in self.claims.all() or told in ("", self.world.logs[tp].topic_id):
            return None
        return self._positions.get(tp, 0)

    def farthest(self, tp: TP) -> int:
        """Return how far it has come in a partition, be it in what nobody has saved."""
        assigned = self.held.assigned.get(tp.partition) if tp.topic == TOPIC else None
        batches = (b for b, _ in self._buffer if (b.topic, b.partition) == tp)
        return max(
            self._positions.get(tp, 0),
            0 if assigned is None else assigned.position,
            *(batch.next_offset for batch in batches),
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.world.loop.spawn(self.process, self._guarded(work))

    def _guard(self, work: Any) -> Awaitable[None]:
        self.world.loop.guard(work)
        return self._guarded(work)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (FencedError, StoreReplacedError) as error:
            self.world.fenced(self, error)
        except Exception as error:
            self.world.fail(f"{self.process.name} must not crash, got {error!r}", error)

    async def _run(self) -> None:
        while True:
            try:
                await self.store.identify()
                await self.held.adopt(await self.store.heads())
                break
            except UnavailableError:
                await asyncio.sleep(_START_RETRY_S)
        for work in (
            self._fetch(),
            self._agent(),
            self._commit_now_and_then(),
            self.checkpointing.run(),
            self.watch.follow_expiries(),
            self.watch.follow_progress(),
            self.watch.follow_topics(),
            self.guard.run(),
            self._beat(),
        ):
            self._spawn(work)
        group = self.world.group
        while not self._is_stopping:
            group.join(self.member, is_static=self.world.scenario.is_static)
            asked_at = await self._until(
                lambda: not self.member.has_joined or self.member not in group.members
            )
            self._heard_at = asked_at
            mine = self.member.partitions
            self._assigned = {tp for tp in self.world.logs if tp.partition in mine}
            self.claims.assign(self, self._assigned)
            await self._until(lambda: group.must_rejoin(self.member) or self._is_stopping)
            await self._revoke()

    async def _until(self, is_so: Callable[[], bool]) -> float:
        """Wait for what the group says, and return when it was that the last question was sent."""
        world = self.world
        asked_at = world.loop.time()
        while not is_so():
            await world.group.change.wait()
            asked_at = world.loop.time()
            await asyncio.sleep(world.broker.latency())
        return asked_at

    async def _beat(self) -> None:
        """Send heartbeats; an answer says that this was a member when it asked."""
        while True:
            asked_at = self.world.loop.time()
            is_answered = self.world.group.beat(self.member)
            await asyncio.sleep(self.world.broker.latency())
            if is_answered and not self.process.is_cut_off:
                self._heard_at = asked_at
            pause_s = self.world.group.beat_interval_s if is_answered else _POLL_S
            await asyncio.sleep(pause_s)

    async def start_reading(self, tp: TP, offset: int, reading: int) -> bool:
        """Fetch a partition from ``offset`` on; False when it is no longer assigned."""
        await asyncio.sleep(_SEEK_S)
        if tp not in self._assigned:
            return False
        self.world.note(f"{self.process.name} reads {tp.topic}/{tp.partition} from {offset}")
        self._positions[tp], self._readings[tp] = offset, reading
        self.look()
        self.world.claimed()
        return True

    async def stop_reading(self, tps: Iterable[TP]) -> None:
        """Fetch these partitions no more."""
        for tp in tps:
            self._positions.pop(tp, None)

    def fetch_state(self, tp: TP, position: int) -> FetchState:
        """Return how much lies beyond ``position``, as the last fetch has said."""
        if tp not in self._positions or self.world.broker.is_away or self.process.is_cut_off:
            return FetchState(None, 0, False)
        lag = max(self.world.logs[tp].end - position, 0)
        self.world.checker.told_end(self.process.name, tp, position + lag)
        return FetchState(lag, 0, False)

    async def _claim(self, topic: str, partition: int) -> Reading:
        """Do what the app does: name store and epoch with what is committed from now on."""
        reading = await self.claiming.claim(topic, partition)
        said = (f"remembers that {topic}/{partition} " in text for text in self.claiming.notices)
        if self.world.redis.incarnation and any(said):
            self.world.checker.is_doubtful.add(partition)
        self._metadata[TP(topic, partition)] = Committed.told(reading.offset, reading.told)
        return reading

    async def _revoke(self) -> None:
        self._assigned, self._positions = set(), {}
        await self.claims.revoke(self.claims.all())
        self.held.unsaved_since.clear()
        self._commit()
        self.durable.clear()
        self._committed.clear()

    async def _release(self, tps: Iterable[TP]) -> None:
        """Do what the app does with what is revoked."""
        released = list(tps)
        self.claiming.forget_feedback(released)
        left = await self.checkpointing.release(
            [tp.partition for tp in released if tp.topic == TOPIC]
        )
        if left and not self._is_stopping:
            try:
                await self.publisher.flush(self.publisher.resolved_within_s + _RESOLVED_LATE_S)
            except UnavailableError as error:
                self.world.note(f"{self.process.name} ends at once: {error}")
                self.world.ended(self)

    async def _end_in_order(self) -> None:
        await self._revoke()
        self.world.group.leave(self.member)
        self.world.ended(self)

    async def _fetch(self) -> None:
        world = self.world
        while True:
            await self._to_fetch.wait()
            self._to_fetch.clear()
            await asyncio.sleep(world.rng.uniform(0.01, 0.5))
            # In any order, each until there is nothing more or nowhere to put it.
            fetched = list(self._positions)
            world.rng.shuffle(fetched)
            while fetched and len(self._buffer) < _BUFFERED_BATCHES:
                batch = self._next_batch(fetched[-1])
                if batch is None:
                    fetched.pop()
                    continue
                self._buffer.append((batch, self._readings[fetched[-1]]))
                self._has_batch.set()
                world.rng.shuffle(fetched)

    def _next_batch(self, tp: TP) -> Batch | None:
        """Return what one fetch brings; where the log does not reach, it is claimed anew, as by a
        consumer without a reset policy."""
        world, first = self.world, self._positions[tp]
        if world.broker.is_away or self.process.is_cut_off:
            return None
        log = world.logs[tp]
        if not log.start <= first <= log.end:
            del self._positions[tp]
            self.claims.failed(tp, self._readings[tp], OffsetOutOfRangeError({}))
            return None
        wanted = first + world.rng.randint(1, world.scenario.max_batch)
        end = min(wanted, self._readable_to(tp, first))
        if end <= first:
            return None
        world.checker.handed_out(self.process.name, tp, range(first, end))
        self._positions[tp] = end
        return Batch(tp.topic, tp.partition, log.records(tp, first, end), ARRIVAL_MS, (first, end))

    def _readable_to(self, tp: TP, _: int) -> int:
        """Return where what may be fetched from a position ends."""
        return self.world.logs[tp].end

    async def _agent(self) -> None:
        while True:
            while not self._buffer:
                self._has_batch.clear()
                await self._has_batch.wait()
            batch, reading = self._buffer.popleft()
            self.look()
            if batch.topic == TOPIC:
                await self.scoring.handle(batch, reading)
            else:
                await self._store_verdicts(batch, reading)

    async def _store_verdicts(self, batch: Batch, reading: int) -> None:
        """Do what the app's other agent does."""
        tp = TP(batch.topic, batch.partition)
        if not self.claims.is_current(tp, reading):
            return
        next_offset = await self.feedback_storing.handle(batch)
        if next_offset is None:
            self.claims.void(tp)
        else:
            self.durable[tp] = next_offset
            self._to_commit.set()

    async def _commit_now_and_then(self) -> None:
        while True:
            await self._to_commit.wait()
            await asyncio.sleep(_COMMIT_INTERVAL_S)
            self._commit()

    def _commit(self) -> None:
        if self.process.is_cut_off or self.world.broker.is_away:
            return
        self._to_commit.clear()
        for tp, offset in self.durable.items():
            if self._committed.get(tp) == offset:
                continue
            told = self._metadata.get(tp, Committed(0))
            if self.world.group.commit(self.member, tp, replace(told, offset=offset)):
                self._committed[tp] = offset
                self.world.checker.committed(tp, offset)

    def _note_durable(self, partition: int, offset: int) -> None:
        self.durable[TP(TOPIC, partition)] = offset
        self._to_commit.set()

    def now_ms(self) -> int:
        """Return the wall clock of its machine."""
        return ARRIVAL_MS + round(self.world.loop.time() * 1000) + self.clock_error_ms
