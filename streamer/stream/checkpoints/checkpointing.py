"""Checkpoints: what was processed becomes durable, and only then is Kafka told.

A snapshot of a partition is taken between two batches, at once and without I/O; scoring goes on while
Kafka acknowledges what was published up to it, and while it is written.  A checkpoint whose outcome is
unknown (the connection broke) is repeated as it was until Redis says that it holds: Redis applies it at
most once.

Invariants:
* A checkpoint is written only when everything published up to its snapshot has been acknowledged.
* At most one checkpoint of a partition is under way, and none is skipped.
* No new one is written of a partition that has been dropped, or of which Kafka did not take an alert:
  its next claim does all of it again, with those alerts.
* Nothing is written of a log that is not the one that was claimed: whether it is, is asked after the
  last record was read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Final

import structlog

from streamer.errors import FencedError, UnavailableError
from streamer.model import Sums
from streamer.store import Checkpoint
from streamer.stream.checkpoints.checkpoint_line import tell_checkpoint
from streamer.stream.checkpoints.taking import reserve, take_changed
from streamer.stream.kafka.cancelling import cancel_and_wait
from streamer.stream.partitions.assignments import Assigned, Unpublished
from streamer.stream.partitions.worker_spans import REDIS
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.telemetry.tracing import child

__all__ = ["Checkpointing"]

_log = structlog.get_logger(__name__)

_TICK_S: Final = 0.05
# While Redis is away, this long between attempts.
_RETRY_S: Final = 1.0
# How long partitions that are given up may wait for Kafka to acknowledge their alerts, and for Redis.
_RELEASE_WITHIN_S: Final = 10.0
# A merge takes 20 µs an entity, and nothing is scored meanwhile.
_MERGED_AT_ONCE: Final = 250


class Checkpointing:
    """Writes the checkpoints of a worker's partitions."""

    def __init__(
        self,
        kit: Kit,
        held: Held,
        claiming: Claiming,
        on_durable: Callable[[int, int], None],
    ) -> None:
        """``on_durable`` gets a partition and the offset that may now be committed to Kafka."""
        self._kit = kit
        self._held = held
        self._claiming = claiming
        self._on_durable = on_durable
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Write checkpoints as they fall due, for ever."""
        while True:
            self._kit.publisher.poll()
            for assigned in list(self._held.assigned.values()):
                if not self._is_due(assigned):
                    continue
                if not await self.checkpoint(assigned):
                    await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(_TICK_S)

    async def release(
        self, partitions: list[int], within_s: float = _RELEASE_WITHIN_S
    ) -> list[int]:
        """Checkpoint and drop partitions; return those that were dropped without their checkpoint.

        Where Redis is away the state is dropped all the same: the next owner processes those
        records again, from the last checkpoint, and finds their alerts on the topic.  All of it takes
        ``within_s`` at most.
        """
        held = self._held
        async with held.lock:
            # From here on no batch of these partitions is processed any more.
            released = [held.assigned.pop(p) for p in partitions if p in held.assigned]
        try:
            await self._save_all(released, within_s)
            left = [assigned.partition for assigned in released if assigned.has_progress]
        finally:
            for assigned in released:
                # A checkpoint of it may still be waiting its turn, or for Kafka.
                assigned.is_dropped = True
                # A claim that was quick may have it already.
                if assigned.partition not in held.assigned:
                    self._kit.publisher.forget(assigned.partition)
        if left:
            _log.warning("partitions released without a checkpoint", partitions=left)
        return left

    async def _save_all(self, released: list[Assigned], within_s: float) -> None:
        saving = [asyncio.ensure_future(self._save(assigned, within_s)) for assigned in released]
        if not saving:
            return
        _, late = await asyncio.wait(saving, timeout=within_s)
        await cancel_and_wait(late)
        for task in saving:
            if not task.cancelled():
                task.result()

    async def _save(self, assigned: Assigned, within_s: float) -> None:
        while assigned.has_progress:
            if not await self.checkpoint(assigned, within_s):
                return

    async def checkpoint(self, assigned: Assigned, within_s: float = math.inf) -> bool:
        """Make a partition's progress durable; False when Redis is away.

        ``within_s`` bounds the wait for Kafka to acknowledge what was published; False as well.
        """
        async with self._one_at_a_time:
            if not assigned.has_progress:
                # Somebody else's turn came first, a release perhaps, whose partition may be another
                # worker's by now: an empty checkpoint would be refused there and end this one.
                return True
            tracing = self._kit.tracing
            with nullcontext() if tracing is None else tracing.checkpoint(assigned):
                return await self._write(assigned, within_s)

    async def _write(self, assigned: Assigned, within_s: float) -> bool:
        started = self._kit.clock.monotonic()
        try:
            if assigned.pending is None:
                await self._merge_unloaded(assigned)
                assigned.pending = await self._snapshot(assigned)
                if assigned.pending is None:
                    return False
            written = await self._published(assigned, assigned.pending, within_s)
            if written is None:
                return False
            with child("write checkpoint", "client", REDIS):
                head = await self._kit.store.checkpoint(written, self._held.head)
        except UnavailableError as error:
            self._held.redis_failed(error)
            self._kit.metrics.checkpoint_failures.labels("redis").inc()
            return False
        except FencedError:
            if assigned.is_dropped:
                return False
            self._kit.metrics.checkpoint_failures.labels("fenced").inc()
            raise
        self._held.redis_answered()
        if written.delta.teaches:
            self._kit.metrics.model_merges.inc()
        self._held.adopt(head)
        assigned.pending = None
        assigned.has_stored = True
        assigned.base_offset = written.next_offset
        assigned.alerts_position = written.alerts_position
        assigned.overflow_position = written.overflow_position
        since, assigned.checkpointed_at = assigned.checkpointed_at, self._kit.clock.monotonic()
        if not assigned.is_dropped:
            # Else it is another claim's by now, perhaps of a log that was made again.
            self._note_saved(assigned, written.next_offset)
        took_s = assigned.checkpointed_at - started
        self._kit.metrics.checkpoint_seconds.observe(took_s)
        self._kit.metrics.checkpoint_bytes.observe(written.n_bytes)
        tell_checkpoint(self._held, assigned, written, took_s, assigned.checkpointed_at - since)
        return True

    def _note_saved(self, assigned: Assigned, next_offset: int) -> None:
        unsaved_since = self._held.unsaved_since
        unsaved_since.pop(assigned.partition, None)
        if assigned.has_progress:
            unsaved_since[assigned.partition] = assigned.checkpointed_at
        self._on_durable(assigned.partition, next_offset)

    def _give_up(self, assigned: Assigned) -> None:
        """Have a partition claimed anew without what it did since its last checkpoint.

        Records of another log would be learned now, and once more after the reset.
        """
        _log.error("topic was created again", topic=assigned.topic, partition=assigned.partition)
        assigned.pending = assigned.unpublished = None
        assigned.is_set_back = True
        self._kit.publisher.expired.add(assigned.partition)

    def _is_due(self, assigned: Assigned) -> bool:
        if not assigned.has_progress:
            return False
        age_s = self._kit.clock.monotonic() - assigned.checkpointed_at
        if age_s >= self._kit.settings.checkpoint_interval_s or assigned.pending is not None:
            return True
        if not self._held.is_redis_up or self._held.n_unmerged < self._held.delta_limit:
            return False
        return assigned is self._largest()

    def _largest(self) -> Assigned:
        return max(self._held.assigned.values(), key=lambda a: a.state.delta.transactions_seen)

    async def make_room(self) -> bool:
        """Checkpoint the partition that has most to merge; False when that is not possible."""
        return bool(self._held.assigned) and await self.checkpoint(self._largest())

    async def _snapshot(self, assigned: Assigned) -> Checkpoint | None:
        """Take what has been processed out of the state; None while that would not be all of it.

        Nothing is scored meanwhile, so nothing is waited for.
        """
        await asyncio.to_thread(reserve, assigned.state)
        async with self._held.lock:
            if assigned.is_dropped:
                return None
            if any(table.unloaded for table in assigned.state.tables.all()):
                # Redis went away again: written like this, they would replace what is stored of them.
                return None
            state = assigned.state
            next_offset = state.next_offset
            assert next_offset is not None  # noqa: S101 - there is progress
            # In a thread: a million cards take seconds, in which the worker has others to answer.
            entities, removed = await asyncio.to_thread(take_changed, state)
            delta, state.delta = state.delta, Sums.zero(self._kit.pipeline.model)
            losses, assigned.losses = assigned.losses, ()
            assigned.unpublished = Unpublished(
                self._kit.publisher.last_queued, (bool(state.published), bool(state.overflowed))
            )
            return Checkpoint(
                topic=assigned.topic,
                partition=assigned.partition,
                generation=assigned.generation,
                base_offset=assigned.base_offset,
                next_offset=next_offset,
                ledger=state.ledger,
                alerts_position=assigned.alerts_position,
                delta=delta,
                entities=entities,
                removed=removed,
                cursors=dict(state.verdicts.cursors),
                owner=self._kit.owner,
                now_ms=self._kit.clock.now_ms(),
                overflow_position=assigned.overflow_position,
                recent_alerts=tuple(state.recent_alerts),
                debt=state.debt,
                log=assigned.log,
                losses=losses,
            )

    async def _published(
        self, assigned: Assigned, pending: Checkpoint, within_s: float
    ) -> Checkpoint | None:
        """Return what is pending once it may be written, with its positions; None while it may not."""
        publisher, unpublished = self._kit.publisher, assigned.unpublished
        if unpublished is None:
            return pending
        try:
            with child("wait for Kafka"):
                await publisher.flush(within_s, unpublished.until)
        except UnavailableError as error:
            self._kit.metrics.checkpoint_failures.labels("kafka").inc()
            _log.error("checkpoint waits for Kafka", error=str(error))
            return None
        if not await self._claiming.is_log_of(assigned):
            self._give_up(assigned)
            return None
        if assigned.is_dropped or assigned.partition in publisher.expired:
            # Not all of its alerts went out: it is released, and done again.
            return None
        alerts_position, overflow_position = publisher.places.positions(
            assigned.partition,
            pending.next_offset,
            (assigned.alerts_position, assigned.overflow_position),
            unpublished.is_waiting,
        )
        written = replace(
            pending, alerts_position=alerts_position, overflow_position=overflow_position
        )
        assigned.pending, assigned.unpublished = written, None
        return written

    async def _merge_unloaded(self, assigned: Assigned) -> None:
        """Merge entities that began without what is stored of them, while Redis was away.

        A piece at a time: after a long outage it may be every card there is, and nothing is scored
        while one is merged.
        """
        for table in assigned.state.tables.all():
            kind, waiting = table.kind.name, table.unloaded
            for first in range(0, len(waiting), _MERGED_AT_ONCE):
                piece = waiting[first : first + _MERGED_AT_ONCE]
                stored = await self._kit.store.load_entities(
                    assigned.topic, assigned.partition, {kind: piece}
                )
                async with self._held.lock:
                    # One that went meanwhile may have come back with what is stored of it.
                    left = stored[kind].keys() & table.unloaded
                    table.load({key: stored[kind][key] for key in piece if key in left})
                await asyncio.sleep(0)
