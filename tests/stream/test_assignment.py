"""Who may claim a partition, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

from faust.types import TP

from streamer.stream.app import build_app
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
