"""Begins and ends several contexts at once, each in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

__all__ = ["running_together"]


@asynccontextmanager
async def running_together(
    contexts: Iterable[AbstractAsyncContextManager[Any]],
) -> AsyncIterator[None]:
    """Enter all contexts at once, and leave all at once at the end.

    Where one cannot be entered the others are left, and its error is raised; so is that of one which
    cannot be left, after all were.
    """
    ending = asyncio.Event()

    async def run(context: AbstractAsyncContextManager[Any], began: asyncio.Event) -> None:
        async with context:
            began.set()
            await ending.wait()

    begun = [(asyncio.Event(), each) for each in contexts]
    tasks = [asyncio.ensure_future(run(context, began)) for began, context in begun]
    waiting = [asyncio.ensure_future(began.wait()) for began, _ in begun]
    try:
        for task, began in zip(tasks, waiting, strict=True):
            await asyncio.wait([task, began], return_when=asyncio.FIRST_COMPLETED)
            if not began.done():
                task.result()
        yield
    finally:
        ending.set()
        for began in waiting:
            began.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
