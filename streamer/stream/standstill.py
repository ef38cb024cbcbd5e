"""Notices that the process has stood still for longer than its session with Kafka.

A process that was stopped (a frozen container, a suspended machine) wakes up believing that it still
owns its partitions.  Its checkpoints are refused, but alerts are not: what it had scored would be
published beside what its successor has published.  So it asks here before it publishes, and ends.

What is left is the millisecond between the question and the client's hand-over to the broker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from streamer.errors import FencedError

__all__ = ["Standstill"]

_TICK_S: Final = 0.5


class Standstill:
    """Measures the time since anything has last run on the event loop."""

    def __init__(self, session_s: float, monotonic: Callable[[], float]) -> None:
        self._session_s = session_s
        self._monotonic = monotonic
        self._ran_at: float | None = None

    async def watch(self) -> None:
        """Keep asking, for ever, so that a quiet event loop is not taken for one that stood still."""
        self._ran_at = self._monotonic()
        try:
            while True:
                await asyncio.sleep(_TICK_S)
                self.check()
        finally:
            self._ran_at = None

    def check(self) -> None:
        """Raise FencedError when nothing has run for longer than the session; not before `watch`."""
        if self._ran_at is None:
            return
        now = self._monotonic()
        stood_s, self._ran_at = now - self._ran_at, now
        if stood_s > self._session_s:
            raise FencedError(
                f"the worker must not stand still for longer than its session of "
                f"{self._session_s:g} s (STREAMER_KAFKA_SESSION_TIMEOUT_S), got {stood_s:.0f} s: "
                "another worker may have its partitions"
            )
