"""Partitions whose batches wait to be scored are left out of a fetch, and no longer than that."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, Final

from faust.types import TP

from streamer.stream.kafka.fetching import ConsumerThread
from streamer.stream.transport import Consumer
from tests.rig.waiting import DEADLINE_S
from tests.stream.test_fetched_bytes import PLACE, Fetch, Lot, Row, fetch_of, result_of

LEFT_OUT: Final = TP(PLACE.topic, PLACE.partition)
OTHER: Final = TP("fraud-feedback", 0)
# Who waits for as long has not been woken.
FOR_EVER_S: Final = 86_400.0


class Fetcher:
    """Passes for aiokafka's: one partition's records are there, and nothing else comes."""

    _closed = False

    def __init__(self) -> None:
        result, self.state = result_of(Fetch(fetch_of([Lot((Row(), Row()))])))
        self.state.has_valid_position = True  # type: ignore[attr-defined]
        self._records = {PLACE: result}
        self.is_waited_for = asyncio.Event()
        self._fetch_waiters: set[asyncio.Future[None]] = set()
        self._wait_consume_future = None
        assignment = SimpleNamespace(state_value=lambda _: self.state)
        self._subscriptions = SimpleNamespace(
            fetch_context=nullcontext,
            reassignment_in_progress=False,
            subscription=SimpleNamespace(assignment=assignment),
        )

    def _create_fetch_waiter(self) -> asyncio.Future[None]:
        waiter = asyncio.get_running_loop().create_future()
        self._fetch_waiters.add(waiter)
        self.is_waited_for.set()
        return waiter

    def _notify(self, future: asyncio.Future[None] | None) -> None:
        if future is not None and not future.done():
            future.set_result(None)


def consumer_of(fetcher: Fetcher) -> Consumer:
    """A consumer that reads a partition and has left it out, its thread's loop being this one."""
    thread: Any = ConsumerThread.__new__(ConsumerThread)
    thread.thread_loop = asyncio.get_running_loop()
    thread.consumer = SimpleNamespace(flow_active=True)
    thread._consumer = SimpleNamespace(
        _fetcher=fetcher, _closed=False, _subscription=fetcher._subscriptions
    )
    thread._readings = {PLACE: 1}
    consumer: Any = Consumer.__new__(Consumer)
    consumer._thread = thread
    consumer._active_partitions, consumer._buffered_partitions = {OTHER}, {LEFT_OUT}
    return consumer


def test_a_partition_that_is_asked_for_again_is_not_waited_for_until_others_have_records() -> None:
    """Else its payments lie there for up to a second, since nothing is fetched beside them."""

    async def scenario() -> None:
        fetcher = Fetcher()
        consumer = consumer_of(fetcher)
        thread = consumer._thread
        asked = consumer._get_active_partitions()
        polling = asyncio.ensure_future(
            thread._fetch_records(thread._consumer, asked, timeout=FOR_EVER_S)
        )
        await asyncio.wait_for(fetcher.is_waited_for.wait(), DEADLINE_S)
        assert PLACE in fetcher._records
        consumer.on_buffer_drop(LEFT_OUT)
        fetched = await asyncio.wait_for(polling, DEADLINE_S)
        assert [(place, part.first, part.next) for place, [part] in fetched.items()] == [
            (PLACE, 100, 102)
        ]

    asyncio.run(scenario())


def test_who_asks_a_consumer_that_has_stopped_is_not_disturbed() -> None:
    """Batches that wait here are gone through after the consumer's thread has ended."""
    thread: Any = ConsumerThread.__new__(ConsumerThread)
    thread.thread_loop = asyncio.new_event_loop()
    thread.thread_loop.close()
    thread.look_again()
