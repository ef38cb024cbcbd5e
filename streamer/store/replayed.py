"""Which dead letters have been sent again: offsets of their topic, by partition.

Invariant: an offset is noted after Kafka has its message again, so that a crash sends twice, never not
at all.  What the dead-letter topic no longer holds is forgotten, which bounds the set by that topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamer.store.client import Client

__all__ = ["Replayed"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Reads and notes them in one namespace."""

    _client: Client

    async def offsets(self, topic: str, topic_id: str, partition: int) -> set[int]:
        """Return the offsets that were sent again; ``topic_id`` is Kafka's id of the topic."""
        key = self._client.keys.replayed(topic, topic_id, partition)
        [members] = await self._client.pipelined([("ZRANGE", key, 0, -1)], atomic=False)
        return {int(member) for member in members}

    async def add(
        self, topic: str, topic_id: str, partition: int, offsets: Sequence[int], first_offset: int
    ) -> None:
        """Note that ``offsets`` were sent again; the topic begins at ``first_offset``."""
        key = self._client.keys.replayed(topic, topic_id, partition)
        pairs = [value for offset in offsets for value in (offset, offset)]
        commands: list[tuple[object, ...]] = [("ZREMRANGEBYSCORE", key, "-inf", f"({first_offset}")]
        if pairs:
            commands.append(("ZADD", key, *pairs))
        await self._client.pipelined(commands, atomic=True)
