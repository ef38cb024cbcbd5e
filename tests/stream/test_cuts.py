"""Where versions are cut: after as many payments as are due, whatever batches brought them."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from aiokafka.structs import TopicPartition

from streamer.contract.batch import Batch
from streamer.stream.app import build_app
from streamer.stream.kafka.fetching import ConsumerThread
from tests.stream.conftest import MakeService
from tests.stream.test_fetched_bytes import PLACE, Fetch, Lot, Row, State, fetch_of, result_of
from tests.stream.test_waiting_checkpoints import FakeConsumer, payments

OTHER = TopicPartition(PLACE.topic, 1)


def test_a_version_has_as_many_payments_as_are_due_though_a_batch_brings_more(
    make_service: MakeService,
) -> None:
    """Hand-worked, due every 500: of 300, 300 and 600 the second is cut at 200, the third at 400."""
    service = make_service(
        checkpoint_max_transactions="500",
        batch_max_records="500",
        checkpoint_interval_s="3600",
        reproducible="true",
    )

    async def score() -> None:
        app = build_app(service.settings)
        app.consumer = FakeConsumer()
        readings = {}
        for partition in (1, 0):
            claimed = await app.claiming.claim(service.settings.transactions_topic, partition)
            readings[partition] = claimed.number
        seen = []
        for partition, first, n in ((0, 0, 300), (1, 0, 300), (0, 300, 600)):
            fetched = payments(service, n, first)
            batch = Batch(fetched.topic, partition, fetched.records, fetched.received_at_ms)
            await app.scoring.handle(batch, readings[partition])
            seen.append((app.held.version.sums.transactions_seen, app.held.n_unmerged))
        assert seen == [(0, 300), (500, 100), (1_000, 200)]
        head = await app.store.head()
        assert head.id == app.held.version.id
        newest, *_ = await app.store.lineage(1)
        assert newest["partition"].split() == [
            f"{service.settings.transactions_topic}/{partition}" for partition in (0, 1)
        ]
        await app.store.close()

    asyncio.run(score())


class Broker:
    """Passes for a fetcher that has ``fetched`` some partitions' records, and knows logs' ends."""

    def __init__(self, fetched: dict[Any, Any], states: dict[Any, State], ends: dict[Any, int]):
        self._records = fetched
        self._fetch_waiters: set[Any] = set()
        self._wait_consume_future = None
        for place, state in states.items():
            kafkas: Any = state
            kafkas.has_valid_position, kafkas.lso, kafkas.highwater = True, None, ends[place]
        assignment = SimpleNamespace(tps=set(states), state_value=states.get)
        self._subscriptions = SimpleNamespace(
            fetch_context=nullcontext,
            reassignment_in_progress=False,
            subscription=SimpleNamespace(assignment=assignment),
        )

    def _notify(self, _: Any) -> None: ...


def thread_of(broker: Broker) -> Any:
    thread: Any = ConsumerThread.__new__(ConsumerThread)
    thread.take_in_turns(PLACE.topic)
    thread._consumer = SimpleNamespace(_fetcher=broker, _subscription=broker._subscriptions)
    thread._readings = {PLACE: 1, OTHER: 1}
    return thread


def test_a_partition_that_was_fetched_first_waits_for_its_turn_unless_the_other_is_at_its_end() -> (
    None
):
    """Which of two fetches is answered first would else decide what the next version has learned."""
    result, state = result_of(Fetch(fetch_of([Lot((Row(), Row()))])))
    # By number the other one comes behind: this one has had its turn.
    states = {PLACE: state, OTHER: State(7)}
    broker = Broker({PLACE: result}, states, {PLACE: 102, OTHER: 9})
    thread = thread_of(broker)
    thread._turns.took(PLACE, 0, 4_000)
    assert thread._drain(broker, set(states), 4_000) == {}
    states[OTHER].position = 9
    drained = thread._drain(broker, set(states), 4_000)
    assert [(place, part.first, part.next) for place, [part] in drained.items()] == [
        (PLACE, 100, 102)
    ]


def test_a_turn_ends_where_its_piece_of_the_log_does_and_not_where_a_fetch_does() -> None:
    """Offsets from 3,999 on: the first is the last of its piece, so the rest waits for another turn."""
    fetch = Fetch(fetch_of([Lot((Row(), Row(), Row()))], base=3_999), first=3_999)
    result, state = result_of(fetch)
    states = {PLACE: state, OTHER: State(7)}
    broker = Broker({PLACE: result}, states, {PLACE: 4_002, OTHER: 9})
    thread = thread_of(broker)
    drained = thread._drain(broker, set(states), 4_000)
    assert [(part.first, part.next) for [part] in drained.values()] == [(3_999, 4_000)]
    assert thread._drain(broker, set(states), 4_000) == {}
