"""What commands of an operator share: the store of the settings, who acts, and when."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import open_store
from streamer.store import Store

__all__ = ["check_others", "now_ms", "who", "with_store"]

_T = TypeVar("_T")


def who() -> str:
    """Return ``user@host``, for the lineage."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container's user id need not have a name.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def with_store(work: Callable[[Store], Awaitable[_T]], settings: Settings | None = None) -> _T:
    """Return what ``work`` makes of the settings' store, which is closed afterwards."""
    settings = load_settings() if settings is None else settings

    async def run() -> _T:
        store = open_store(settings)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def check_others(store: Store) -> None:
    """Refuse to mix: a worker ends when it meets a head of another number of clusters."""
    try:
        await store.versions()
    except ConfigurationError as error:
        raise ConfigurationError(
            f"every version of a STREAMER_NAMESPACE must fit the same settings, but one that is "
            f"stored does not: {error}"
        ) from error
