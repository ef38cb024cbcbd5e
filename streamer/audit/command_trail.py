"""The chain of a command: what it is about to do is stored first, and what came of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

import msgspec

from streamer.audit.audit_entry import Told
from streamer.audit.audit_writer import AuditWriter
from streamer.audit.kept_heads import KeptHeads
from streamer.errors import ConfigurationError, StreamerError
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store
from streamer.store import ReviewStore
from streamer.stream.kafka.topics import prepare_audit_topic

__all__ = ["command_trail", "seen"]

# Kafka that is there answers within milliseconds, over TLS within one or two seconds.
_ANSWER_S: Final = 3.0


@contextmanager
def command_trail(
    settings: Settings,
    told: Told,
    now_ms: Callable[[], int],
    *,
    may_wait: bool = False,
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[dict[str, str]]:
    """Let a command change something within; blocks.

    Its entry is with Kafka before, or `UnavailableError` is raised and nothing is done; with
    ``may_wait`` it may be in Redis only, of which ``warn`` is told.  What it puts into the mapping goes
    into the entry of what came of it, which does not undo anything where it cannot be stored.
    """
    with asyncio.Runner() as runner:
        trail = runner.run(_Trail.opened(settings, now_ms, may_wait=may_wait))
        try:
            if not runner.run(trail.store(told, may_wait=may_wait)):
                warn("Kafka is away: the audit entry waits in Redis, and the next process sends it")
            came: dict[str, str] = {}
            try:
                yield came
            except BaseException:
                _ended(runner, trail, told, "failed", came, warn)
                raise
            _ended(runner, trail, told, "done", came, warn)
        finally:
            runner.run(trail.closed())


def seen(settings: Settings, told: Told, now_ms: Callable[[], int]) -> None:
    """Write that a command is about to show card data; blocks.

    It waits in Redis where Kafka is away; `UnavailableError` where Redis is too.
    """

    async def work() -> None:
        trail = await _Trail.opened(settings, now_ms)
        try:
            await trail.store(told, may_wait=True)
        finally:
            await trail.closed()

    asyncio.run(work())


class _Trail:
    """``is_up``: Kafka answered when it was asked, so that there is something to wait for."""

    def __init__(self, store: ReviewStore, writer: AuditWriter, *, is_up: bool) -> None:
        self._store, self._writer, self._is_up = store, writer, is_up

    @classmethod
    async def opened(
        cls, settings: Settings, now_ms: Callable[[], int], *, may_wait: bool = False
    ) -> _Trail:
        within_s = min(settings.audit_timeout_s, _ANSWER_S)
        try:
            is_up = await asyncio.to_thread(prepare_audit_topic, settings, within_s)
        except ConfigurationError:
            if not may_wait:
                raise
            is_up = False
        store = open_review_store(settings)
        writer = AuditWriter(settings, KeptHeads(store.client), "command", now_ms)
        if is_up:
            # What others could not send, so that it waits for no console.
            with suppress(StreamerError):
                await writer.adopt()
        return cls(store, writer, is_up=is_up)

    async def store(self, told: Told, *, may_wait: bool) -> bool:
        """Return whether Kafka has the entry; it is in Redis in any case."""
        if may_wait and not self._is_up:
            await self._writer.noted(told)
            return False
        return await self._writer.stored(told, may_wait=may_wait)

    async def closed(self) -> None:
        await self._writer.close(None if self._is_up else 0.0)
        await self._store.close()


def _ended(
    runner: asyncio.Runner,
    trail: _Trail,
    told: Told,
    outcome: Literal["done", "failed"],
    came: dict[str, str],
    warn: Callable[[str], None],
) -> None:
    ended = msgspec.structs.replace(told, outcome=outcome, details=told.details | came)
    try:
        runner.run(trail.store(ended, may_wait=True))
    except StreamerError as error:
        warn(f"what came of it is not on the audit topic: {error}")
