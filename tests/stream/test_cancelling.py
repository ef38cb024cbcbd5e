"""A task that misses its cancellation keeps nobody waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from streamer import cancelling
from streamer.cancelling import cancel_and_wait, cancellable, uninterrupted
from streamer.errors import InvariantError


async def misses(n_times: int) -> None:
    """Wait for ever, and take the first cancellations for something else."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if n_times == 0:
                raise
            n_times -= 1


def test_a_task_that_misses_two_cancellations_gets_a_third() -> None:
    """Beside one that heeds the first."""

    async def scenario() -> None:
        tasks = [asyncio.ensure_future(misses(n)) for n in (0, 2)]
        await asyncio.sleep(0)
        await asyncio.wait_for(cancel_and_wait(tasks), 10)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(scenario())


def test_a_task_that_never_ends_is_an_error_and_no_wait_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker then ends, where it would sit in a rebalance for ever."""
    monkeypatch.setattr(cancelling, "_AGAIN_S", 0.01)

    async def scenario() -> None:
        task = asyncio.ensure_future(misses(50))
        await asyncio.sleep(0)
        with pytest.raises(InvariantError, match="got 1 that do not"):
            await cancel_and_wait([task])
        for _ in range(60):
            task.cancel()
            await asyncio.sleep(0)

    asyncio.run(scenario())


def test_work_that_misses_a_cancellation_ends_by_the_one_that_its_task_gets() -> None:
    """Faust cancels a background task once, and waits for it without an end."""

    async def scenario() -> None:
        task = asyncio.ensure_future(cancellable(misses(2)))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()

    asyncio.run(scenario())


def test_work_that_ends_by_itself_is_what_it_comes_to() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> int:
        raise LookupError("as it was")

    assert asyncio.run(cancellable(answer())) == 42
    with pytest.raises(LookupError, match="as it was"):
        asyncio.run(cancellable(fail()))


def test_no_task_is_no_wait() -> None:
    """As in a release that is in time."""
    asyncio.run(cancel_and_wait([]))


def counted(n: int, done: list[int]) -> Generator[None, None, str]:
    for i in range(n):
        done.append(i)
        yield
    return "all of it"


def test_steps_go_on_to_their_end_while_others_have_their_turn() -> None:
    """Of ten steps another task sees the fifth before the last is done."""
    done: list[int] = []
    seen: list[int] = []

    async def look() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        seen.append(len(done))

    async def scenario() -> None:
        looking = asyncio.ensure_future(look())
        assert await uninterrupted(counted(10, done)) == "all of it"
        await looking

    asyncio.run(scenario())
    assert len(done) == 10
    assert 0 < seen[0] < 10


def test_a_cancellation_waits_for_the_last_step_and_what_belongs_to_it() -> None:
    done: list[int] = []
    accounted: list[str] = []

    async def work() -> None:
        accounted.append(await uninterrupted(counted(10, done)))
        await asyncio.sleep(0)
        accounted.append("went on")

    async def scenario() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        assert done
        await asyncio.wait_for(cancel_and_wait([task]), 10)
        assert task.cancelled()

    asyncio.run(scenario())
    assert (len(done), accounted) == (10, ["all of it"])
