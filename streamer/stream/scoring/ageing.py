"""Lets go of cards and merchants that were not seen for long, from memory and from Redis.

Their sums have faded, and their row would stay for ever: Redis would have one for each card that ever
paid.  A look goes through some of the rows of one kind that are stored, and forgets those older than
`STREAMER_CARDS_RETENTION_S` before the newest payment of their partition.  They go with the next
checkpoint, as what is erased does (`following_erasures`), and who comes back begins anew.

Invariant: what is held of an entity that was seen since stays, whether it is in memory, in a checkpoint
under way, or in Redis by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from streamer.features import EntityTable
from streamer.store import AGED
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["Ageing"]

_log = structlog.get_logger(__name__)

# Of rows of some two hundred bytes: a look of two seconds goes through ten million cards in six hours.
_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class _Round:
    """How far somebody has come with one partition: which kind, and where in it."""

    kind: int = 0
    cursor: int = 0
    n_gone: int = 0


class Ageing:
    """Does it on one worker, some rows with each look."""

    def __init__(self, kit: Kit, held: Held) -> None:
        self._kit = kit
        self._held = held
        self._rounds: dict[int, tuple[Assigned, _Round]] = {}
        self._n_looks = 0

    async def look(self) -> None:
        """Look at the next rows of each partition; `UnavailableError` where Redis is away."""
        partitions = self._held.assigned
        self._rounds = {n: each for n, each in self._rounds.items() if partitions.get(n) is each[0]}
        for assigned in list(partitions.values()):
            _, at = self._rounds.setdefault(assigned.partition, (assigned, _Round()))
            # One at a time: the next begins when Redis has let go of the last.
            if not any(each.startswith(AGED) for each in assigned.erasing):
                await self._look_at(assigned, at)

    async def _look_at(self, assigned: Assigned, at: _Round) -> None:
        tables = assigned.state.tables.all()
        table, begins = tables[at.kind], at.cursor == 0
        now_ms = max(float(each.times_ms.max(initial=-1.0)) for each in tables)
        before_ms = now_ms - self._kit.settings.cards_retention_s * 1000
        if now_ms < 0:
            return
        place, n_saved = (assigned.topic, assigned.partition, table.kind.name), assigned.n_saved
        cursor, stored = await self._kit.store.erasures.some_stored(*place, at.cursor, _AT_ONCE)
        async with self._held.lock:
            is_held = self._held.assigned.get(assigned.partition) is assigned
            # Of a checkpoint that was written meanwhile a row may be newer than what was read.
            if not is_held or assigned.state.next_offset is None or assigned.n_saved != n_saved:
                return
            if assigned.pending is not None:
                newer = assigned.pending.entities[table.kind.name]
                stored = {name: row for name, row in stored.items() if name not in newer}
            names = table.let_go(before_ms, stored, in_memory=begins)
            at.cursor = cursor
            if names:
                self._note(assigned, table, names, at)
        if cursor == 0:
            at.kind = (at.kind + 1) % len(tables)
            if at.kind == 0:
                self._tell(assigned, at)

    def _note(self, assigned: Assigned, table: EntityTable, names: list[str], at: _Round) -> None:
        kind = table.kind.name
        self._n_looks += 1
        assigned.erasing[f"{AGED}{self._n_looks}"] = {kind: names}
        self._held.unsaved_since.setdefault(assigned.partition, self._kit.clock.monotonic())
        self._kit.metrics.entities_aged.labels(kind).inc(len(names))
        at.n_gone += len(names)

    def _tell(self, assigned: Assigned, at: _Round) -> None:
        if at.n_gone:
            _log.info("not seen for long", partition=assigned.partition, entities=at.n_gone)
        at.n_gone = 0
