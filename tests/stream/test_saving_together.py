"""Checkpoints of a worker's partitions, in one step where that is possible."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from streamer.contract.batch import Batch
from streamer.pipeline import PartitionState
from streamer.store import Checkpoint, Store, StoredVersion, checkpoints, merging
from streamer.stream.app import ScoringApp, build_app
from streamer.stream.checkpoints import checkpointing
from streamer.stream.scoring import held
from tests.rig.waiting import DEADLINE_S
from tests.stream.conftest import MakeService
from tests.stream.harness import Service
from tests.stream.test_waiting_checkpoints import FakeConsumer, payments


def saved(service: Service, *partitions: int) -> list[int | None]:
    stored = service.ask(lambda store: store.partitions())
    return [stored[service.settings.transactions_topic, p].offset for p in partitions]


async def worker(service: Service) -> ScoringApp:
    """A worker without its consumer that has scored 3 payments of partition 0 and 2 of partition 1."""
    app = build_app(service.settings)
    app.consumer = FakeConsumer()
    for partition, n in ((0, 3), (1, 2)):
        reading = await app.claiming.claim(service.settings.transactions_topic, partition)
        batch = payments(service, n)
        batch = Batch(batch.topic, partition, batch.records, batch.received_at_ms)
        await app.scoring.handle(batch, reading.number)
    return app


class Watched:
    """A store that tells how many partitions went into each step; ``before`` the first one."""

    def __init__(self, store: Store, before: Any = None) -> None:
        self._store, self._before = store, before
        self.steps: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def under(self, _: object) -> Watched:
        return self

    async def checkpoint(
        self, written: Checkpoint, known: StoredVersion | None, *along: Checkpoint
    ) -> StoredVersion:
        if not self.steps and self._before is not None:
            await self._before()
        self.steps.append(1 + len(along))
        return await self._store.checkpoint(written, known, *along)


def watch(app: ScoringApp, before: Any = None) -> Watched:
    watched: Any = Watched(app.store, before)
    app.checkpointing._kit = replace(app.kit, store=watched)
    return watched


def test_all_partitions_with_progress_are_saved_in_one_step(make_service: MakeService) -> None:
    service = make_service()

    async def save() -> None:
        app = await worker(service)
        watched = watch(app)
        assert await app.checkpointing.make_room()
        assert watched.steps == [2]
        assert await app.checkpointing.make_room()
        assert watched.steps == [2]
        assert (await app.store.head()).sums.transactions_seen == 5
        await app.store.close()

    asyncio.run(save())
    assert saved(service, 0, 1) == [3, 2]


def test_one_that_is_another_workers_by_now_keeps_none_of_the_others(
    make_service: MakeService,
) -> None:
    """It was released while the step was on its way; the others are saved alone."""
    service = make_service()

    async def save() -> None:
        app = await worker(service)
        topic = service.settings.transactions_topic
        gone = app.held.assigned[1]

        async def release() -> None:
            gone.is_dropped = True
            await app.store.claim(topic, 1, "another", 0)

        watched = watch(app, release)
        assert await app.checkpointing.make_room()
        assert watched.steps == [2, 1]
        assert (await app.store.head()).sums.transactions_seen == 3
        await app.store.close()

    asyncio.run(save())
    assert saved(service, 0, 1) == [3, None]


def test_one_whose_alert_was_given_up_keeps_none_of_the_others(make_service: MakeService) -> None:
    service = make_service()

    async def save() -> None:
        app = await worker(service)
        app.kit.publisher.expire(0)
        watched = watch(app)
        assert not await app.checkpointing.make_room()
        assert watched.steps == [1]
        await app.store.close()

    asyncio.run(save())
    assert saved(service, 0, 1) == [None, 2]


def test_what_would_make_a_step_too_large_goes_in_another(
    make_service: MakeService, monkeypatch: Any
) -> None:
    service = make_service()
    monkeypatch.setattr(checkpointing, "_SAVED_TOGETHER", 1)

    async def save() -> None:
        app = await worker(service)
        watched = watch(app)
        assert await app.checkpointing.make_room()
        assert await app.checkpointing.make_room()
        assert watched.steps == [1, 1]
        await app.store.close()

    asyncio.run(save())
    assert saved(service, 0, 1) == [3, 2]


def test_a_version_is_made_and_taken_up_off_the_event_loop(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merging, hashing, encoding, and what scores with it: whatever it costs, no batch waits for it."""
    service = make_service()
    made_by: dict[str, set[int]] = {}

    def note(place: Any, name: str) -> None:
        function = getattr(place, name)

        def noted(*given: Any) -> Any:
            made_by.setdefault(name, set()).add(threading.get_ident())
            return function(*given)

        monkeypatch.setattr(place, name, noted)

    async def save() -> None:
        app = await worker(service)
        for place, name in (
            (checkpoints, "_partition_commands"),
            (merging, "advance"),
            (merging, "state_id"),
            (merging, "encode_version"),
            (merging, "drift_of"),
            (checkpointing, "take_changed"),
            (held, "_derived"),
        ):
            note(place, name)
        assert await app.checkpointing.make_room()
        assert app.held.version.sums.transactions_seen == 5
        assert len(made_by) == 7
        assert threading.get_ident() not in set().union(*made_by.values())
        await app.store.close()

    asyncio.run(save())


def test_a_batch_has_its_turn_between_the_rows_of_two_partitions(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for one partition's rows to be copied, not for those of all that are saved."""
    service = make_service()
    order: list[str] = []
    take_changed = checkpointing.take_changed

    async def save() -> None:
        app = await worker(service)
        loop = asyncio.get_running_loop()
        batches: list[asyncio.Task[None]] = []

        async def score() -> None:
            async with app.held.lock:
                order.append("scored")

        async def come() -> None:
            batches.append(asyncio.ensure_future(score()))
            await asyncio.sleep(0)

        def copied(state: PartitionState) -> Any:
            asyncio.run_coroutine_threadsafe(come(), loop).result(DEADLINE_S)
            order.append("copied")
            return take_changed(state)

        monkeypatch.setattr(checkpointing, "take_changed", copied)
        assert await app.checkpointing.make_room()
        await asyncio.gather(*batches)
        await app.store.close()

    asyncio.run(save())
    assert order == ["copied", "scored", "copied", "scored"]
