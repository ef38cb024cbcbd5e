"""Who may claim a partition, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

from faust.types import TP

from streamer.batch import Batch
from streamer.stream.app import build_app
from tests.builders import batch, payment
from tests.stream.harness import Service

MakeService = Callable[..., Service]


def test_a_partition_asked_for_twice_at_once_is_claimed_once(make_service: MakeService) -> None:
    """Faust does ask twice after a rebalance; a second claim would fence the first."""
    service = make_service()
    app = build_app(service.settings)
    topic = service.settings.transactions_topic
    places = {TP(topic, 0), TP(topic, 1)}
    app.consumer = SimpleNamespace(assignment=lambda: places)

    async def ask() -> None:
        await asyncio.gather(app.positions(places), app.positions(places))
        await app.store.close()

    asyncio.run(ask())
    stored = service.ask(lambda store: store.partitions())
    assert {place: record.generation for place, record in stored.items()} == {
        (topic, 0): 1,
        (topic, 1): 1,
    }
    assert {p: assigned.generation for p, assigned in app.scoring.assigned.items()} == {0: 1, 1: 1}


def test_a_partition_that_was_taken_away_meanwhile_is_not_claimed(
    make_service: MakeService,
) -> None:
    """A claim then would fence its new owner."""
    service = make_service()
    app = build_app(service.settings)
    app.consumer = SimpleNamespace(assignment=set)

    async def ask() -> dict[TP, int]:
        try:
            return await app.positions({TP(service.settings.transactions_topic, 0)})
        finally:
            await app.store.close()

    assert asyncio.run(ask()) == {}
    assert service.ask(lambda store: store.partitions()) == {}
    assert app.scoring.assigned == {}


def test_a_late_turn_to_checkpoint_does_not_fence_who_has_released(
    make_service: MakeService,
) -> None:
    """The partition is another worker's by then; there is nothing left to write, so nothing is."""
    service = make_service()
    app = build_app(service.settings)
    app.consumer = SimpleNamespace(durable={})

    async def release_then_checkpoint() -> None:
        await app.scoring.assign(0, kafka_generation=1)
        values = [payment(number, after_s=number) for number in range(3)]
        fetched = batch(values)
        await app.scoring.handle(
            Batch(service.settings.transactions_topic, 0, fetched.records, fetched.received_at_ms),
            kafka_generation=1,
        )
        assigned = app.scoring.assigned[0]
        await app.checkpointing.release([0])
        await app.store.claim(assigned.topic, 0, "another", 0)
        assert await app.checkpointing.checkpoint(assigned)
        await app.store.close()

    asyncio.run(release_then_checkpoint())
    topic = service.settings.transactions_topic
    stored = service.ask(lambda store: store.partitions())[topic, 0]
    assert (stored.offset, stored.ledger.scored, stored.owner) == (3, 3, "another")
