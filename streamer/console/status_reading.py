"""What `streamer status` tells, for all who look at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from streamer.settings import Settings
from streamer.status import Status, gather

__all__ = ["StatusReading"]

_KEPT_S: Final = 5.0


class StatusReading:
    """Asks Kafka, Redis and the workers at ``urls``, at most every five seconds."""

    def __init__(self, settings: Settings, urls: Sequence[str]) -> None:
        self._settings = settings
        self._urls = urls
        self._lock = asyncio.Lock()
        self._kept: tuple[float, Status] | None = None

    async def get(self) -> Status:
        """Return the status of at most five seconds ago."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_S:
                now_ms = time.time_ns() // 1_000_000
                found = await asyncio.to_thread(gather, self._settings, self._urls, now_ms)
                self._kept = time.monotonic(), found
            return self._kept[1]
