"""The edge around the pipeline: partitions come and go, batches arrive, outcomes are published.

Invariants:
* Batches of a partition are processed one at a time, in order, each where the one before it ended; a
  batch of an older reading of the partition is not processed at all.
* Between assignment and release a partition's state is this worker's alone; release checkpoints it.
* Redis being away stops neither scoring nor alerting: entities that cannot be looked up begin anew
  and are merged with what is stored once it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from streamer.batch import Batch
from streamer.center_watch import CenterWatch
from streamer.drift_monitor import DistanceMonitor
from streamer.errors import InvariantError, UnavailableError
from streamer.events import Mode
from streamer.model import Drift, ModelVersion, Sums, delta_limit, drift_of
from streamer.pipeline import Outcome, PipelineConfig, Prepared, prepare, score_in_steps
from streamer.settings import Settings
from streamer.store import ModelHead, Store
from streamer.stream.assignments import Assigned
from streamer.stream.cancelling import uninterrupted
from streamer.stream.counting import count_outcome
from streamer.stream.dead_letter_log import DeadLetterLog
from streamer.stream.known_schemas import KnownSchemas
from streamer.stream.laps import Laps
from streamer.stream.limits import count_limits
from streamer.stream.membership import Membership
from streamer.stream.publisher import Publisher
from streamer.stream.tracing import REDIS, BatchTrace, Tracing
from streamer.telemetry.metrics import Metrics
from streamer.telemetry.tracing import child

__all__ = ["Clock", "Scoring"]

_log = structlog.get_logger(__name__)


# How many deltas of full size may wait for their checkpoint before scoring waits for it.
_MAX_BEHIND: Final = 4


async def _no_room() -> bool:
    return False


class Clock:
    """Wall and monotonic time; tests put their own in its place."""

    def __init__(self, now_ms: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self.now_ms = now_ms
        self.monotonic = monotonic


class Scoring:
    """All that one worker does with the transactions topic."""

    def __init__(
        self,
        settings: Settings,
        pipeline: PipelineConfig,
        store: Store,
        publisher: Publisher,
        metrics: Metrics,
        clock: Clock,
        owner: str,
    ) -> None:
        self.make_room: Callable[[], Awaitable[bool]] = _no_room
        """Checkpoints the partition that has most to merge; False when that is not possible."""
        self.schemas: KnownSchemas | None = None
        """Of the registry, if there is one."""
        self.set_back: Callable[[Batch, int, Exception], None] = lambda *_: None
        """Has a partition read again from where it was, while others go on."""
        self.tracing: Tracing | None = None
        """Traces batches, where that is on."""
        self.settings = settings
        self.pipeline = pipeline
        self.store = store
        self.publisher = publisher
        self.metrics = metrics
        self.clock = clock
        self.owner = owner
        self.assigned: dict[int, Assigned] = {}
        self.unsaved_since: dict[int, float] = {}
        """Since when a partition has progress that no checkpoint holds, in this and earlier claims."""
        self.redis_error = ""
        """What Redis has failed with since it was last of use."""
        self.membership = Membership(settings.kafka_session_timeout_s)
        self.lock = asyncio.Lock()
        self._version = ModelVersion.of("", Sums.zero(pipeline.model), pipeline.model)
        self._head: ModelHead | None = None
        self._drift = drift_of(self._version.sums, pipeline.model)
        self.distance_monitor = DistanceMonitor()
        self.center_watch = CenterWatch()
        self._laps = Laps(metrics, clock.monotonic)
        self.dead_letter_log = DeadLetterLog(clock.monotonic)

    @property
    def is_redis_up(self) -> bool:
        """Whether Redis has answered when it was last asked, whatever it was asked for."""
        return self.store.is_up

    @property
    def mode(self) -> Mode:
        """What alerts say of the state that they were raised in."""
        return "normal" if self.is_redis_up else "redis-unavailable"

    @property
    def version(self) -> ModelVersion:
        """The model version that scores now."""
        return self._version

    @property
    def drift(self) -> Drift:
        """How far the features of that version have moved from its reference."""
        return self._drift

    @property
    def head(self) -> ModelHead | None:
        """The head as this worker last saw it; None before it has seen one."""
        return self._head

    def adopt(self, head: ModelHead) -> None:
        """Score with ``head`` from the next batch on."""
        if self._head is not None and head.id == self._head.id:
            return
        self.metrics.clusters_revived.inc(max(head.sums.revivals - self._version.sums.revivals, 0))
        self._head = head
        self._version = ModelVersion.of(head.id, head.sums, self.pipeline.model)
        self._drift = drift_of(head.sums, self.pipeline.model)

    @property
    def delta_limit(self) -> int:
        """After how many transactions, over all partitions, the model is to be renewed."""
        n_seen = self._version.sums.transactions_seen
        return delta_limit(n_seen, self.settings.checkpoint_max_transactions)

    @property
    def n_unmerged(self) -> int:
        """Transactions that the partitions have learned from since their last checkpoints."""
        return sum(a.state.delta.transactions_seen for a in self.assigned.values())

    async def handle(self, batch: Batch, reading: int) -> None:
        """Score one batch and queue what came of it for publication.

        ``reading`` is the generation of the claim under which the batch was fetched.

        While the model is young, or checkpoints do not keep up, a batch is scored in pieces with a
        checkpoint between them: the threshold would otherwise lag behind what it is to keep to.
        """
        if self.schemas is not None:
            try:
                await self.schemas.prepare(batch)
            except UnavailableError as error:
                assigned = self.assigned.get(batch.partition)
                if assigned is not None and assigned.generation == reading:
                    assigned.is_set_back = True
                self.set_back(batch, reading, error)
                return
        for part in batch.parts(self.delta_limit):
            # Without the lock: a partition can be released while Kafka is away.
            await self.publisher.wait_for_room()
            await self.membership.wait()
            await self._handle(part, reading)
            limit = self.delta_limit
            is_young = limit < self.settings.checkpoint_max_transactions
            while self.is_redis_up and self.n_unmerged >= limit * (1 if is_young else _MAX_BEHIND):
                if not await self.make_room():
                    break

    async def _handle(self, batch: Batch, reading: int) -> None:
        async with self.lock:
            assigned = self.assigned.get(batch.partition)
            if assigned is None or assigned.generation != reading or assigned.is_set_back:
                return
            fresh = batch.starting_at(assigned.position)
            if fresh is None:
                return
            if fresh.first_offset > assigned.position:
                # What the log no longer has is declared when the partition is claimed; this is none.
                raise InvariantError(
                    f"a batch of partition {batch.partition} must begin where the last one ended, at "
                    f"{assigned.position}, got {fresh.first_offset}"
                )
            if self.tracing is None:
                await self._score(fresh, assigned, None)
                return
            with self.tracing.batch(fresh) as trace:
                await self._score(fresh, assigned, trace)
            self.tracing.processed(fresh, trace)

    async def _score(self, batch: Batch, assigned: Assigned, trace: BatchTrace | None) -> None:
        laps = self._laps
        laps.begin(trace)
        prepared = prepare(batch, self.pipeline, assigned.state)
        laps("decode")
        was_blown = assigned.state.is_fuse_blown
        await self._look_up(assigned, prepared)
        laps("look_up")
        version, mode = self._version, self.mode
        steps = score_in_steps(
            prepared,
            assigned.state,
            version,
            self.pipeline,
            now_ms=self.clock.now_ms(),
            mode=mode,
            lap=laps,
        )
        # Half of a batch is learned by now, and none of it accounted for.
        outcome = await uninterrupted(steps)
        if trace is not None:
            trace.scored(outcome, version.id, mode)
        if not self._publish(batch, outcome, trace):
            # It took too long, or the process stood still: another may have scored it since.
            self.publisher.expire(batch.partition)
            return
        if assigned.state.is_fuse_blown and not was_blown:
            _log.error("alerts beyond twice the budget are held back", partition=batch.partition)
        laps("publish")
        now = laps.end()
        self.unsaved_since.setdefault(batch.partition, now)
        self._count(batch, outcome, assigned, version, now)

    def forget(self, partition: int) -> None:
        """Drop what is left of a partition that another worker may have now."""
        self.assigned.pop(partition, None)
        self.publisher.forget(partition)

    async def _look_up(self, assigned: Assigned, prepared: Prepared) -> None:
        """Load the entities of a batch that the tables do not hold."""
        tables = assigned.state.tables
        is_complete = not assigned.has_stored and not any(t.n_evicted for t in tables.all())
        if prepared.columns is None or is_complete:
            return
        unknown = assigned.load_pending(tables.unknown(prepared.columns))
        if not unknown:
            return
        if self.is_redis_up:
            try:
                names = {table.kind.name: keys for table, keys in unknown.items()}
                n_names = sum(map(len, names.values()))
                with child("load entities", "client", REDIS | {"streamer.entities": n_names}):
                    stored = await self.store.load_entities(
                        assigned.topic, assigned.partition, names
                    )
            except UnavailableError as error:
                self.redis_failed(error)
            else:
                self.redis_answered()
                for table in unknown:
                    table.load(stored[table.kind.name])
                return
        for table, keys in unknown.items():
            table.mark_unloaded(keys)

    def redis_answered(self) -> None:
        """Say that Redis is back, where it was away."""
        if self.redis_error:
            _log.info("Redis is back")
        self.redis_error = ""

    def redis_failed(self, error: UnavailableError) -> None:
        """Say that Redis is away, once."""
        if not self.redis_error:
            _log.error("Redis is away; scoring goes on from memory", error=str(error))
        self.redis_error = str(error)

    def _publish(self, batch: Batch, outcome: Outcome, trace: BatchTrace | None) -> bool:
        """Queue what came of a batch; False as soon as this worker may not publish any more."""
        if outcome.alerts or outcome.overflow:
            records = {record.offset: record for record in batch.records}
            settings, publisher = self.settings, self.publisher
            for alerts, publish, topic in (
                (outcome.alerts, publisher.publish_alert, settings.alerts_topic),
                (outcome.overflow, publisher.publish_overflow, settings.overflow_topic),
            ):
                for alert in alerts:
                    if not self.membership.is_heard:
                        return False
                    offset = alert.source.offset
                    record = records[offset]
                    sent = None if trace is None else trace.message(record, topic, alert.alert_id)
                    publish(alert, record.timestamp, outcome.places[offset], sent)
        for letter in outcome.dead_letters:
            self.publisher.publish_dead_letter(letter, batch, trace)
        for item in outcome.scores:
            self.publisher.publish_score(item)
        self.publisher.poll()
        return True

    def _count(
        self,
        batch: Batch,
        outcome: Outcome,
        assigned: Assigned,
        version: ModelVersion,
        now_s: float,
    ) -> None:
        count_outcome(self.metrics, batch, outcome)
        count_limits(assigned.state, self.metrics)
        self.dead_letter_log.add(outcome.dead_letters, batch)
        if outcome.scored is None:
            return
        self.center_watch.add(version, outcome.scored, now_s)
        # A young model's distances shift by themselves; those of a worker's first seconds are let go.
        is_settled = version.sums.transactions_seen >= self.pipeline.model.half_life
        if is_settled and self.distance_monitor.is_loaded:
            n_shifts = self.distance_monitor.add(outcome.scored.distances_sq)
            self.metrics.distance_drift.inc(n_shifts)
