"""The edge around the pipeline: batches arrive, outcomes are published.

Invariants:
* Batches of a partition are processed one at a time, in order, each where the one before it ended; a
  batch of an older reading of the partition is not processed at all.
* Between assignment and release a partition's state is this worker's alone; release checkpoints it.
* Redis being away stops neither scoring nor alerting: entities that cannot be looked up begin anew
  and are merged with what is stored once it answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from streamer.cancelling import uninterrupted
from streamer.contract.batch import Batch
from streamer.contract.messages import Alert
from streamer.errors import InvariantError, UnavailableError
from streamer.features import EntityTable
from streamer.model import Scorer
from streamer.pipeline import Outcome, Prepared, prepare, process_in_steps
from streamer.stream.kafka.known_schemas import KnownSchemas
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.partitions.counting import count_outcome
from streamer.stream.partitions.laps import Laps
from streamer.stream.partitions.limits import count_limits
from streamer.stream.partitions.worker_spans import REDIS, BatchTrace
from streamer.stream.scoring.contending import MainClock
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.stream.scoring.watched import count_scored
from streamer.telemetry.tracing import child

__all__ = ["Scoring"]

_log = structlog.get_logger(__name__)


class Scoring:
    """What one worker does with the batches of the transactions topic."""

    def __init__(
        self,
        kit: Kit,
        held: Held,
        make_room: Callable[[], Awaitable[bool]],
        schemas: KnownSchemas | None = None,
        shown: Callable[[Alert], Alert] = lambda alert: alert,
    ) -> None:
        """``make_room`` checkpoints all that has been done; False when it cannot.

        ``schemas`` are the registry's, if there is one; ``shown`` returns an alert as others see it.
        """
        self._shown = shown
        self._kit = kit
        self._held = held
        self._make_room = make_room
        self._schemas = schemas
        self._laps = Laps(kit.metrics, kit.clock.monotonic)

    async def handle(self, batch: Batch, reading: int) -> UnavailableError | None:
        """Score one batch and queue what came of it for publication.

        ``reading`` is the generation of the claim under which the batch was fetched.  Returns why the
        partition has to be read again from where it was, while others go on; None when it has not.

        While the model is young, or checkpoints do not keep up, a batch is scored in pieces with a
        checkpoint between them: the threshold would otherwise lag behind what it is to keep to.  With
        STREAMER_REPRODUCIBLE it always is: what a version has learned, and what it scores, is then a
        matter of payments, not of the clock.
        """
        held = self._held
        if self._schemas is not None:
            try:
                await self._schemas.prepare(batch)
            except UnavailableError as error:
                assigned = held.assigned.get(batch.partition)
                if assigned is not None and assigned.generation == reading:
                    assigned.is_set_back = True
                return error
        rest: Batch | None = batch
        while rest is not None:
            part = next(rest.parts(held.next_piece))
            rest = rest.starting_at(part.next_offset)
            # Without the lock: a partition can be released while Kafka is away.
            await self._kit.publisher.wait_for_room()
            await held.membership.wait()
            await self._handle(part, reading)
            limit = held.max_unmerged
            while held.is_redis_up and held.n_unmerged >= limit:
                if not await self._make_room():
                    break
        return None

    async def _handle(self, batch: Batch, reading: int) -> None:
        async with self._held.lock:
            assigned = self._held.assigned.get(batch.partition)
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
            if self._kit.tracing is None:
                await self._score(fresh, assigned, None)
                return
            with self._kit.tracing.batch(fresh) as trace:
                await self._score(fresh, assigned, trace)
            self._kit.tracing.processed(fresh, trace)

    async def _score(self, batch: Batch, assigned: Assigned, trace: BatchTrace | None) -> None:
        laps = self._laps
        laps.begin(trace)
        clock = MainClock() if assigned.shadows else None
        prepared = prepare(batch, self._kit.pipeline, assigned.state)
        laps("decode")
        was_blown = assigned.state.is_fuse_blown
        if clock is not None:
            clock.stop()
        await self._look_up(assigned, prepared)
        laps("look_up")
        beside = None
        if clock is not None:
            clock.start()
            beside = self._held.contending.beside(assigned, clock)
        version, mode = self._held.version_of(assigned.partition), self._held.mode
        side = self._held.side_of(assigned.partition)
        steps = process_in_steps(
            prepared,
            assigned.state,
            version,
            self._kit.pipeline,
            now_ms=self._kit.clock.now_ms(),
            mode=mode,
            lap=laps,
            beside=beside,
        )
        # Half of a batch is learned by now, and none of it accounted for.
        outcome = await uninterrupted(steps)
        if clock is not None:
            self._held.contending.count_main(assigned, clock)
        if trace is not None:
            trace.scored(outcome, version.id, mode)
        if not self._publish(batch, outcome, trace):
            # It took too long, or the process stood still: another may have scored it since.
            self._kit.publisher.expire(batch.partition)
            return
        if assigned.state.is_fuse_blown and not was_blown:
            _log.error("alerts beyond twice the budget are held back", partition=batch.partition)
        laps("publish")
        now = laps.end()
        self._held.unsaved_since.setdefault(batch.partition, now)
        count_scored(assigned, side, outcome, laps.batch_s)
        self._count(batch, outcome, assigned, version, now)

    async def _look_up(self, assigned: Assigned, prepared: Prepared) -> None:
        """Load the entities of a batch that the tables do not hold."""
        tables = assigned.state.tables
        is_complete = not assigned.has_stored and not any(t.n_evicted for t in tables.all())
        if prepared.columns is None or is_complete:
            return
        # What cards spend in other currencies is known to be wanted once they are there.
        for _ in range(2):
            wanted = tables.unknown(prepared.columns)
            rest = assigned.load_pending(wanted)
            if not wanted or (rest and not await self._load(assigned, rest)):
                return

    async def _load(self, assigned: Assigned, unknown: Mapping[EntityTable, list[str]]) -> bool:
        """Load entities; False while Redis is away, and then they wait for it."""
        names = {table.kind.name: keys for table, keys in unknown.items()}
        n_names = sum(map(len, names.values()))
        if self._held.is_redis_up:
            try:
                with child("load entities", "client", REDIS | {"streamer.entities": n_names}):
                    stored = await self._kit.store.load_entities(
                        assigned.topic, assigned.partition, names
                    )
            except UnavailableError as error:
                self._held.redis_failed(error)
            else:
                self._held.redis_answered()
                assigned.state.tables.load(stored)
                return True
        assigned.state.tables.mark_unloaded(names)
        return False

    def _publish(self, batch: Batch, outcome: Outcome, trace: BatchTrace | None) -> bool:
        """Queue what came of a batch; False as soon as this worker may not publish any more."""
        settings, publisher = self._kit.settings, self._kit.publisher
        for alerts, publish, topic in (
            (outcome.alerts, publisher.publish_alert, settings.alerts_topic),
            (outcome.overflow, publisher.publish_overflow, settings.overflow_topic),
        ):
            for alert in alerts:
                if not self._held.membership.is_heard:
                    return False
                offset = alert.source.offset
                record = batch.record_at(offset)
                sent = None if trace is None else trace.message(record, topic, alert.alert_id)
                told = outcome.places[offset], batch.received_at_ms
                publish(self._shown(alert), record.timestamp, *told, trace=sent)
        for letter in outcome.dead_letters:
            publisher.publish_dead_letter(letter, batch, trace)
        for item in outcome.scores:
            publisher.publish_score(item)
        for row in outcome.features:
            publisher.publish_score(row)
        publisher.poll()
        return True

    def _count(
        self,
        batch: Batch,
        outcome: Outcome,
        assigned: Assigned,
        version: Scorer,
        now_s: float,
    ) -> None:
        count_outcome(self._kit.metrics, batch, outcome)
        count_limits(assigned.state, self._kit.metrics)
        self._held.dead_letter_log.add(outcome.dead_letters, batch)
        if outcome.scored is None or version.id != self._held.version.id:
            return
        self._held.center_watch.add(version, outcome.scored, now_s)
        # A young model's distances shift by themselves.
        if version.sums.transactions_seen >= self._kit.pipeline.model.half_life:
            n_shifts = self._held.distance_monitor.add(outcome.scored.distances_sq)
            self._kit.metrics.distance_drift.inc(n_shifts)
