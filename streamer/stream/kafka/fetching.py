"""The thread that owns the aiokafka consumer: what it fetched, with the exact offsets that it read.

aiokafka moves a partition's position over what holds no record for a reader of committed records:
transaction markers, aborted transactions, compacted offsets.  Position before and after a fetch are
therefore what it covers, with or without a record in it, and nothing else can move the position: the
client resets no offset by itself (``none``), every seek is ours.

Invariants:
* A partition is read only between `start_reading` and `stop_reading`, a seek included; everything
  fetched carries the token of the reading that it belongs to.
* What could not be decoded is not passed over: the position goes back to before it.
* Partitions of a topic that is taken in turns (`turns`) are taken one at a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    NoError,
    RebalanceInProgressError,
)
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streamer.contract.batch import Record
from streamer.stream.kafka.fetch_state import Fetched, FetchState, fetch_state_of, standing_of
from streamer.stream.kafka.fetched_bytes import Unpacked, keep_bytes, unpack
from streamer.stream.kafka.turns import PATIENCE_S, PIECE, Standing, Turns

__all__ = ["ConsumerThread"]

_log = structlog.get_logger(__name__)

# Faust asks brokers to hold an empty fetch for 1,500 ms.  Apache Kafka answers as soon as there is a
# record, but the embedded broker lets the time pass: half of it was the alerts' median latency.
_FETCH_MAX_WAIT_MS: Final = 50
_COMMIT_WITHIN_S: Final = 5.0
# What the group answers to those that it counts as members, whose session begins anew with it.
_MEMBERS_ANSWERS: Final = {
    SyncGroupRequest: (NoError.errno,),
    HeartbeatRequest: (NoError.errno, RebalanceInProgressError.errno),
}
_REASSIGNING_S: Final = 0.05


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches only what is being read, and says what each fetch covers."""

    _in_turns_of = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Only this thread's event loop touches it.
        self._readings: dict[Any, int] = {}
        self.commit_metadata: dict[TP, str] = {}
        self._heard_at = time.monotonic()

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these; aiokafka reads them when the consumer starts.
        consumer._fetch_max_wait_ms = _FETCH_MAX_WAIT_MS
        consumer._isolation_level = "read_committed"
        consumer._auto_offset_reset = "none"
        return consumer

    async def start_reading(self, tp: TP, offset: int, reading: int) -> bool:
        """Read a partition from ``offset``; False when it is no longer assigned."""
        return bool(await self._in_thread(self._start_reading, tp, offset, reading))

    async def stop_reading(self, tps: Iterable[TP]) -> None:
        """Read these partitions no more; what has been fetched of them may still be on its way."""
        await self._in_thread(self._stop_reading, list(tps))

    def on_crash(self, _msg: str, *_fmt: Any, **_kwargs: Any) -> None:
        # Faust prints a traceback to standard error.
        _log.critical("consumer thread crashed", exc_info=True)

    async def on_start(self) -> None:
        await super().on_start()
        consumer = self._ensure_consumer()
        keep_bytes(consumer._fetcher)
        self._follow_group(consumer._coordinator)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._readings.clear()
        await super().on_partitions_revoked(revoked)

    def silent_s(self) -> float:
        """Return for how many seconds nothing was asked that the group has answered as to a member."""
        return time.monotonic() - self._heard_at

    def fetch_state(self, tp: TP, position: int) -> FetchState:
        """Return how a partition's fetches stand, with what lies beyond ``position``."""
        place, assignment = driver.ensure_aiokafka_TP(tp), self._assignment()
        state = None if assignment is None else assignment.state_value(place)
        if state is None:
            return FetchState(None, 0, is_waiting=False)
        is_waiting = place in self._ensure_consumer()._fetcher._records
        return fetch_state_of(state, position, is_waiting=is_waiting)

    def leader(self, tp: TP) -> int | None:
        """Return the broker that leads a partition; -1 for none, None where Kafka knows no such one."""
        cluster = self._ensure_consumer()._client.cluster
        leader: int | None = cluster.leader_for_partition(driver.ensure_aiokafka_TP(tp))
        return leader

    def take_in_turns(self, topic: str) -> None:
        """Take the partitions of ``topic`` in turns from now on."""
        self._turns = Turns(time.monotonic)
        self._in_turns_of = topic

    def look_again(self) -> None:
        """Have who waits for records take what there is of partitions that were left out until now."""
        # Of a consumer that has stopped the loop is closed, and nobody waits.
        with suppress(RuntimeError):
            self.thread_loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        fetcher = self._ensure_consumer()._fetcher
        for waiter in list(fetcher._fetch_waiters):
            fetcher._notify(waiter)

    async def _in_thread(self, function: Any, *args: Any) -> Any:
        async def call() -> Any:
            return function(*args)

        # Not through Faust's method queue, where a fetch or a commit may stand in front.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), self.thread_loop))

    def _start_reading(self, tp: TP, offset: int, reading: int) -> bool:
        consumer = self._ensure_consumer()
        place = driver.ensure_aiokafka_TP(tp)
        if place not in consumer.assignment():
            return False
        consumer.seek(place, offset)
        self._readings[place] = reading
        return True

    def _follow_group(self, coordinator: Any) -> None:
        """Note when the group was last asked what it answered; aiokafka keeps the time to itself."""
        send = coordinator._send_req

        async def noted(request: Any) -> Any:
            # An answer may lie in the socket for as long as the process stands still, the one that
            # brings the assignment too: by then another may have these partitions.
            asked_at = time.monotonic()
            answer = await send(request)
            if getattr(answer, "error_code", None) in _MEMBERS_ANSWERS.get(type(request), ()):
                self._heard_at = asked_at
            return answer

        coordinator._send_req = noted

    def _stop_reading(self, tps: list[TP]) -> None:
        for tp in tps:
            self._readings.pop(driver.ensure_aiokafka_TP(tp), None)

    def _assignment(self) -> Any:
        # None until the thread has started.
        subscription = None if self._consumer is None else self._consumer._subscription.subscription
        return None if subscription is None else subscription.assignment

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> dict[TP, list[Fetched]]:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            fetched = self._drain(fetcher, active_partitions, max_records)
            if fetched:
                return fetched
            if fetcher._subscriptions.reassignment_in_progress:
                await asyncio.sleep(_REASSIGNING_S)
                return {}
            waiter = fetcher._create_fetch_waiter()
            if self._in_turns_of:
                timeout = PATIENCE_S if timeout is None else min(timeout, PATIENCE_S)
            done, _ = await asyncio.wait([waiter], timeout=timeout)
            if not done:
                waiter.cancel()
                return {}
            waiter.result()  # the coordinator's fatal errors come out here
            return self._drain(fetcher, active_partitions, max_records)

    def _drain(
        self, fetcher: Any, active: set[TP], max_records: int | None
    ) -> dict[TP, list[Fetched]]:
        """Take what has been fetched of the partitions that are read, without waiting.

        At most ``max_records`` of each: counted over all of them, fetches would be cut into a large
        piece and a small one, and a batch costs more than its records do.  Of those that take turns,
        only the next one's.
        """
        assignment = self._assignment()
        if fetcher._subscriptions.reassignment_in_progress or assignment is None:
            return {}
        drained: dict[TP, list[Fetched]] = {}
        for place in list(fetcher._records):
            state = assignment.state_value(place)
            if state is None:
                del fetcher._records[place]
            elif place.topic != self._in_turns_of and place in self._readings and place in active:
                taken = self._take(fetcher, place, state, max_records)
                if taken.error is not None or taken.next > taken.first:
                    drained[place] = [taken]
        if self._in_turns_of:
            drained |= self._take_in_turn(fetcher, assignment, active, max_records)
        return drained

    def _take_in_turn(
        self, fetcher: Any, assignment: Any, active: set[TP], max_records: int | None
    ) -> dict[TP, list[Fetched]]:
        """Take the next piece of whose turn it is; nothing while it has to be waited for."""
        places = [place for place in assignment.tps if place.topic == self._in_turns_of]
        while True:
            standings = {place: self._standing(fetcher, place, active) for place in places}
            place = self._turns.next(standings)
            if place is None:
                return {}
            state = assignment.state_value(place)
            first = state.position if state.has_valid_position else 0
            left = PIECE - first % PIECE
            n_most = left if max_records is None else min(left, max_records)
            taken = self._take(fetcher, place, state, n_most)
            self._turns.took(place, taken.first, taken.next)
            if taken.error is not None or taken.next > taken.first:
                return {place: [taken]}

    def _standing(self, fetcher: Any, place: Any, active: set[TP]) -> Standing:
        if place not in self._readings:
            return Standing.AWAITED
        if place in fetcher._records:
            return Standing.READY if place in active else Standing.QUEUED
        return standing_of(self._assignment().state_value(place))

    def _take(self, fetcher: Any, place: Any, state: Any, max_records: int | None) -> Fetched:
        reading, result = self._readings[place], fetcher._records[place]
        first = state.position if state.has_valid_position else 0
        error: Exception | None = None
        records: Sequence[Record] = []
        if hasattr(result, "check_raise"):
            error = result._error
        else:
            try:
                records = _records_in(result, place, max_records)
            except Exception as broken:
                error = broken
        if error is not None:
            # A batch that broke in the middle would be taken for read up to there.
            del fetcher._records[place]
            fetcher._notify(fetcher._wait_consume_future)
            return Fetched(reading, first, first, [], error)
        if not result.has_more():
            del fetcher._records[place]
            fetcher._notify(fetcher._wait_consume_future)
        return Fetched(reading, first, state.position, records)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, or return False: Kafka is away or the partitions are; it will be tried again."""
        consumer, assigned = self._ensure_consumer(), self.assignment()
        committable = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(
                offset, self.commit_metadata.get(tp, "")
            )
            for tp, offset in offsets.items()
            if tp in assigned
        }
        if not committable:
            return False
        try:
            await asyncio.wait_for(consumer.commit(committable), _COMMIT_WITHIN_S)
        except (CommitFailedError, IllegalStateError):
            return False  # rebalanced meanwhile
        except (KafkaError, TimeoutError) as error:
            _log.warning("commit waits for Kafka", error=str(error) or type(error).__name__)
            return False
        return True


def _records_in(result: Any, place: Any, max_records: int | None) -> Sequence[Record]:
    """Return what aiokafka's ``result.getall(max_records)`` would, but columns of it where they can be.

    The rest of them takes the place of its ``PartitionRecords``.
    """
    if not result.check_assignment(place) or not result.has_more():
        return []
    rest = result._partition_records
    if not isinstance(rest, Unpacked):
        rest = unpack(rest)
        if rest is None:
            left: Sequence[Record] = result.getall(max_records)
            return left
    taken, rest = rest.split(max_records)
    result._partition_records = rest
    result._update_position()
    if not rest.records:
        result._partition_records = None
    return taken
