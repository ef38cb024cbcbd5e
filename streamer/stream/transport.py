"""A Faust transport whose messages are batches: one per partition and fetch.

Stock Faust hands an agent one event at a time, about 12,000 a second before any work is done.  The
aiokafka client beneath it already holds whole fetches; this driver passes them on as they are, so
that Python runs per batch.  Assignment, rebalance, flow control and supervision stay Faust's.

Invariants:
* A batch's message offset is the last that it covers, and it carries the current generation: a stream
  passes over messages of an older one.
* The offset committed to Kafka is the one that the app has declared durable, never what Faust has
  merely seen acknowledged: Faust would fill the gaps between batch offsets on its own account.
* Nobody but the app says where a partition is read from (`Consumer.start_reading`); until then it is
  not read.

Registered through the entry point ``faust.transports``; the broker URL is ``streamer://host:port``.
Considered and not taken: `Stream.take`, which batches after the per-event cost has been paid.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final, NamedTuple

import faust
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streamer.contract.batch import Batch
from streamer.stream.kafka.fetch_state import Fetched, FetchState
from streamer.stream.kafka.fetching import ConsumerThread

__all__ = ["SCHEME", "BatchSchema", "Consumer", "NoTables", "ReadBatch", "Transport"]

SCHEME: Final = "streamer"
# Kafka's code for "timestamp set by the producer"; Faust wants one and nothing here reads it.
_CREATE_TIME: Final = 0


class ReadBatch(NamedTuple):
    """A batch and the reading that it was fetched in: after a seek, older ones are void."""

    batch: Batch
    reading: int


class BatchSchema(faust.Schema):
    """Passes a `ReadBatch` through as it is; the default codecs would fail on it, and quietly."""

    def loads_key(self, *_: Any, **__: Any) -> None:
        return None

    def loads_value(self, _: Any, message: Any, **__: Any) -> Any:
        return message.value


class Consumer(driver.Consumer):
    """Faust's aiokafka consumer, in batches and with offsets that the app declares durable."""

    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.durable: dict[TP, int] = {}
        self._told: dict[TP, int] = {}
        self.on_fetch_error: Callable[[TP, int, Exception], None] = lambda *_: None

    async def start_reading(self, tp: TP, offset: int, reading: int) -> bool:
        """Read a partition from ``offset`` on; False when it is no longer assigned."""
        # Faust drops what lies before the last offset that it has seen.
        self._read_offset[tp] = None
        return await self._thread.start_reading(tp, offset, reading)

    async def stop_reading(self, tps: Iterable[TP]) -> None:
        """Read these partitions no more."""
        await self._thread.stop_reading(tps)

    def fetch_state(self, tp: TP, position: int) -> FetchState:
        """Return how a partition's fetches stand, with what lies beyond ``position``."""
        return self._thread.fetch_state(tp, position)

    def leader(self, tp: TP) -> int | None:
        """Return the broker that leads a partition; -1 for none, None where Kafka knows no such one."""
        return self._thread.leader(tp)

    def silent_s(self) -> float:
        """Return for how many seconds the group has not answered this worker."""
        return self._thread.silent_s()

    def on_buffer_drop(self, tp: TP) -> None:
        super().on_buffer_drop(tp)
        # Faust asks for records without those partitions whose batches wait here, and for a second at
        # most: who is waiting by now does not know of this one.
        self._thread.look_again()

    def take_in_turns(self, topic: str) -> None:
        """Take the partitions of ``topic`` in turns from now on (`streamer.stream.kafka.turns`)."""
        self._thread.take_in_turns(topic)

    def name_store(self, tp: TP, metadata: str) -> None:
        """Commit ``metadata`` with every offset of a partition from now on."""
        self._thread.commit_metadata[tp] = metadata

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        fetched = await super()._getmany(active_partitions, timeout)
        now_ms = time.time_ns() // 1_000_000
        batches: dict[TP, list[ReadBatch]] = {}
        for tp, [part] in fetched.items():
            if part.error is not None:
                self.on_fetch_error(tp, part.reading, part.error)
                continue
            batches[tp] = [_read_batch(tp, part, now_ms)]
        return batches

    def _to_message(self, tp: TP, read: ReadBatch) -> ConsumerMessage:
        batch = read.batch
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            # Faust passes over what lies before the last offset that it has seen of a partition.
            batch.next_offset - 1,
            batch.received_at_ms / 1000,
            _CREATE_TIME,
            # Headers, key, checksum and sizes are a record's; the batch has many of each.
            None,
            None,
            read,
            None,
            0,
            0,
            tp,
            # A message without it is of no generation, and a stream skips that without a word.
            generation_id=self.app.consumer_generation_id,
        )

    async def perform_seek(self) -> None:
        """Leave every partition where it is: it is read once the app has claimed it."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets between two batches are records of a batch, not gaps."""

    async def force_commit(
        self, topics: Iterable[Any] | None = None, start_new_transaction: bool = True
    ) -> bool:
        """Commit what has become durable; what Faust has seen acknowledged is of no interest."""
        del start_new_transaction
        # Faust adds to them with every message; what takes them off is its commit, which this replaces.
        self._acked.clear()
        self._acked_index.clear()
        due = {
            tp: offset
            for tp, offset in self.durable.items()
            if self._told.get(tp) != offset
            and (topics is None or tp in topics or tp.topic in topics)
        }
        if not due or not await self._commit(due):
            return False
        self._told.update(due)
        return True

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.durable.pop(tp, None)
            self._told.pop(tp, None)


class NoTables(TableManager):
    """Faust's tables, of which there are none: it gives them a second to be added at each start."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class Transport(driver.Transport):
    """The aiokafka transport with the batching `Consumer`."""

    Consumer: ClassVar[type[Consumer]] = Consumer


def _read_batch(tp: TP, part: Fetched, now_ms: int) -> ReadBatch:
    covers = (part.first, part.next)
    return ReadBatch(Batch(tp.topic, tp.partition, part.records, now_ms, covers), part.reading)
