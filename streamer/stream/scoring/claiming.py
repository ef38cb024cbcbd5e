"""Claims one partition: decides where to go on, makes it this worker's, loads what was left of it.

Invariants:
* Nothing is written to Redis before it has been decided that and where to go on.
* What was lost is in the ledger, the log and the metrics at once, and in the lineage with the first
  checkpoint.  Of the feedback, which has no ledger, it is in the log and the metrics.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from faust.types import TP

from streamer.contract.messages import Source
from streamer.errors import UnavailableError
from streamer.pipeline import PartitionState
from streamer.pipeline.budgets import unpacked_budgets
from streamer.pipeline.told_cards import unpacked
from streamer.pipeline.waves import unpacked_waves
from streamer.store import Committed, LogBounds, LogIdentity, PartitionRecord
from streamer.stream.kafka.partition_log import PartitionLogs
from streamer.stream.kafka.topics import mirrors_of_all
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.partitions.worker_spans import KAFKA, REDIS
from streamer.stream.publishing.recovery import published_offsets
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.stream.scoring.resume import Resumption, resume
from streamer.telemetry.tracing import child
from streamer.verdicts import LessonRecord

__all__ = ["Claiming", "Reading"]

_log = structlog.get_logger(__name__)

# Each claim waits for Kafka in a thread of its own, a few at a time.
_N_THREADS: Final = 8
# For so long nobody asks Kafka again whether its topics are the same, once it has not answered.
_SILENT_S: Final = 5.0
# More than one request may take, less than a checkpoint may be late.
_ANSWER_WITHIN_S: Final = 15.0
_T = TypeVar("_T")


class Reading(NamedTuple):
    """Where to read a partition from, and the number that everything read there carries.

    ``told`` goes to Kafka with every offset that is committed.
    """

    offset: int
    number: int
    told: str = ""


class Claiming:
    """Claims partitions of the two input topics, whichever it is asked for."""

    def __init__(
        self, kit: Kit, held: Held, logs: PartitionLogs, read_key: Callable[[], Awaitable[None]]
    ) -> None:
        self._kit = kit
        self._read_key = read_key
        self._held = held
        self._logs = logs
        self._threads = ThreadPoolExecutor(_N_THREADS, "claim")
        self._is_closed = False
        self._numbers = count(1)
        self._silent_until = -math.inf
        self.store_id: str | None = None
        """The id of the store, once it has been asked."""
        self.feedback: dict[int, PartitionRecord] = {}
        """Partitions of the feedback that are read, as they were when claimed or last stored."""
        self.notices: list[str] = []
        """What was found lost or older than it should be, for people to read."""

    async def claim(self, topic: str, partition: int) -> Reading:
        """Claim a partition and return where to read it.

        Raises UnavailableError while Redis, Kafka or a topic is not there, PartitionFaultError when the
        log is not the one that was left.
        """
        is_feedback = topic == self._kit.settings.feedback_topic
        claim = self._claim_feedback if is_feedback else self._claim_transactions
        tracing = self._kit.tracing
        with nullcontext() if tracing is None else tracing.claim(topic, partition):
            return await claim(topic, partition)

    async def replaced_topics(self) -> set[str]:
        """Return those input topics that are other ones than their partitions were claimed on."""
        known = {(each.topic, each.log.topic_id) for each in self._held.assigned.values()}
        feedback_topic = self._kit.settings.feedback_topic
        known |= {(feedback_topic, record.log.topic_id) for record in self.feedback.values()}
        replaced = set()
        for topic, known_id in known:
            topic_id, _ = await self._ask(self._logs.topic, topic)
            if known_id and topic_id not in ("", known_id):
                replaced.add(topic)
        return replaced

    async def missing_topics(self) -> frozenset[str]:
        """Return those input topics that Kafka does not have."""
        settings = self._kit.settings
        missing = set()
        for name in (settings.transactions_topic, settings.feedback_topic):
            _, n_partitions = await self._ask(self._logs.topic, name)
            if not n_partitions:
                missing.add(name)
        return frozenset(missing)

    async def is_same_log(self, topic: str, partition: int, log: LogIdentity, offset: int) -> bool:
        """Whether all that was read from ``offset`` on, by now, is of the log that was claimed.

        A topic that has its old id now had it when that was read.  One with another id may have been
        read already, unless it is no longer than ``offset``.  True where Kafka does not say.
        """
        now = self._kit.clock.monotonic()
        if not log.topic_id or now < self._silent_until:
            return True
        try:
            # Checkpoints and verdicts wait for this: better not to know than to hold them up.
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                topic_id, _ = await self._ask(self._logs.topic, topic, 0.0)
                if topic_id in ("", log.topic_id):
                    return True
                bounds: LogBounds = await self._ask(self._logs.log, topic, partition, None)
                return bounds.end <= offset
        except (UnavailableError, TimeoutError):
            # Each answer that does not come takes seconds, and every partition asks.
            self._silent_until = self._kit.clock.monotonic() + _SILENT_S
            return True

    async def is_log_of(self, assigned: Assigned) -> bool:
        """Whether all that was read of a partition is of the log that was claimed."""
        log, saved_offset = assigned.log, assigned.saved_offset
        return await self.is_same_log(assigned.topic, assigned.partition, log, saved_offset)

    def forget_feedback(self, released: Iterable[TP]) -> None:
        """Note that those of these partitions that are the feedback's are read no more."""
        for tp in released:
            if tp.topic == self._kit.settings.feedback_topic:
                self.feedback.pop(tp.partition, None)

    def close(self) -> None:
        """Ask nothing more; who asks all the same, between two questions, is told as of an absence."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _claim_transactions(self, topic: str, partition: int) -> Reading:
        # Who has been silent may have lost the partition, and would fence whoever has it now.
        await self._held.membership.wait()
        store_id = self.store_id = await self._kit.store.identify()
        # Decided a first time on what is stored: a claim fences whoever has the partition, and is not
        # made where it would lead nowhere.
        found = await self._kit.store.partition(topic, partition)
        await self._check_mirrors(topic, partition)
        committed = await self._ask(self._logs.committed, topic, partition)
        log = await self._ask(self._logs.log, topic, partition, _wanted(found, committed))
        planned = resume(topic, partition, found, committed, log, store_id)
        read = LogIdentity(planned.epoch, log.topic_id)
        now_ms = self._kit.clock.now_ms()
        with child("claim in Redis", "client", REDIS):
            record = await self._kit.store.claim(topic, partition, self._kit.owner, now_ms, read)
        self._held.redis_answered()
        await self._read_key()  # As it is by now: its last owner may have erased a card.
        # Its last owner may have saved more since.
        log = replace(log, end=max(log.end, record.offset or 0))
        going_on = resume(topic, partition, record, committed, log, store_id)
        assigned = await self._load(topic, partition, record, log, going_on)
        # Not before, since a claim that fails is made again and would count its losses again.
        self._declare(partition, going_on)
        if going_on.next_offset is None and (assigned.state.published or assigned.state.overflowed):
            self._tell(
                f"neither Redis nor the group remembers that {topic}/{partition} was read, and there "
                "are alerts on its payments, which do not come again; were they on another topic of "
                f"this name: `streamer partition reset {partition} --topic {topic} --to beginning "
                "--again --reason TEXT`"
            )
        self._held.assigned[partition] = assigned
        _log.info(
            "partition claimed",
            partition=partition,
            offset=going_on.offset,
            generation=record.generation,
            already_published=len(assigned.state.published) + len(assigned.state.overflowed),
        )
        told = Committed(going_on.offset, store_id, going_on.epoch, log.topic_id)
        return Reading(going_on.offset, record.generation, told.metadata)

    async def _load(
        self,
        topic: str,
        partition: int,
        record: PartitionRecord,
        log: LogBounds,
        going_on: Resumption,
    ) -> Assigned:
        await self._held.take_up(await self._kit.store.heads())
        settings = self._kit.settings
        sizes = settings.cards_capacity, settings.merchants_capacity
        state = PartitionState.empty(self._kit.pipeline, *sizes, going_on.epoch)
        state.n_partitions = log.n_partitions
        state.verdicts.record = LessonRecord(settings.lessons_max_entries)
        state.next_offset = going_on.next_offset
        state.ledger = going_on.count(record.ledger)
        state.recent_alerts, state.debt = list(record.recent_alerts), record.debt
        state.budgets = unpacked_budgets(record.budgets)
        state.told = unpacked(record.told_cards)
        state.waves = unpacked_waves(record.waves)
        # What was given up is done again from here on.
        self._kit.publisher.expired.discard(partition)
        published = await self._ask(
            published_offsets,
            settings,
            Source(topic, partition, going_on.offset, going_on.epoch),
            record.alerts_position,
            record.overflow_position,
        )
        state.published, state.overflowed = published.alerts, published.overflowed
        state.published_samples = published.samples
        await self._load_verdicts(state, topic, partition, record.cursors)
        assigned = Assigned(
            topic=topic,
            partition=partition,
            state=state,
            generation=record.generation,
            start_offset=going_on.offset,
            base_offset=record.offset,
            alerts_position=record.alerts_position,
            has_stored=record.offset is not None,
            checkpointed_at=self._kit.clock.monotonic(),
            lag=max(log.end - going_on.offset, 0),
            overflow_position=record.overflow_position,
            log=LogIdentity(going_on.epoch, log.topic_id, log.end),
            losses=going_on.losses,
            told=record.ledger,
        )
        await self._held.contending.load(assigned)
        return assigned

    async def _load_verdicts(
        self, state: PartitionState, topic: str, partition: int, cursors: Mapping[str, int]
    ) -> None:
        """Load what waits for verdicts, which of them stand, and which payments have been scored."""
        state.verdicts.cursors.update(cursors)
        if state.next_offset is None:
            # Never read: the first checkpoint is what saves any of it.
            return
        for kind, load in (
            ("repeats", state.repeats.load),
            ("labels", state.verdicts.buffer.load),
            ("rulings", state.verdicts.rulings.load),
        ):
            with child(f"load {kind}", "client", REDIS):
                # Two megabytes of payments to a field: Redis has others to answer in between.
                stored = await self._kit.store.load_all(
                    topic, partition, kind, are_large=kind == "labels"
                )
            # In a thread: half a second, in which the worker's other partitions are scored.
            await asyncio.to_thread(load, stored)

    async def _claim_feedback(self, topic: str, partition: int) -> Reading:
        # Nobody is fenced here: a verdict is stored once by its offset, whoever reads it.
        self.feedback.pop(partition, None)
        record = await self._kit.store.partition(topic, partition)
        self._held.redis_answered()
        log = await self._ask(self._logs.log, topic, partition, record.offset)
        going_on = resume(topic, partition, record, None, log, "")
        self._kit.metrics.verdicts_lost.inc(sum(map(len, going_on.losses)))
        if going_on.notice:
            self._tell(going_on.notice)
        now = LogIdentity(record.log.epoch, log.topic_id, log.end)
        self.feedback[partition] = replace(record, log=now)
        return Reading(going_on.offset, next(self._numbers))

    async def _check_mirrors(self, topic: str, partition: int) -> None:
        """Raise UnavailableError where what comes of this partition has nowhere to go yet."""
        settings = self._kit.settings
        mirrors = [settings.alerts_topic, settings.overflow_topic, *mirrors_of_all(settings)]
        for name in mirrors:
            # Asked by the client that publishes, which would otherwise refuse a partition added lately.
            n_partitions = await self._ask(self._kit.publisher.n_partitions, name)
            if n_partitions <= partition:
                raise UnavailableError(
                    f"topic {name} must have at least {partition + 1} partitions, as {topic} has, "
                    f"got {n_partitions}; add partitions to it"
                )

    def _declare(self, partition: int, going_on: Resumption) -> None:
        for loss in going_on.losses:
            self._kit.metrics.records_lost.labels(str(partition), loss.cause).inc(len(loss))
        if going_on.notice:
            self._tell(going_on.notice)

    def _tell(self, notice: str) -> None:
        _log.error("not as it was left", notice=notice)
        if notice not in self.notices:
            self.notices.append(notice)

    async def _ask(self, function: Any, *args: Any) -> Any:
        if self._is_closed:
            raise UnavailableError("Kafka is asked nothing more: the worker is stopping")
        loop = asyncio.get_running_loop()
        with child(f"ask Kafka: {function.__name__}", "client", KAFKA):
            return await loop.run_in_executor(self._threads, function, *args)


def _wanted(record: PartitionRecord, committed: Committed | None) -> int | None:
    told = None if committed is None else committed.offset
    return told if record.offset is None else record.offset
