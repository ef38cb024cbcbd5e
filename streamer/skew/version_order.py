"""Which of two versions is newer: the history in Redis says in which order they became the head."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.skew.skew_outcomes import Order
from streamer.starting.wiring import open_store

__all__ = ["VersionOrder"]

# A new version comes every two seconds; what is asked for is read as often at most.
_AGAIN_AFTER_S: Final = 1.0
_MOST_GONE: Final = 1_000


@dataclass(slots=True)
class VersionOrder:
    """Blocks for a look into Redis where a version is new to it, for a second at most."""

    settings: Settings
    _places: dict[str, int] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _read_at: float = -_AGAIN_AFTER_S

    def of(self, answered_by: str, scored_by: str) -> Order:
        """Return what the version that scored is to the one that answered."""
        new = {answered_by, scored_by} - self._places.keys() - self._gone
        if new:
            self._read(new)
        if not {answered_by, scored_by} <= self._places.keys():
            return "unknown"
        is_newer = self._places[scored_by] > self._places[answered_by]
        return "newer" if is_newer else "older"

    def _read(self, wanted: set[str]) -> None:
        time.sleep(max(self._read_at + _AGAIN_AFTER_S - time.monotonic(), 0.0))
        try:
            entries = asyncio.run(self._entries())
        except UnavailableError:
            return
        finally:
            self._read_at = time.monotonic()
        # A version that became the head again counts by when that was.
        self._places = {entry.get("version", ""): i for i, entry in enumerate(reversed(entries))}
        if len(self._gone) > _MOST_GONE:
            self._gone.clear()
        self._gone |= wanted - self._places.keys()

    async def _entries(self) -> list[dict[str, str]]:
        store = open_store(self.settings)
        try:
            return await store.lineage(self.settings.lineage_max_entries)
        finally:
            await store.close()
