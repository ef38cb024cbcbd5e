"""A process's own chain: each entry to Redis, to Kafka, and its head back to Redis.

What changes something waits until Kafka has the entry, and is refused where that takes too long.  What
only looks waits for Redis, which keeps the entry until Kafka has it: a page with card data needs Redis
in any case, and who judges alerts is not to wait for a broker that is being restarted.

Invariants:
* Numbers go up by one and the time never goes back.
* What was refused since it could not be stored is followed by an entry that says so.
* A process that ends in between loses nothing: the next one sends what it left in Redis.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

import msgspec
import structlog

from streamer.audit.audit_entry import (
    BEGINNING,
    Actor,
    AuditEntry,
    Head,
    Link,
    Subject,
    Told,
    sealed,
)
from streamer.audit.audit_sender import AuditSender
from streamer.audit.kept_heads import KeptHeads
from streamer.cancelling import cancel_and_wait
from streamer.durations import DAY_MS, HOUR_S, MINUTE_MS
from streamer.errors import StreamerError, UnavailableError
from streamer.settings import Settings
from streamer.store import rfc3339

__all__ = ["AuditWriter"]

# Of other chains, those that were written to lately; a link is to be found before its target is gone.
_LINKED_MS: Final = 2 * DAY_MS
_MOST_LINKS: Final = 100
# Entries of others that have waited for so long were left by who is no more.
_LEFT_MS: Final = MINUTE_MS
_OUTLIVING_MS: Final = 30 * DAY_MS
_LOOK_S: Final = 60.0
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]")

_log: Final = structlog.get_logger(__name__)


class AuditWriter:
    """Writes the chain of one process; ``role`` is what it is, ``now_ms`` the time in epoch ms.

    ``counts`` are entries by action and outcome, ``n_refused`` what could not be stored, by kind;
    ``acknowledged`` is the last that Kafka has, None before the first.
    """

    def __init__(
        self, settings: Settings, kept: KeptHeads, role: str, now_ms: Callable[[], int]
    ) -> None:
        self._settings, self._kept, self._now_ms = settings, kept, now_ms
        host = _UNSAFE.sub("-", socket.gethostname())[:64]
        self.writer = f"{role}:{host}:{secrets.token_hex(4)}"
        self.head = Head(-1, BEGINNING, 0)
        self.acknowledged: Head | None = None
        self._unsure: tuple[Head, bytes] | None = None
        self.counts: Counter[tuple[str, str]] = Counter()
        self.n_refused: Counter[str] = Counter()
        self._sealing = asyncio.Lock()
        self._keeping = asyncio.Lock()
        # By writer: what Kafka has not taken, and what it has and Redis was not told of.
        self._waiting: dict[tuple[str, int], tuple[Head, asyncio.Future[None]]] = {}
        self._taken: dict[str, list[Head]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.sender = AuditSender(settings, self._on_taken)

    @property
    def n_unsent(self) -> int:
        """Entries that Kafka has not taken."""
        return len(self._waiting)

    @property
    def unsent_s(self) -> float:
        """How long the oldest of them has waited, 0 where there is none."""
        oldest = min((head.at_ms for head, _ in self._waiting.values()), default=None)
        return 0.0 if oldest is None else max(self._now_ms() - oldest, 0) / 1000

    async def stored(self, told: Told, *, may_wait: bool = False) -> bool:
        """Return True once Kafka has the entry; raise `UnavailableError` where it does not take it.

        With ``may_wait`` one that Kafka does not take in time waits in Redis, and False is returned:
        for what must not wait for Kafka.
        """
        within_s = self._settings.audit_timeout_s
        sequence, done = await self._append(told, "change")
        try:
            await asyncio.wait_for(asyncio.shield(done), within_s)
        except TimeoutError:
            if may_wait:
                return False
            self.n_refused["change"] += 1
            await self._not_stored(told, sequence)
            because = self.sender.error or "no answer"
            raise UnavailableError(
                f"the audit topic {self._settings.audit_topic} must take the entry of a change within "
                f"{within_s:g} s, got {because}; nothing was changed"
            ) from None
        return True

    async def noted(self, *told: Told) -> None:
        """Return once entries will not be lost: they are in Redis, and on their way to Kafka."""
        for each in told:
            await self._append(each, "view")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the chains meanwhile: what others left, and a link to each every hour."""
        task = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            try:
                await cancel_and_wait([task])
            finally:
                await self.close()

    async def close(self, within_s: float | None = None) -> None:
        """Wait for Kafka, as long as a change does unless told, and tell Redis what it has."""
        within_s = self._settings.audit_timeout_s if within_s is None else within_s
        await asyncio.to_thread(self.sender.close, within_s)
        # What was taken is told by the loop's next turn.
        await asyncio.sleep(0)
        for task in list(self._tasks):
            await asyncio.wait([task])
        with suppress(StreamerError):
            for writer in list(self._taken):
                await self._keep(writer)

    async def anchor(self) -> None:
        """Write the heads of the other chains into this one, and forget those of chains long gone."""
        told = Told(actor=Actor(self.writer, "itself"), action="anchor", outcome="done")
        await self._append(told, "view")
        # Kafka removes whole segments, so that entries outlive the retention by days.
        oldest = self._now_ms() - round(self._settings.audit_retention_s * 1000) - _OUTLIVING_MS
        heads = await self._kept.heads()
        await self._kept.forget([name for name, head in heads.items() if head.at_ms < oldest])

    async def adopt(self) -> int:
        """Send what processes that are no more have left in Redis; return how many entries."""
        n_sent, before_ms = 0, self._now_ms() - _LEFT_MS
        for writer, entries in (await self._kept.unsent()).items():
            try:
                heads = {n: _head_of(value) for n, value in entries.items()}
            except (msgspec.MsgspecError, ValueError) as error:
                _log.error("what waits in Redis is no audit entry", writer=writer, error=str(error))
                continue
            oldest = min(head.at_ms for head in heads.values())
            if writer == self.writer or oldest > before_ms:
                continue
            for sequence, value in entries.items():
                if (writer, sequence) not in self._waiting:
                    self._hand_over(writer, heads[sequence], value)
                    n_sent += 1
        if n_sent:
            _log.warning("audit entries of others sent", entries=n_sent)
        return n_sent

    async def _append(
        self, told: Told, kind: str, *, is_bounded: bool = True
    ) -> tuple[int, asyncio.Future[None]]:
        most = self._settings.audit_max_unsent
        # Those of others, which this process sends for them, are not its own.
        n_own = sum(writer == self.writer for writer, _ in self._waiting)
        if is_bounded and n_own >= most:
            self.n_refused[kind] += 1
            raise UnavailableError(
                f"Kafka must take audit entries, got {most:,} that wait (STREAMER_AUDIT_MAX_UNSENT); "
                "until it does, no card data is shown and nothing is changed"
            )
        told = told.fit()
        async with self._sealing:
            await self._settle(kind)
            sequence = self.head.sequence + 1
            at_ms = max(self._now_ms(), self.head.at_ms)
            has_links = sequence == 0 or told.action == "anchor"
            try:
                entry = AuditEntry.of(
                    told,
                    writer=self.writer,
                    before=self.head if sequence else None,
                    at=rfc3339(at_ms),
                    heads=await self._links() if has_links else [],
                )
                made = sealed(entry)
                self._unsure = Head(sequence, made.hash, at_ms), made.value
                await self._kept.hold(self.writer, sequence, made.value)
            except StreamerError:
                self.n_refused[kind] += 1
                raise
            self._unsure = None
            self.head = Head(sequence, made.hash, at_ms)
            done = self._hand_over(self.writer, self.head, made.value)
        self.counts[told.action, told.outcome] += 1
        return sequence, done

    async def _settle(self, kind: str) -> None:
        """Keep an entry that Redis may have taken already: another with its number were a fork."""
        if self._unsure is None:
            return
        head, value = self._unsure
        try:
            await self._kept.hold(self.writer, head.sequence, value)
        except StreamerError:
            self.n_refused[kind] += 1
            raise
        self._unsure, self.head = None, head
        self._hand_over(self.writer, head, value)

    def _hand_over(self, writer: str, head: Head, value: bytes) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting[writer, head.sequence] = head, done
        self.sender.send(writer, head.sequence, value)
        return done

    async def _links(self) -> list[Link]:
        since = self._now_ms() - _LINKED_MS
        heads = await self._kept.heads()
        recent = [
            Link(name, head.sequence, head.hash, head.at_ms)
            for name, head in heads.items()
            if name != self.writer and head.at_ms >= since
        ]
        return sorted(recent, key=lambda link: (-link.at_ms, link.writer))[:_MOST_LINKS]

    async def _not_stored(self, told: Told, sequence: int) -> None:
        refused = msgspec.structs.replace(
            told,
            action="not stored",
            subject=Subject("entry", str(sequence)),
            outcome="refused",
            card=None,
            details={},
        )
        with suppress(StreamerError):
            await self._append(refused, "change", is_bounded=False)

    def _on_taken(self, writer: str, sequence: int) -> None:
        """Hear from the sender's thread that Kafka has an entry."""
        with suppress(RuntimeError):
            # The loop may have been closed meanwhile.
            self._loop.call_soon_threadsafe(self._note_taken, writer, sequence)

    def _note_taken(self, writer: str, sequence: int) -> None:
        found = self._waiting.pop((writer, sequence), None)
        if found is None:
            return
        head, done = found
        if writer == self.writer:
            self.acknowledged = head
        if not done.done():
            done.set_result(None)
        self._taken.setdefault(writer, []).append(head)
        task = self._loop.create_task(self._keep_on(writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_on(self, writer: str) -> None:
        """Tell Redis what Kafka has of a chain; it is told again later where it is away."""
        try:
            await self._keep(writer)
        except StreamerError as error:
            _log.warning("audit head not kept", error=str(error))

    async def _keep(self, writer: str) -> None:
        async with self._keeping:
            taken = self._taken.pop(writer, [])
            if not taken:
                return
            last = max(taken, key=lambda head: head.sequence)
            try:
                await self._kept.taken(writer, last, [head.sequence for head in taken])
            except StreamerError:
                self._taken[writer] = [*taken, *self._taken.get(writer, [])]
                raise

    async def _look_after(self) -> None:
        anchored_s = self._loop.time()
        while True:
            with suppress(StreamerError):
                await self.adopt()
                for writer in list(self._taken):
                    await self._keep(writer)
                if self._loop.time() - anchored_s >= HOUR_S:
                    await self.anchor()
                    anchored_s = self._loop.time()
            await asyncio.sleep(_LOOK_S)


def _head_of(value: bytes) -> Head:
    """Return what an entry that waits is as the head of its chain."""
    told = msgspec.json.decode(value, type=_Waiting)
    return Head(told.sequence, told.hash, round(datetime.fromisoformat(told.at).timestamp() * 1000))


class _Waiting(msgspec.Struct):
    sequence: int
    hash: str
    at: str
