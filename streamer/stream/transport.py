"""A Faust transport whose messages are batches: one per partition and fetch.

Stock Faust hands an agent one event at a time, about 12,000 a second before any work is done.  The
aiokafka client beneath it already holds whole fetches; this driver passes them on as they are, so
that Python runs per batch.  Assignment, rebalance, flow control and supervision stay Faust's.

Invariants:
* A batch's message offset is its last record's, and it carries the current generation: a stream
  passes over messages of an older one.
* The offset committed to Kafka is the one that the app has declared durable, never what Faust has
  merely seen acknowledged: Faust would fill the gaps between batch offsets on its own account.
* After a rebalance reading goes on where the checkpoints say, not where Kafka's group does.

Registered through the entry point ``faust.transports``; the broker URL is ``streamer://host:port``.
Considered and not taken: `Stream.take`, which batches after the per-event cost has been paid.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streamer.batch import Batch

__all__ = ["SCHEME", "BatchSchema", "Consumer", "Transport"]

SCHEME: Final = "streamer"
# Kafka's code for "timestamp set by the producer"; Faust wants one and nothing here reads it.
_CREATE_TIME: Final = 0
# Faust asks brokers to hold an empty fetch for 1,500 ms.  Apache Kafka answers as soon as there is a
# record, but the embedded broker lets the time pass: half of it was the alerts' median latency.
_FETCH_MAX_WAIT_MS: Final = 50


class BatchSchema(faust.Schema):
    """Passes a `Batch` through as it is; the default codecs would fail on it, and quietly."""

    def loads_key(self, *_: Any, **__: Any) -> None:
        return None

    def loads_value(self, _: Any, message: Any, **__: Any) -> Any:
        return message.value


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no setting for it; aiokafka reads it when the consumer starts.
        consumer._fetch_max_wait_ms = _FETCH_MAX_WAIT_MS
        return consumer


class Consumer(driver.Consumer):
    """Faust's aiokafka consumer, in batches and with offsets that the app declares durable."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.durable: dict[TP, int] = {}

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        fetched = await super()._getmany(active_partitions, timeout)
        now_ms = time.time_ns() // 1_000_000
        return {
            tp: [Batch(tp.topic, tp.partition, records, now_ms)]
            for tp, records in fetched.items()
            if records
        }

    def _to_message(self, tp: TP, batch: Batch) -> ConsumerMessage:
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            batch.next_offset - 1,
            batch.received_at_ms / 1000,
            _CREATE_TIME,
            None,
            None,
            batch,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def perform_seek(self) -> None:
        """Seek every partition to its checkpoint, or where there is none to Kafka's offset."""
        await super().perform_seek()
        positions = await self.app.positions(self.assignment())
        if positions:
            await self.seek_wait(positions)
            self._read_offset.update(positions)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets between two batches are records of a batch, not gaps."""

    def _filter_tps_with_pending_acks(self, topics: Iterable[Any] | None = None) -> Iterator[TP]:
        return iter(
            [tp for tp in self.durable if topics is None or tp in topics or tp.topic in topics]
        )

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.durable.get(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.durable.pop(tp, None)

    def lags(self, positions: Mapping[TP, int]) -> dict[TP, int]:
        """Return how many records lie beyond each position, where the broker has said so."""
        assigned = self.assignment()
        highwaters = {tp: self.highwater(tp) for tp in positions if tp in assigned}
        return {
            tp: max(highwater - positions[tp], 0)
            for tp, highwater in highwaters.items()
            if highwater is not None
        }


class Transport(driver.Transport):
    """The aiokafka transport with the batching `Consumer`."""

    Consumer: ClassVar[type[Consumer]] = Consumer
