"""Holds the audit topic, or a file that was exported from it, against the heads that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from streamer.audit.anchors import Anchors
from streamer.audit.audit_check import AuditCheck
from streamer.audit.audit_entry import Head
from streamer.audit.audit_findings import Checked
from streamer.audit.audit_reading import Period, ReadEntry, read_entries
from streamer.audit.kept_heads import KeptHeads
from streamer.durations import HOUR_MS
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store

__all__ = ["Verification", "anchors_before", "verified"]

_T = TypeVar("_T")
# What grows old while it is read, or is younger by Kafka's clock.
_READ_MS: Final = HOUR_MS


@dataclass(slots=True)
class Verification:
    """A check under way: heads first, then entries, then heads once more."""

    settings: Settings
    period: Period
    now_ms: int
    heads: Mapping[str, Head]
    check: AuditCheck

    @classmethod
    def begin(cls, settings: Settings, period: Period, now_ms: int) -> Verification:
        """Return a check that knows what was acknowledged before anything is read."""
        heads = with_kept(settings, lambda kept: kept.heads())
        return cls(settings, period, now_ms, heads, AuditCheck())

    def add(self, read: ReadEntry) -> None:
        """Take the next entry of the topic."""
        self.check.add(read.stored, names_others=read.names_others)

    def done(self) -> Checked:
        """Return what is wrong."""
        settings, period = self.settings, self.period

        async def work(kept: KeptHeads) -> tuple[dict[str, Head], dict[str, dict[int, bytes]]]:
            # What is taken meanwhile leaves the one and is in the other.
            unsent = await kept.unsent()
            return await kept.heads(), unsent

        heads, unsent = with_kept(settings, work)
        removed_ms = self.now_ms - round(settings.audit_retention_s * 1000) + _READ_MS
        waiting = (
            {} if period.until_ms is not None else {w: set(found) for w, found in unsent.items()}
        )
        return self.check.done(
            Anchors(
                heads=self.heads,
                heads_after=heads,
                waiting=waiting,
                removed_ms=removed_ms,
                since_ms=period.since_ms,
                until_ms=period.until_ms,
            )
        )


def verified(settings: Settings, period: Period, now_ms: int) -> Checked:
    """Return what is wrong with the topic in a period; blocks."""
    verification = Verification.begin(settings, period, now_ms)
    for read in read_entries(settings, period):
        verification.add(read)
    return verification.done()


def anchors_before(settings: Settings) -> dict[str, Head]:
    """Return the heads as Redis has them; blocks."""
    return with_kept(settings, lambda kept: kept.heads())


def with_kept(settings: Settings, work: Callable[[KeptHeads], Awaitable[_T]]) -> _T:
    """Return what ``work`` makes of what Redis keeps of the chains; blocks."""

    async def run() -> _T:
        store = open_review_store(settings)
        try:
            return await work(KeptHeads(store.client))
        finally:
            await store.close()

    return asyncio.run(run())
