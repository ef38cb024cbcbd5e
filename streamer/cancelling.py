"""Cancels tasks and waits until they have ended, also those that miss the first request.

A cancellation can get lost: ``asyncio.wait_for`` of Python 3.11 drops it when what it waits for is done
at the same moment, and so may a library.  Whoever waits for such a task then waits for ever, which in a
rebalance means a worker that has no partition and gets none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterable
from typing import Any, Final, TypeVar

from streamer.errors import InvariantError

__all__ = ["cancel_and_wait", "cancellable", "uninterrupted"]

_T = TypeVar("_T")

_AGAIN_S: Final = 0.5
# A task of ours has nothing to do after its cancellation that takes time.
_TRIES: Final = 20


async def cancel_and_wait(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Return when every task has ended; InvariantError when one does not, however often it is asked."""
    pending = set(tasks)
    for _ in range(_TRIES):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
        if not pending:
            return
    raise InvariantError(
        f"every cancelled task must end within {_AGAIN_S * _TRIES:g} s, got {len(pending)} that do not"
    )


async def cancellable(work: Coroutine[Any, Any, _T]) -> _T:
    """Return what ``work`` does; one cancellation of this is as many of ``work`` as it takes.

    Faust cancels a background task once and waits for it for ever.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await cancel_and_wait([task])
        raise
    return task.result()


async def uninterrupted(steps: Generator[None, None, _T]) -> _T:
    """Return what all ``steps`` come to; between two of them others have their turn.

    A cancellation waits until they are done: it reaches whoever awaits this at their next pause.
    """
    is_cancelled = False
    while True:
        try:
            next(steps)
        except StopIteration as end:
            task = asyncio.current_task()
            if is_cancelled and task is not None:
                task.cancel()
            outcome: _T = end.value
            return outcome
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            is_cancelled = True
