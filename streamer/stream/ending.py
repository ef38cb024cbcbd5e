"""How a worker ends: at once where going on would do harm, and never later than its deadline.

An orderly shutdown hands queued alerts to Kafka, commits offsets and says goodbye to the group, and
each of these waits for somebody who may not answer any more.  Ending at once loses nothing: what was
not checkpointed is done again by whoever comes next.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Final, NoReturn

import structlog

from streamer.cancelling import cancellable
from streamer.errors import FencedError, StoreReplacedError, StreamerError
from streamer.stream.stacks import log_stacks
from streamer.telemetry.exceptions import described

__all__ = [
    "EXIT_MISCONFIGURED",
    "EXIT_UNAVAILABLE",
    "Deadline",
    "end_at_once",
    "end_process",
    "guarded",
    "or_end",
]

_log = structlog.get_logger(__name__)

EXIT_UNAVAILABLE: Final = 1
EXIT_MISCONFIGURED: Final = 2


def end_at_once(error: StreamerError) -> NoReturn:
    """End the process; nothing more may leave it."""
    _log.critical("worker ends at once", error=str(error))
    logging.shutdown()
    os._exit(EXIT_UNAVAILABLE)


def end_process(code: int) -> NoReturn:
    """End the process after an orderly stop, without what interpreter and C libraries clean up.

    Threads of the Kafka clients still run, some of them in the middle of a TLS handshake.  A worker
    that had said why it cannot start, and that it had stopped, was seen to end with SIGSEGV.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it may have gone.
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


async def or_end(work: Awaitable[Any]) -> Any:
    """Await ``work``; what no retry mends ends the process, where Faust would pass over it.

    At once: an orderly end checkpoints, and the state of a batch that broke in the middle counts
    alerts that were never published.
    """
    try:
        return await work
    except (FencedError, StoreReplacedError) as error:
        # Another worker may have its partitions, or Redis lacks what it did there.
        end_at_once(error)
    except Exception as error:
        _log.critical("worker ends at once", error=described(error), exc_info=True)
        logging.shutdown()
        os._exit(EXIT_UNAVAILABLE)


def guarded(work: Callable[[], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return ``work`` as a background task of Faust's: it ends with the worker, or ends the worker."""

    @wraps(work)
    async def run(*_: Any) -> None:
        # Faust calls a task with the app when its signature has room for it.
        await cancellable(or_end(work()))

    return run


class Deadline:
    """The time that a stop may take as a whole; begins with the first `start`."""

    def __init__(self, within_s: float, what_is_left: Callable[[], str]) -> None:
        self.within_s = within_s
        self._what_is_left = what_is_left
        self._is_started = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to count; the process ends when the time is over, whatever it is doing then."""
        if self._is_started:
            return
        self._is_started = True
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        # A thread, since the event loop itself may be what does not come to an end.
        timer = threading.Timer(self.within_s, self._end)
        timer.daemon = True
        timer.start()

    def _end(self) -> None:
        if self._loop is not None:
            log_stacks(self._loop)
        _log.critical(
            "worker ends at once",
            error=f"the stop must be over within {self.within_s:g} s "
            f"(STREAMER_SHUTDOWN_TIMEOUT_S), got {self._what_is_left()}",
        )
        logging.shutdown()
        os._exit(EXIT_UNAVAILABLE)
