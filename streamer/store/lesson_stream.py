"""What verdicts taught: a capped stream per partition, written with the checkpoint that holds it.

Invariant: a lesson is in its stream exactly once, as soon as the model's head has learned it and no
sooner; the oldest go when there are more than the cap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamer.store.client import Client
from streamer.store.history_limits import Limits
from streamer.store.keys import Keys, split_partition
from streamer.store.stored import Checkpoint
from streamer.verdicts.lesson_record import Lesson, decode_lesson

__all__ = ["StoredLesson", "lesson_commands", "read_lessons"]


@dataclass(frozen=True, slots=True)
class StoredLesson:
    """A lesson, which partition had its payment, and when Redis got it in epoch milliseconds."""

    stored_ms: int
    topic: str
    partition: int
    lesson: Lesson


def lesson_commands(keys: Keys, checkpoint: Checkpoint, limits: Limits) -> list[list[Any]]:
    """Return what writes a checkpoint's lessons; a thread's work where there are many."""
    key = keys.lessons(checkpoint.topic, checkpoint.partition)
    # "~": Redis trims whole nodes of the stream, which costs nothing, and a few entries more stay.
    most = "MAXLEN", "~", limits.lessons_max_entries
    return [["XADD", key, *most, "*", "lesson", noted.encoded()] for noted in checkpoint.lessons]


async def read_lessons(client: Client, count: int) -> list[StoredLesson]:
    """Return the latest ``count`` lessons of all partitions, newest first."""
    keys = client.keys
    [members] = await client.pipelined([("SMEMBERS", keys.partitions)], atomic=False)
    names = sorted(split_partition(member, keys.partitions) for member in members)
    replies = await client.pipelined(
        [("XREVRANGE", keys.lessons(*name), "+", "-", "COUNT", count) for name in names],
        atomic=False,
    )
    found = [
        (_order(entry_id), StoredLesson(_order(entry_id)[0], *name, decode_lesson(entry)))
        for name, entries in zip(names, replies, strict=True)
        for entry_id, entry in entries
    ]
    found.sort(key=lambda each: each[0], reverse=True)
    return [lesson for _, lesson in found[:count]]


def _order(entry_id: bytes) -> tuple[int, int]:
    time_ms, _, number = entry_id.partition(b"-")
    return int(time_ms), int(number)
