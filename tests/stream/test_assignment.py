"""Who may claim a partition, when, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError
from faust.types import TP

from streamer.contract.batch import Batch
from streamer.errors import InvariantError, UnavailableError
from streamer.store import Checkpoint, Store, StoredVersion
from streamer.stream.app import ScoringApp, build_app
from streamer.stream.scoring.claiming import Reading
from streamer.stream.scoring.claims import Claims
from streamer.stream.scoring.resume import PartitionFaultError
from tests.builders import batch, payment
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service

MakeService = Callable[..., Service]
ONE, TWO = TP("transactions", 0), TP("transactions", 1)


class Consumer:
    """Stands for the worker's consumer: what is read, and which commits wait."""

    def __init__(self) -> None:
        self.read: dict[TP, int] = {}
        self.durable: dict[TP, int] = {}

    async def start_reading(self, tp: TP, offset: int, reading: int) -> bool:
        self.read[tp] = offset
        return True

    async def stop_reading(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            self.read.pop(tp, None)

    def name_store(self, tp: TP, metadata: str) -> None:
        self.metadata = {tp: metadata}


class Bench:
    """Claims over functions that a test writes; `events` is what happened, in order."""

    def __init__(self, claim: Callable[[str, int], Awaitable[Reading]]) -> None:
        self.consumer = Consumer()
        self.events: list[str] = []
        self.may_release = asyncio.Event()
        self.may_release.set()

        async def release(tps: list[TP]) -> None:
            self.events += [f"release {tp.partition}" for tp in tps]
            await self.may_release.wait()
            self.events += [f"released {tp.partition}" for tp in tps]

        async def guard(work: Awaitable[Any]) -> Any:
            return await work

        self.claims = Claims(claim, release, guard, lambda: 0.0)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.01)


def test_a_partition_that_cannot_be_claimed_keeps_no_other_waiting() -> None:
    """Partition 0 waits for Redis and says so; partition 1 is read meanwhile."""
    is_up = False

    async def claim(_: str, partition: int) -> Reading:
        if partition == 0 and not is_up:
            raise UnavailableError("Redis must answer")
        return Reading(10 + partition, 1)

    async def run() -> None:
        nonlocal is_up
        bench = Bench(claim)
        bench.claims.assign(bench.consumer, [ONE, TWO])
        await bench.until(lambda: bench.consumer.read == {TWO: 11})
        assert bench.claims.waiting == {ONE: "Redis must answer"}
        is_up = True
        await bench.until(lambda: bench.consumer.read == {ONE: 10, TWO: 11})
        assert bench.claims.waiting == {}
        await bench.claims.revoke([ONE, TWO])

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (PartitionFaultError("the log was truncated"), "the log was truncated"),
        (InvariantError("the log was truncated"), "the log was truncated"),
        (ValueError("the log was truncated"), "ValueError: the log was truncated"),
    ],
    ids=["log", "foreign bytes", "garbage"],
)
def test_a_fault_is_told_and_mended_without_a_restart(fault: Exception, told: str) -> None:
    """A log that was truncated, until an operator says where to go on."""
    is_reset = False

    async def claim(_: str, partition: int) -> Reading:
        if not is_reset:
            raise fault
        return Reading(0, 1)

    async def run() -> None:
        nonlocal is_reset
        bench = Bench(claim)
        bench.claims.assign(bench.consumer, [ONE])
        await bench.until(lambda: bench.claims.faults == {ONE: told})
        is_reset = True
        await bench.until(lambda: bench.consumer.read == {ONE: 0})
        assert bench.claims.faults == {}
        await bench.claims.revoke([ONE])

    asyncio.run(run())


def test_a_revocation_cancels_a_claim_under_way() -> None:
    """A claim that came through later would fence the partition's new owner."""
    n_claims = 0

    async def claim(_: str, partition: int) -> Reading:
        nonlocal n_claims
        n_claims += 1
        await asyncio.sleep(3_600)
        raise AssertionError

    async def run() -> None:
        bench = Bench(claim)
        bench.claims.assign(bench.consumer, [ONE])
        await bench.until(lambda: n_claims == 1)
        await asyncio.wait_for(bench.claims.revoke([ONE]), DEADLINE_S)
        assert bench.claims.all() == []
        assert bench.consumer.read == {}

    asyncio.run(run())


def test_claim_and_release_of_one_partition_never_overlap() -> None:
    """Out of range, released and, while that still runs, revoked: the next claim comes after both."""

    async def run() -> None:
        bench: Bench

        async def claim(_: str, partition: int) -> Reading:
            bench.events.append(f"claim {partition}")
            return Reading(0, len(bench.events))

        bench = Bench(claim)
        bench.claims.assign(bench.consumer, [ONE])
        await bench.until(lambda: ONE in bench.consumer.read)
        bench.may_release.clear()
        bench.claims.failed(ONE, 1, OffsetOutOfRangeError({ONE: 5}))
        await bench.until(lambda: "release 0" in bench.events)
        revoked = asyncio.ensure_future(bench.claims.revoke([ONE]))
        await asyncio.sleep(0.05)
        assert not revoked.done()
        bench.may_release.set()
        await revoked
        assert not bench.claims._releases, "a release that is over must be forgotten"
        bench.claims.assign(bench.consumer, [ONE])
        await bench.until(lambda: ONE in bench.consumer.read)
        assert bench.events == [
            "claim 0",
            "release 0",
            "released 0",
            "release 0",
            "released 0",
            "claim 0",
        ]
        await bench.claims.revoke([ONE])

    asyncio.run(run())


def test_an_error_of_an_older_reading_is_of_no_interest() -> None:
    """What was fetched before the last seek comes late."""

    async def claim(_: str, partition: int) -> Reading:
        return Reading(0, 7)

    async def run() -> None:
        bench = Bench(claim)
        bench.claims.assign(bench.consumer, [ONE])
        await bench.until(lambda: ONE in bench.consumer.read)
        bench.claims.failed(ONE, 6, CorruptRecordException())
        await asyncio.sleep(0.05)
        assert (bench.events, bench.claims.faults) == ([], {})
        await bench.claims.revoke([ONE])

    asyncio.run(run())


def test_a_partition_that_cannot_be_decoded_is_faulted_until_it_can() -> None:
    """The claim itself succeeds each time, and does not take the fault for mended."""

    async def claim(_: str, partition: int) -> Reading:
        return Reading(0, 7)

    async def run() -> None:
        bench = Bench(claim)
        bench.claims.assign(bench.consumer, [ONE])
        await bench.until(lambda: ONE in bench.consumer.read)
        bench.claims.failed(ONE, 7, CorruptRecordException())
        await bench.until(lambda: "released 0" in bench.events)
        await bench.until(lambda: ONE in bench.consumer.read)
        assert "must be readable" in bench.claims.faults[ONE]
        await bench.until(lambda: not bench.claims.faults)
        await bench.claims.revoke([ONE])

    asyncio.run(run())


def _app(service: Service) -> ScoringApp:
    app = build_app(service.settings)
    app.consumer = Consumer()
    return app


def _payments(service: Service, n: int, first: int = 0) -> Batch:
    fetched = batch([payment(number, after_s=number) for number in range(first, first + n)])
    records = [record._replace(offset=first + i) for i, record in enumerate(fetched.records)]
    return Batch(service.settings.transactions_topic, 0, records, fetched.received_at_ms)


def test_a_late_turn_to_checkpoint_does_not_fence_who_has_released(
    make_service: MakeService,
) -> None:
    """The partition is another worker's by then; there is nothing left to write, so nothing is."""
    service = make_service()
    topic = service.settings.transactions_topic

    async def release_then_checkpoint() -> None:
        app = _app(service)
        reading = await app.claiming.claim(topic, 0)
        await app.scoring.handle(_payments(service, 3), reading.number)
        assigned = app.held.assigned[0]
        assert await app.checkpointing.release([0]) == []
        await app.store.claim(assigned.topic, 0, "another", 0)
        assert await app.checkpointing.checkpoint(assigned)
        await app.store.close()

    service.produce([(b"x", b"x")] * 3, partition=0)
    asyncio.run(release_then_checkpoint())
    stored = service.ask(lambda store: store.partitions())[topic, 0]
    assert (stored.offset, stored.ledger.scored, stored.owner) == (3, 3, "another")


class _Held:
    """A store that has written a checkpoint and keeps its answer back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_written, self.may_answer = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def under(self, _: object) -> _Held:
        return self

    async def checkpoint(self, written: Checkpoint, known: StoredVersion | None) -> StoredVersion:
        heads = await self._store.checkpoint(written, known)
        self.is_written.set()
        await self.may_answer.wait()
        return heads


def test_an_answer_that_comes_after_a_release_commits_nothing_to_kafka(
    make_service: MakeService,
) -> None:
    """The partition may have been claimed anew, and its log may be another one."""
    service = make_service()

    async def release_meanwhile() -> None:
        app = _app(service)
        reading = await app.claiming.claim(service.settings.transactions_topic, 0)
        await app.scoring.handle(_payments(service, 3), reading.number)
        held: Any = _Held(app.store)
        app.checkpointing._kit = replace(app.kit, store=held)
        saving = asyncio.ensure_future(app.checkpointing.checkpoint(app.held.assigned[0]))
        await held.is_written.wait()
        assert await app.checkpointing.release([0], within_s=0.1) == [0]
        held.may_answer.set()
        assert await saving
        assert app.consumer.durable == {}
        await app.store.close()

    asyncio.run(release_meanwhile())


def test_two_releases_at_once_drop_a_partition_once(make_service: MakeService) -> None:
    """A stop in the middle of a rebalance; each partition is saved by one of them."""
    service = make_service()

    async def release_twice() -> None:
        app = _app(service)
        reading = await app.claiming.claim(service.settings.transactions_topic, 0)
        await app.scoring.handle(_payments(service, 3), reading.number)
        both = (app.checkpointing.release([0]), app.checkpointing.release([0]))
        assert await asyncio.gather(*both) == [[], []]
        await app.store.close()

    asyncio.run(release_twice())
    assert service.totals().scored == 3


def test_a_batch_that_leaves_offsets_out_stops_the_worker(make_service: MakeService) -> None:
    """Somebody dropped a batch: counted as lost, it would be an excuse."""
    service = make_service()

    async def leave_out() -> None:
        app = _app(service)
        reading = await app.claiming.claim(service.settings.transactions_topic, 0)
        await app.scoring.handle(_payments(service, 3), reading.number)
        with pytest.raises(
            InvariantError, match="must begin where the last one ended, at 3, got 5"
        ):
            await app.scoring.handle(_payments(service, 3, first=5), reading.number)
        await app.scoring.handle(_payments(service, 3, first=5), reading.number + 1)
        await app.store.close()

    asyncio.run(leave_out())
