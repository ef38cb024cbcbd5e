"""The model versions that pages ask: the one in use, as of half a minute ago, and an alert's own.

Derived under the policy in force, as workers derive them.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError
from streamer.model import ModelConfig, Scorer
from streamer.model.codec import decode_version
from streamer.settings import Settings
from streamer.starting.wiring import model_config, settings_in_force
from streamer.store import Heads, Store
from streamer.store.kept_versions import KeptVersions

__all__ = ["InUse", "VersionsAsked"]

_FRESH_S: Final = 30.0
# Where there is none yet.
_AGAIN_S: Final = 3.0
_MOST: Final = 8
_NEVER: Final = datetime.fromtimestamp(0, UTC)
_WARMING: Final = (
    "The model is still warming up: it has scored nothing that this could be drawn from."
)


@dataclass(frozen=True, slots=True)
class InUse:
    """The version in use; None with why there is none.  ``made_at`` is when it was made."""

    version: Scorer | None
    because: str = ""
    made_at: datetime = _NEVER


@dataclass(slots=True)
class VersionsAsked:
    """Reads of one namespace; raises `UnavailableError` where Redis is away."""

    store: Store
    kept: KeptVersions
    settings: Settings
    _in_use: InUse | None = None
    _config: ModelConfig | None = None
    _heads: Heads | None = None
    _read_at: float = 0.0
    _own: OrderedDict[str, Scorer] = field(default_factory=OrderedDict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def in_use(self) -> InUse:
        """Return the version in use, at most half a minute old."""
        async with self._reading:
            kept = self._in_use
            for_s = _AGAIN_S if kept is None or kept.version is None else _FRESH_S
            if kept is None or time.monotonic() - self._read_at > for_s:
                kept = self._in_use = await self._read()
                self._read_at = time.monotonic()
            return kept

    async def of(self, alert: Alert) -> tuple[Scorer | None, str]:
        """Return the version that scored ``alert``, else the one in use, else why there is none."""
        own = self._own.get(alert.model_version)
        if own is None:
            own = await self._made(alert.model_version)
        if own is not None:
            return own, ""
        in_use = await self.in_use()
        return in_use.version, in_use.because

    async def _made(self, version_id: str) -> Scorer | None:
        blob = await self.kept.blob(version_id)
        if blob is None:
            return None
        if self._config is None:
            await self.in_use()
        config = self._config
        if config is None:
            return None
        try:
            made = await asyncio.to_thread(_derived, version_id, blob, config)
        except ConfigurationError:
            return None
        if made.is_warming:
            return None
        self._own[version_id] = made
        if len(self._own) > _MOST:
            self._own.popitem(last=False)
        return made

    async def _read(self) -> InUse:
        try:
            settings = await settings_in_force(self.store, self.settings)
            config = model_config(settings)
            if config != self._config:
                self._config, self._heads = config, None
                self._own.clear()
            heads = await self.store.under(config).heads(self._heads)
            before, known = self._in_use, self._heads
            if before is not None and known is not None and heads.head.id == known.head.id:
                return before
            head = heads.head
            version = await asyncio.to_thread(Scorer.of, head.id, head.sums, config)
        except ConfigurationError as error:
            # Such as other parameters of the model here than workers have.
            return InUse(None, f"The model cannot be read here: {error}.")
        self._heads = heads
        if version.is_warming or not len(head.sums.recent_rows):
            return InUse(None, _WARMING)
        return InUse(version, made_at=datetime.fromisoformat(head.header.created_at))


def _derived(version_id: str, blob: bytes, config: ModelConfig) -> Scorer:
    sums, _ = decode_version(blob, config)
    return Scorer.of(version_id, sums, config)
