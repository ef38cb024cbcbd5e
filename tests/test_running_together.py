"""Contexts that begin and end at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streamer.running_together import running_together


def test_each_waits_for_the_others_which_only_those_can_that_run_at_once() -> None:
    """Three meet at a barrier as they begin, and at another as they end."""
    noted: list[str] = []

    @asynccontextmanager
    async def meeting(first: asyncio.Barrier, last: asyncio.Barrier) -> AsyncIterator[None]:
        await first.wait()
        yield
        await last.wait()
        noted.append("left")

    async def run() -> None:
        first, last = asyncio.Barrier(3), asyncio.Barrier(3)
        async with asyncio.timeout(10):
            async with running_together([meeting(first, last) for _ in range(3)]):
                noted.append("within")

    asyncio.run(run())
    assert noted == ["within", "left", "left", "left"]


@pytest.mark.parametrize("fails_at", ["begin", "end"])
def test_what_one_raises_is_raised_once_the_others_were_left(fails_at: str) -> None:
    noted: list[str] = []

    @asynccontextmanager
    async def context(name: str) -> AsyncIterator[None]:
        if (name, fails_at) == ("bad", "begin"):
            raise ValueError(name)
        yield
        if (name, fails_at) == ("bad", "end"):
            raise ValueError(name)
        noted.append(name)

    async def run() -> None:
        async with asyncio.timeout(10):
            async with running_together(context(name) for name in ("a", "bad", "b")):
                noted.append("within")

    with pytest.raises(ValueError, match="bad"):
        asyncio.run(run())
    within = [] if fails_at == "begin" else ["within"]
    assert noted == [*within, "a", "b"]
