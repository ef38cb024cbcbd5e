"""A checkpoint that waits for Kafka: scoring goes on, and what is written is the snapshot."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from streamer.contract.batch import Batch
from streamer.stream.app import ScoringApp, build_app
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.publishing.queued import Queued
from tests.builders import batch, payment
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service

MakeService = Callable[..., Service]


class HeldBack:
    """A publisher whose queue is acknowledged when a test says so."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.is_waiting, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.until: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)

    async def flush(self, within_s: float = math.inf, until: int | None = None) -> None:
        self.until = until
        self.is_waiting.set()
        await self.may_go_on.wait()
        await self._publisher.flush(within_s, until)


def payments(service: Service, n: int, first: int = 0) -> Batch:
    fetched = batch([payment(number, after_s=number) for number in range(first, first + n)])
    records = [record._replace(offset=first + i) for i, record in enumerate(fetched.records)]
    return Batch(service.settings.transactions_topic, 0, records, fetched.received_at_ms)


async def held(service: Service) -> tuple[ScoringApp, HeldBack, int]:
    """A worker without its consumer that has claimed partition 0 and scored 3 payments of it."""
    app = build_app(service.settings)
    app.consumer = FakeConsumer()
    publisher: Any = HeldBack(app.kit.publisher)
    app.checkpointing._kit = replace(app.kit, publisher=publisher)
    reading = await app.claiming.claim(service.settings.transactions_topic, 0)
    await app.scoring.handle(payments(service, 3), reading.number)
    return app, publisher, reading.number


class FakeConsumer:
    def __init__(self) -> None:
        self.durable: dict[Any, int] = {}


def test_scoring_goes_on_while_a_checkpoint_waits_and_the_snapshot_is_what_is_written(
    make_service: MakeService,
) -> None:
    service = make_service()
    topic = service.settings.transactions_topic

    async def score_meanwhile() -> None:
        app, publisher, reading = await held(service)
        assigned = app.held.assigned[0]
        saving = asyncio.ensure_future(app.checkpointing.checkpoint(assigned))
        await publisher.is_waiting.wait()
        scored = app.scoring.handle(payments(service, 2, first=3), reading)
        await asyncio.wait_for(scored, DEADLINE_S)
        assert assigned.position == 5
        publisher.may_go_on.set()
        assert await saving
        record = (await app.store.partitions())[topic, 0]
        assert (record.offset, record.ledger.scored) == (3, 3)
        assert (await app.store.head()).sums.transactions_seen == 3
        assert await app.checkpointing.checkpoint(assigned)
        record = (await app.store.partitions())[topic, 0]
        assert (record.offset, record.ledger.scored) == (5, 5)
        assert (await app.store.head()).sums.transactions_seen == 5
        await app.store.close()

    asyncio.run(score_meanwhile())


def test_a_checkpoint_whose_alert_was_given_up_while_it_waited_is_not_written(
    make_service: MakeService,
) -> None:
    """Neither then nor by the release of its partition, which is done again."""
    service = make_service()

    async def give_up() -> None:
        app, publisher, _ = await held(service)
        saving = asyncio.ensure_future(app.checkpointing.checkpoint(app.held.assigned[0]))
        await publisher.is_waiting.wait()
        app.kit.publisher.expire(0)
        publisher.may_go_on.set()
        assert not await saving
        assert await app.checkpointing.release([0]) == [0]
        record = (await app.store.partitions())[service.settings.transactions_topic, 0]
        assert record.offset is None
        await app.store.close()

    asyncio.run(give_up())


def test_a_position_is_kept_for_alerts_that_were_out_when_the_snapshot_was_taken(
    make_service: MakeService,
) -> None:
    """That they have been passed since does not help who begins at the snapshot."""
    service = make_service()
    alerts = service.settings.alerts_topic

    async def pass_them() -> None:
        app, publisher, reading = await held(service)
        assigned = app.held.assigned[0]
        # Of an earlier life: its alert of offset 4 lies somewhere on the topic; one of ours at 7.
        assigned.state.published = {4: None}
        app.kit.publisher.places.add(alerts, 0, 1, 7)
        saving = asyncio.ensure_future(app.checkpointing.checkpoint(assigned))
        await publisher.is_waiting.wait()
        await app.scoring.handle(payments(service, 2, first=3), reading)
        assert not assigned.state.published
        publisher.may_go_on.set()
        assert await saving
        record = (await app.store.partitions())[service.settings.transactions_topic, 0]
        assert (record.offset, record.alerts_position) == (3, None)
        assert await app.checkpointing.checkpoint(assigned)
        record = (await app.store.partitions())[service.settings.transactions_topic, 0]
        assert (record.offset, record.alerts_position) == (5, 8)
        await app.store.close()

    asyncio.run(pass_them())


def test_what_is_queued_behind_a_number_is_not_waited_for() -> None:
    queued = Queued()
    first, second = queued.add("alerts", 10), queued.add("scores", 10)
    assert (first, second, queued.last) == (1, 2, 2)
    later = queued.add("alerts", 10)
    queued.remove(second)
    # The first one waits, and whether the second does is not asked.
    assert queued.n_until(second) == 2
    queued.remove(first)
    assert queued.n_until(second) == 0
    assert queued.n_until(later) == 1
    queued.remove(later)
    assert queued.n_until(later) == 0
