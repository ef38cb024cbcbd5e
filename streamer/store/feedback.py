"""Verdicts as they came from Kafka: a capped stream per partition, each verdict in it once.

Invariants:
* An entry's id is ``<Kafka offset + 1>-0`` (Redis has no id 0-0) and Redis takes only growing ids, so
  no verdict can be stored twice, not even after it was trimmed.
* The partition's offset is written with the entries and never moves back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redis.exceptions import ResponseError

from streamer.errors import InvariantError
from streamer.store.client import Client, Pipe, asked
from streamer.store.identity import Identity
from streamer.store.keys import split_partition
from streamer.store.versions import Limits

__all__ = ["add_feedback", "feedback_offset", "feedback_partitions", "read_feedback"]


async def add_feedback(
    client: Client,
    identity: Identity,
    limits: Limits,
    topic: str,
    partition: int,
    next_offset: int,
    entries: Sequence[tuple[int, Mapping[str, str]]],
) -> int:
    """Store verdicts with the offset to go on from, and return how many of them were new."""
    offsets = [offset for offset, _ in entries]
    if offsets != sorted(set(offsets)) or (offsets and offsets[-1] >= next_offset):
        raise InvariantError(
            f"feedback offsets of {topic}/{partition} must grow and stay below {next_offset}, "
            f"got {offsets[0]} to {offsets[-1]}"
        )
    stream = client.keys.feedback(topic, partition)
    record = client.keys.partition(topic, partition)

    async def attempt(pipe: Pipe) -> int:
        await identity.verify(pipe, client)
        last_offset = await _last_offset(pipe, stream)
        stored = await asked(pipe, "HGET", record, "offset")
        fresh = [entry for entry in entries if entry[0] > last_offset]
        pipe.multi()
        for offset, verdict in fresh:
            named = [item for pair in verdict.items() for item in pair]
            limit = ("MAXLEN", "~", limits.feedback_max_entries)
            pipe.execute_command("XADD", stream, *limit, f"{offset + 1}-0", *named)
        pipe.execute_command("HSET", record, "offset", max(next_offset, int(stored or 0)))
        pipe.execute_command("SADD", client.keys.partitions, f"{topic}:{partition}")
        return len(fresh)

    return await client.transact([client.keys.identity, stream, record], attempt)


async def feedback_offset(client: Client, topic: str, partition: int) -> int | None:
    """Return the first Kafka offset whose verdict is not stored; None before the first one."""
    key = client.keys.partition(topic, partition)
    [stored] = await client.pipelined([("HGET", key, "offset")], atomic=False)
    return None if stored is None else int(stored)


async def feedback_partitions(client: Client, topic: str) -> list[int]:
    """Return the partitions of ``topic`` that were ever stored, in order."""
    [members] = await client.pipelined([("SMEMBERS", client.keys.partitions)], atomic=False)
    names = (split_partition(member.decode()) for member in members)
    return sorted(partition for name, partition in names if name == topic)


async def read_feedback(
    client: Client, topic: str, partition: int, from_offset: int, count: int
) -> list[tuple[int, dict[str, str]]]:
    """Return up to ``count`` stored verdicts from Kafka offset ``from_offset`` on, oldest first."""
    stream = client.keys.feedback(topic, partition)
    [entries] = await client.pipelined(
        [("XRANGE", stream, f"{from_offset + 1}-0", "+", "COUNT", count)], atomic=False
    )
    return [
        (_offset(entry_id), {name.decode(): value.decode() for name, value in verdict.items()})
        for entry_id, verdict in entries
    ]


async def _last_offset(pipe: Pipe, stream: str) -> int:
    """Return the Kafka offset of the last verdict ever stored, -1 before the first."""
    try:
        info = await asked(pipe, "XINFO STREAM", stream)
    except ResponseError as error:
        if "no such key" in str(error).lower():
            return -1
        raise
    return _offset(info["last-generated-id"])


def _offset(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0]) - 1
