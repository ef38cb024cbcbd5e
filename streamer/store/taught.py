"""What a verdict taught, found by its payment among the lessons that workers wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamer.store.client import Client
from streamer.store.lesson_stream import StoredLesson
from streamer.verdicts.lesson_record import decode_lesson

__all__ = ["Taught"]

# Clocks of Redis and of the console may differ by so much.
_EARLY_MS: Final = 60_000
_MOST: Final = 2_000
_AT_ONE_TIME: Final = 16


@dataclass(frozen=True, slots=True)
class Taught:
    """Reads of one namespace; raises `UnavailableError` where Redis is away."""

    client: Client

    async def lessons_on(
        self, topic: str, partition: int, transaction_id: str, since_ms: int
    ) -> list[StoredLesson]:
        """Return the lessons on a payment of a partition that were written since, in order."""
        key = self.client.keys.lessons(topic, partition)
        command = "XRANGE", key, max(since_ms - _EARLY_MS, 0), "+", "COUNT", _MOST
        [entries] = await self.client.pipelined([command], atomic=False)
        found = []
        for entry_id, entry in entries:
            lesson = decode_lesson(entry)
            if lesson.transaction_id == transaction_id:
                at_ms = int(entry_id.partition(b"-")[0])
                found.append(StoredLesson(at_ms, topic, partition, lesson))
        return found

    async def version_with(self, lesson: StoredLesson) -> str:
        """Return the id of the first version that holds a lesson, "" where the lineage is cut off.

        Lesson and entry are written in one step, at one time of Redis.
        """
        command = "XRANGE", self.client.keys.lineage, lesson.stored_ms, "+", "COUNT", _AT_ONE_TIME
        [entries] = await self.client.pipelined([command], atomic=False)
        name = f"{lesson.topic}/{lesson.partition}"
        for _, entry in entries:
            if name in entry.get(b"partition", b"").decode(errors="replace").split():
                return str(entry.get(b"version", b"").decode(errors="replace"))
        return ""
