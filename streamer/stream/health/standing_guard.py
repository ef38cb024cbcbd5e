"""Looks every second whether what is watched is to be left, or may stay, and does it.

Every worker does so, and needs no leader: what it goes by is the sum over all partitions, in Redis, and
the step that acts decides once more on what is there.  A change that another made is taken up as well,
by a worker that has nothing to checkpoint too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from streamer.errors import UnavailableError
from streamer.store import Settled
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["StandingGuard"]

_log = structlog.get_logger(__name__)

_INTERVAL_S: Final = 1.0


class StandingGuard:
    """One worker's look at what is watched."""

    def __init__(self, kit: Kit, held: Held) -> None:
        self._kit = kit
        self._held = held

    async def run(self) -> None:
        """Look for ever; while Redis is away nobody could change anything either."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            with suppress(UnavailableError):
                await self.look()

    async def look(self) -> None:
        """Look once."""
        kit, held = self._kit, self._held
        now_ms = kit.clock.now_ms()
        watch = await kit.store.trials.watch()
        if watch.due(now_ms) is not None:
            settled = await kit.store.trials.settle(kit.owner, now_ms, held.heads)
            if settled is not None:
                self._tell(settled)
                await held.adopt(settled.heads)
                watch = settled.heads.watch
        if held.heads is not None and held.heads.watch.id != watch.id:
            await held.adopt(await kit.store.heads())
        kit.metrics.model_watch_remaining_seconds.set(watch.left_s(now_ms))
        kit.metrics.model_canary_partitions.set(watch.n_partitions if watch.is_canary else 0)

    def _tell(self, settled: Settled) -> None:
        watch, degraded = settled.watch, settled.degraded
        version = settled.heads.head.id
        if degraded is not None:
            self._kit.metrics.model_rollbacks.labels(degraded.figure).inc()
            _log.error(
                "model rolled back",
                left=watch.canary or watch.begun,
                version=version,
                was=watch.kind,
                figure=degraded.figure,
                because=degraded.told,
            )
        elif watch.is_canary:
            _log.info("canary promoted", version=version, partitions=watch.n_partitions)
        else:
            _log.info("promotion stays", version=version)
