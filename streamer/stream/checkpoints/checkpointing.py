"""Checkpoints: what was processed becomes durable, and only then is Kafka told.

A snapshot of a partition is taken between two batches, at once and without I/O; scoring goes on while
Kafka acknowledges what was published up to it, and while it is written.  A checkpoint whose outcome is
unknown (the connection broke) is repeated as it was until Redis says that it holds: Redis applies it at
most once.

Whatever makes a worker's version a new one costs as much for one partition as for many, so that they go
together: in one step, with one version that holds what all of them have learned.

Invariants:
* A checkpoint is written only when everything published up to its snapshot has been acknowledged.
* At most one checkpoint of a partition is under way, and none is skipped.
* A partition that cannot be saved now keeps none of those from it that it would have gone with.
* No new one is written of a partition that has been dropped, or of which Kafka did not take an alert:
  its next claim does all of it again, with those alerts.
* Nothing is written of a log that is not the one that was claimed: whether it is, is asked after the
  last record was read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import structlog

from streamer.cancelling import cancel_and_wait
from streamer.errors import FencedError, UnavailableError
from streamer.store import Checkpoint
from streamer.stream.checkpoints.checkpoint_line import tell_checkpoint
from streamer.stream.checkpoints.taking import reserve, take_changed, taken
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
# Redis does a step at once, and its answer must come within the timeout: some 0.2 s for so many.
_SAVED_TOGETHER: Final = 50_000


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
            if self._is_any_due() and not await self.make_room():
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

    async def checkpoint(
        self, assigned: Assigned, within_s: float = math.inf, *along: Assigned
    ) -> bool:
        """Make the progress of partitions durable; False when that of one is not, Redis away perhaps.

        ``within_s`` bounds the wait for Kafka to acknowledge what was published; False as well.  Those
        ``along`` go in the same step; what would make it too large is left for another.
        """
        async with self._one_at_a_time:
            # Where somebody else's turn came first, a release perhaps, the partition may be another
            # worker's by now: an empty checkpoint would be refused there and end this one.
            group = [each for each in (assigned, *along) if each.has_progress]
            tracing = self._kit.tracing
            with ExitStack() as spans:
                if tracing is not None:
                    for each in group:
                        spans.enter_context(tracing.checkpoint(each))
                return await self._write(group, within_s)

    async def _write(self, group: Sequence[Assigned], within_s: float) -> bool:
        started = self._kit.clock.monotonic()
        try:
            tried = await self._take(group)
            ready = await self._ready(tried, within_s)
            if not ready:
                return not tried
            first, *along = [written for _, written in ready]
            with child("write checkpoint", "client", REDIS):
                store = self._kit.store.under(self._held.model)
                heads = await store.checkpoint(first, self._held.heads, *along)
        except UnavailableError as error:
            self._held.redis_failed(error)
            self._kit.metrics.checkpoint_failures.labels("redis").inc()
            return False
        except FencedError:
            if len(group) > 1:
                # Nothing was written, and the others have still a right to it.
                alone = [await self._write([each], within_s) for each in group if each.has_progress]
                return all(alone)
            if group[0].is_dropped:
                return False
            self._kit.metrics.checkpoint_failures.labels("fenced").inc()
            raise
        self._held.redis_answered()
        if any(written.delta.teaches for _, written in ready):
            self._kit.metrics.model_merges.inc()
        await self._held.take_up(heads)
        for each, written in ready:
            self._saved(each, written, started)
        return len(ready) == len(tried)

    async def _take(self, group: Sequence[Assigned]) -> Sequence[Assigned]:
        """Have a snapshot of each pending if possible; return those that it was tried of."""
        n_entities = 0
        for n_tried, each in enumerate(group):
            if n_entities >= _SAVED_TOGETHER:
                return group[:n_tried]
            if each.pending is None:
                await self._merge_unloaded(each)
                each.pending = await self._snapshot(each)
            if each.pending is not None:
                n_entities += sum(map(len, each.pending.entities.values()))
        return group

    async def _ready(
        self, group: Sequence[Assigned], within_s: float
    ) -> list[tuple[Assigned, Checkpoint]]:
        """Return what is pending of a group and may be written."""
        ready = []
        for each in group:
            if each.pending is not None:
                written = await self._published(each, each.pending, within_s)
                if written is not None:
                    ready.append((each, written))
        # While one was waited for, another may have been released.
        return [(each, written) for each, written in ready if not each.is_dropped]

    def _saved(self, assigned: Assigned, written: Checkpoint, started: float) -> None:
        """Note that Redis holds what was pending of a partition."""
        assigned.saved(written)
        since, assigned.checkpointed_at = assigned.checkpointed_at, self._kit.clock.monotonic()
        if not assigned.is_dropped:
            # Else it is another claim's by now, perhaps of a log that was made again.
            self._held.unsaved_since.pop(assigned.partition, None)
            if assigned.has_progress:
                self._held.unsaved_since[assigned.partition] = assigned.checkpointed_at
            self._on_durable(assigned.partition, written.next_offset)
        took_s = assigned.checkpointed_at - started
        self._kit.metrics.checkpoint_seconds.observe(took_s)
        self._kit.metrics.checkpoint_bytes.observe(written.n_bytes)
        tell_checkpoint(self._held, assigned, written, took_s, assigned.checkpointed_at - since)

    def _give_up(self, assigned: Assigned) -> None:
        """Have a partition claimed anew without what it did since its last checkpoint.

        Records of another log would be learned now, and once more after the reset.
        """
        _log.error("topic was created again", topic=assigned.topic, partition=assigned.partition)
        assigned.pending = assigned.unpublished = None
        assigned.is_set_back = True
        self._kit.publisher.expired.add(assigned.partition)

    def _is_any_due(self) -> bool:
        held, now = self._held, self._kit.clock.monotonic()
        if held.is_redis_up and held.is_due_by_count:
            return True
        interval_s = self._kit.settings.checkpoint_interval_s
        return any(
            each.has_progress
            and (each.pending is not None or now - each.checkpointed_at >= interval_s)
            for each in held.assigned.values()
        )

    async def make_room(self) -> bool:
        """Checkpoint all that has been done; False when that is not possible."""
        # What partitions have learned is added up in their order, to the last bit.
        group = [assigned for _, assigned in sorted(self._held.assigned.items())]
        return bool(group) and await self.checkpoint(group[0], math.inf, *group[1:])

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
            changed = await asyncio.to_thread(take_changed, state)
            assigned.unpublished = Unpublished(
                self._kit.publisher.last_queued, (bool(state.published), bool(state.overflowed))
            )
            return taken(self._kit, assigned, next_offset, *changed, self._held.contending)

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
