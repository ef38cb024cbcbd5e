"""Lets go of what the console keeps in Redis past its time, where no key's own time does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from streamer.errors import StreamerError, UnavailableError
from streamer.store import ReviewStore

__all__ = ["LettingGo"]

_log = structlog.get_logger(__name__)

_EVERY_S: Final = 3_600.0
_SOON_S: Final = 60.0


class LettingGo:
    """Who judged what goes after ``kept_s``; what is put off goes when it has ended."""

    def __init__(self, store: ReviewStore, kept_s: float, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._kept_ms = round(kept_s * 1000)
        self._now_ms = now_ms

    async def run(self) -> None:
        """Look every hour, until cancelled."""
        while True:
            try:
                await self.look()
            except UnavailableError:
                await asyncio.sleep(_SOON_S)
            except StreamerError as error:
                # A row that is none of ours, or a user who may not: the console is more than this.
                _log.error("nothing let go of", error=str(error))
                await asyncio.sleep(_EVERY_S)
            else:
                await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Look once; `UnavailableError` where Redis is away."""
        client, at_ms = self._store.client, self._now_ms()
        # What a stream's entries are called is the time at which Redis had them.
        before_ms = max(at_ms - self._kept_ms, 0)
        streams = (client.keys.review(name) for name in ("judged", "pairs"))
        await client.pipelined(
            [("XTRIM", each, "MINID", before_ms) for each in streams], atomic=False
        )
        await self._store.snoozes.let_go(at_ms)
