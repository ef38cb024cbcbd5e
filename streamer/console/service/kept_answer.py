"""What is read at most every few seconds, however many people look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["KeptAnswer"]

_T = TypeVar("_T")
_KEPT_S: Final = 5.0


class KeptAnswer(Generic[_T]):
    """What ``read`` returns, which may block and runs in a thread, of at most five seconds ago."""

    def __init__(self, read: Callable[[], _T]) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._kept: tuple[float, _T] | None = None

    async def get(self) -> _T:
        """Return it; raises whatever ``read`` raises, of which nothing is kept."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_S:
                # In a thread: versions are decoded, for longer than others may be kept waiting.
                found = await asyncio.to_thread(self._read)
                self._kept = time.monotonic(), found
            return self._kept[1]
