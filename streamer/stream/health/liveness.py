"""Says every few seconds in Redis that this worker is alive, and at the end that it is not.

In the same turn it reads when a version was last promoted, which no checkpoint tells.

Others may start with new settings of the model only when nobody scores with the old ones.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from streamer.errors import StreamerError, UnavailableError
from streamer.stream.scoring.kit import Kit

__all__ = ["Liveness"]

# Several fit into the time after which a worker counts as gone.
_INTERVAL_S: Final = 5.0


class Liveness:
    """The sign of life of one worker."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def run(self) -> None:
        """Say it for ever; while Redis is away nobody could start either."""
        while True:
            with suppress(UnavailableError):
                await self._kit.store.heartbeat(self._kit.owner, self._kit.clock.now_ms())
                promoted_at_ms = await self._kit.store.trials.promoted_at_ms()
                self._kit.metrics.model_promoted_timestamp_seconds.set((promoted_at_ms or 0) / 1000)
            await asyncio.sleep(_INTERVAL_S)

    async def end(self) -> None:
        """Say that this worker has stopped; one that could not say so is forgotten by itself."""
        # A worker that Redis refused at the start stops too.
        with suppress(StreamerError):
            await self._kit.store.leave(self._kit.owner)
