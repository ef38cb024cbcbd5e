"""Versions on trial in one namespace: a canary, and what has just taken over."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.model.model_config import ModelConfig
from streamer.store import promotions, settling, versions
from streamer.store.client import Client
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.promotions import Wish
from streamer.store.settling import Settled
from streamer.store.stored import Heads
from streamer.watching.watch_record import Watch

__all__ = ["Trials"]


@dataclass(frozen=True, slots=True)
class Trials:
    """Begins, ends and settles them; each call raises `UnavailableError` when Redis does not answer."""

    _client: Client
    _identity: Identity
    _limits: Limits
    _config: ModelConfig

    async def watch(self) -> Watch:
        """Return what is watched: a canary, or the last promotion."""
        return await versions.watch(self._client)

    async def promoted_at_ms(self) -> int | None:
        """Return when somebody last made a version the head, None where nobody did."""
        return await versions.promoted_at_ms(self._client)

    async def start_canary(self, wish: Wish, n_partitions: int, for_ms: int) -> Watch:
        """Have the partitions of the lowest numbers score with a version, for a time."""
        store = self._client, self._limits
        return await promotions.start_canary(*store, wish, n_partitions, for_ms, self._config)

    async def end_canary(self, wish: Wish) -> Watch | None:
        """Leave a canary and return what it was; None where there is none."""
        return await promotions.end_canary(self._client, self._limits, wish, self._config)

    async def settle(self, who: str, now_ms: int, known: Heads | None = None) -> Settled | None:
        """Do what is due of what is watched, once among all workers; None where nothing is.

        Raises `StoreReplacedError` when the store is another one.
        """
        await self._identity.known(self._client)
        store = self._client, self._identity, self._limits, self._config
        return await settling.settle(*store, who, now_ms, known)
