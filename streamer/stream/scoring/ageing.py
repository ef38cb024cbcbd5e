"""Lets go of cards and merchants that were not seen for long, from memory and from Redis.

Their sums have faded, and their row would stay for ever: Redis would have one for each card that ever
paid.  A look goes through some of the rows of one kind that are stored, and forgets those older than
`STREAMER_CARDS_RETENTION_S` before the newest payment of their partition.  They go with the next
checkpoint, as what is erased does (`following_erasures`), and who comes back begins anew.

Nobody waits for it: a million rows take milliseconds, in which nothing is scored.  So the time is taken
once a round, and memory is gone through in pieces, up to the first that has something old.

Invariants:
* What is held of an entity that was seen since stays, whether it is in memory, in a checkpoint under
  way, or in Redis by now.
* A row in Redis that no entity can have is skipped, counted, and told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from streamer.features import EntityTable
from streamer.features.packed import is_name
from streamer.store import AGED
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["Ageing"]

_log = structlog.get_logger(__name__)

# Of rows of some two hundred bytes: a look of two seconds goes through ten million cards in six hours.
_AT_ONCE: Final = 1_000
# A tenth of a millisecond, in memory.
_ROWS_AT_ONCE: Final = 32_768


@dataclass(slots=True)
class _Round:
    """How far somebody has come with one partition: which kind, and where in memory and in Redis.

    What is before ``before_ms`` is old; negative until a round has begun.
    """

    before_ms: float = -1.0
    kind: int = 0
    row: int = 0
    cursor: int = 0
    n_gone: int = 0
    is_told: bool = False


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
        if at.before_ms < 0:
            now_ms = max([await _latest_ms(each) for each in tables])
            at.before_ms = now_ms - self._kit.settings.cards_retention_s * 1000
        # Nobody has paid yet, or nobody for so long that anything is old.
        if at.before_ms < 0:
            return
        if await self._look_in_memory(assigned, tables[at.kind], at):
            return
        if await self._look_in_redis(assigned, tables[at.kind], at) and at.cursor == 0:
            at.kind, at.row = (at.kind + 1) % len(tables), 0
            if at.kind == 0:
                self._tell(assigned, at)

    async def _look_in_memory(self, assigned: Assigned, table: EntityTable, at: _Round) -> bool:
        """Look up to the first piece that has something old; return whether there was one."""
        while at.row < len(table.changed):
            async with self._held.lock:
                if not self._is_held(assigned):
                    return True
                first, at.row = at.row, at.row + _ROWS_AT_ONCE
                names = table.let_go(at.before_ms, {}, first, at.row)
                self._note(assigned, table, names, at)
            if names:
                return True
            await asyncio.sleep(0)
        return False

    async def _look_in_redis(self, assigned: Assigned, table: EntityTable, at: _Round) -> bool:
        """Look at what is stored next; return whether that could be done."""
        kind, n_saved = table.kind.name, assigned.n_saved
        place = assigned.topic, assigned.partition, kind
        cursor, found = await self._kit.store.erasures.some_stored(*place, at.cursor, _AT_ONCE)
        stored = self._readable(assigned, table, found, at)
        async with self._held.lock:
            # Of a checkpoint that was written meanwhile a row may be newer than what was read.
            if not self._is_held(assigned) or assigned.n_saved != n_saved:
                return False
            if assigned.pending is not None:
                newer = assigned.pending.entities[kind]
                stored = {name: row for name, row in stored.items() if name not in newer}
            self._note(assigned, table, table.let_go(at.before_ms, stored), at)
            at.cursor = cursor
        return True

    def _is_held(self, assigned: Assigned) -> bool:
        is_held = self._held.assigned.get(assigned.partition) is assigned
        return is_held and assigned.state.next_offset is not None

    def _readable(
        self, assigned: Assigned, table: EntityTable, found: Mapping[str, bytes], at: _Round
    ) -> dict[str, bytes]:
        """Return the rows that an entity can have; the next owner would meet the others, too."""
        kind, n_bytes = table.kind.name, table.kind.row.itemsize
        stored = {name: row for name, row in found.items() if len(row) == n_bytes and is_name(name)}
        if n_others := len(found) - len(stored):
            self._kit.metrics.entities_unreadable.labels(kind).inc(n_others)
            if not at.is_told:
                at.is_told = True
                _log.warning(
                    "rows of no entity", partition=assigned.partition, kind=kind, rows=n_others
                )
        return stored

    def _note(self, assigned: Assigned, table: EntityTable, names: list[str], at: _Round) -> None:
        if not names:
            return
        kind = table.kind.name
        self._n_looks += 1
        assigned.erasing[f"{AGED}{self._n_looks}"] = {kind: names}
        self._held.unsaved_since.setdefault(assigned.partition, self._kit.clock.monotonic())
        self._kit.metrics.entities_aged.labels(kind).inc(len(names))
        at.n_gone += len(names)

    def _tell(self, assigned: Assigned, at: _Round) -> None:
        if at.n_gone:
            _log.info("not seen for long", partition=assigned.partition, entities=at.n_gone)
        at.n_gone, at.before_ms = 0, -1.0


async def _latest_ms(table: EntityTable) -> float:
    """Return when the latest event of a table was, -1 where there is none; others go on meanwhile."""
    latest_ms, first = -1.0, 0
    while first < len(table.changed):
        piece = table.times_ms[first : first + _ROWS_AT_ONCE]
        latest_ms, first = max(latest_ms, float(piece.max(initial=-1.0))), first + _ROWS_AT_ONCE
        await asyncio.sleep(0)
    return latest_ms
