"""What the store says of models: the head and its drift, what runs beside it, and what came before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamer.challenging.compared import Compared, compared
from streamer.drifting import drift_findings
from streamer.model import Scorer
from streamer.reports.version_report import describe_version
from streamer.settings import Settings
from streamer.starting.wiring import model_config, open_store, settings_in_force
from streamer.store import VersionInfo
from streamer.watching.watch_record import Watch

__all__ = ["Models", "read_models"]

_LINEAGE_READ: Final = 2_000
_SHOWN: Final = 30
_LEARNED: Final = 6


@dataclass(frozen=True, slots=True)
class Models:
    """``head`` is as `streamer model show`, ``drift`` as `streamer drift report` tells them.

    ``changes`` are what people and the watch did, ``versions`` what is worth showing of what is stored,
    both newest first; ``stored`` are the ids of all of it.
    """

    head: Mapping[str, Any]
    drift: Mapping[str, Any]
    versions: Sequence[VersionInfo]
    changes: Sequence[Mapping[str, str]]
    challengers: Sequence[Compared]
    watch: Watch
    stored: frozenset[str]


def read_models(settings: Settings) -> Models:
    """Return what is there; raises `StreamerError` where Redis is away or of other settings.

    Not to be called within a running loop.
    """
    return asyncio.run(_read(settings))


def _worth_showing(versions: Sequence[VersionInfo]) -> list[VersionInfo]:
    """Return the newest that were learned, a few of some hundred, and all that people brought."""
    learned = [each for each in versions if each.reason == "merge"][:_LEARNED]
    brought = [each for each in versions if each.reason != "merge"][:_SHOWN]
    return [each for each in versions if each.is_head or each in learned or each in brought]


async def _read(settings: Settings) -> Models:
    store = open_store(settings)
    try:
        head = await store.head()
        config = model_config(await settings_in_force(store, settings))
        lineage = await store.lineage(_LINEAGE_READ)
        changes = [entry for entry in lineage if entry["reason"] != "merge"]
        versions = await store.versions()
        return Models(
            describe_version(Scorer.of(head.id, head.sums, config), head.header),
            drift_findings(head.id, head.sums, config, lineage),
            _worth_showing(versions),
            changes[:_SHOWN],
            [compared(each) for each in await store.challengers.standings()],
            await store.trials.watch(),
            frozenset(each.id for each in versions),
        )
    finally:
        await store.close()
