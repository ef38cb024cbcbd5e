"""What keeps the event loop from other work: batches, what blocks it, the garbage collector."""

from __future__ import annotations

import asyncio
from typing import Final

from streamer.stream.scoring import Scoring

__all__ = ["follow_pauses"]

# Twice a second: often enough to meet what happens for a share of the time, and free.
_INTERVAL_S: Final = 0.5


async def follow_pauses(scoring: Scoring) -> None:
    """Count how much later than asked a sleeper wakes, and collections of garbage, for ever."""
    monotonic, lag_seconds = scoring.clock.monotonic, scoring.metrics.event_loop_lag_seconds
    collections = scoring.metrics.gc_pause_seconds
    collections.watch()
    try:
        while True:
            due_at = monotonic() + _INTERVAL_S
            await asyncio.sleep(_INTERVAL_S)
            lag_seconds.observe(max(monotonic() - due_at, 0.0))
    finally:
        collections.unwatch()
