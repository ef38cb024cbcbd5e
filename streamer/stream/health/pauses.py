"""What keeps the event loop from other work: batches, what blocks it, the garbage collector."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from streamer.stream.scoring.kit import Clock
from streamer.telemetry.metrics import Metrics

__all__ = ["follow_pauses"]

_log = structlog.get_logger(__name__)

# Twice a second: often enough to meet what happens for a share of the time, and free.
_INTERVAL_S: Final = 0.5
# Long enough to be an alert's whole latency and more; the metric has the shorter ones.
_TOLD_S: Final = 1.0


async def follow_pauses(clock: Clock, metrics: Metrics) -> None:
    """Count how much later than asked a sleeper wakes, and collections of garbage, for ever."""
    monotonic, lag_seconds = clock.monotonic, metrics.event_loop_lag_seconds
    collections = metrics.gc_pause_seconds
    collections.watch()
    try:
        while True:
            due_at = monotonic() + _INTERVAL_S
            await asyncio.sleep(_INTERVAL_S)
            late_s = max(monotonic() - due_at, 0.0)
            lag_seconds.observe(late_s)
            if late_s >= _TOLD_S:
                _log.warning("event loop stood still", seconds=round(late_s, 3))
    finally:
        collections.unwatch()
