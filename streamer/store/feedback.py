"""Verdicts as they came from Kafka: a capped stream per partition, each verdict in it once.

Invariants:
* An entry's id is ``<Kafka offset + 1>-0`` (Redis has no id 0-0) and Redis takes only growing ids, so
  no verdict can be stored twice, not even after it was trimmed.
* The partition's offset and the number of verdicts ever stored are written with the entries, and never
  move back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis.exceptions import ResponseError

from streamer.errors import InvariantError
from streamer.store.client import Client, Pipe, asked
from streamer.store.identity import Identity
from streamer.store.keys import split_partition
from streamer.store.versions import Limits

__all__ = [
    "StoredVerdicts",
    "add_feedback",
    "feedback_offset",
    "feedback_partitions",
    "read_feedback",
]

_N_STORED: Final = "n_stored"


@dataclass(frozen=True, slots=True)
class StoredVerdicts:
    """Verdicts by Kafka offset, oldest first.

    ``n_lost`` were trimmed before they could be read: at most so many, since what lay between the
    cursor and the first one may have been no verdicts.
    """

    entries: tuple[tuple[int, Mapping[str, str]], ...] = ()
    n_lost: int = 0


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
        last_offset, n_kept = await _last_offset(pipe, stream)
        stored, n_stored = await asked(pipe, "HMGET", record, "offset", _N_STORED)
        fresh = [entry for entry in entries if entry[0] > last_offset]
        pipe.multi()
        for offset, verdict in fresh:
            named = [item for pair in verdict.items() for item in pair]
            limit = ("MAXLEN", "~", limits.feedback_max_entries)
            pipe.execute_command("XADD", stream, *limit, f"{offset + 1}-0", *named)
        pipe.execute_command("HSET", record, "offset", max(next_offset, _number(stored, record)))
        # An earlier release did not count: what is there is what there was, for all we know.
        n_before = n_kept if n_stored is None else _number(n_stored, record)
        pipe.execute_command("HSET", record, _N_STORED, n_before + len(fresh))
        pipe.execute_command("SADD", client.keys.partitions, f"{topic}:{partition}")
        return len(fresh)

    return await client.transact([client.keys.identity, stream, record], attempt)


async def feedback_offset(client: Client, topic: str, partition: int) -> int | None:
    """Return the first Kafka offset whose verdict is not stored; None before the first one."""
    key = client.keys.partition(topic, partition)
    [stored] = await client.pipelined([("HGET", key, "offset")], atomic=False)
    return None if stored is None else _number(stored, key)


async def feedback_partitions(client: Client, topic: str) -> list[int]:
    """Return the partitions of ``topic`` that were ever stored, in order."""
    [members] = await client.pipelined([("SMEMBERS", client.keys.partitions)], atomic=False)
    names = [split_partition(member, client.keys.partitions) for member in members]
    return sorted(partition for name, partition in names if name == topic)


async def read_feedback(
    client: Client, topic: str, partition: int, from_offset: int, count: int
) -> StoredVerdicts:
    """Return up to ``count`` stored verdicts from Kafka offset ``from_offset`` on, oldest first."""
    stream = client.keys.feedback(topic, partition)
    record = client.keys.partition(topic, partition)
    entries, first, n_kept, n_stored = await client.pipelined(
        [
            ("XRANGE", stream, f"{from_offset + 1}-0", "+", "COUNT", count),
            ("XRANGE", stream, "-", "+", "COUNT", 1),
            ("XLEN", stream),
            ("HGET", record, _N_STORED),
        ],
        atomic=True,
    )
    if not entries:
        return StoredVerdicts()
    # A release that did not count left no number; nothing is known to be trimmed then.
    n_trimmed = max(_number(n_stored, record) - int(n_kept), 0)
    n_passed_over = max(_offset(first[0][0]) - from_offset, 0)
    return StoredVerdicts(
        tuple((_offset(entry_id), _texts(verdict, stream)) for entry_id, verdict in entries),
        min(n_trimmed, n_passed_over),
    )


def _texts(verdict: Mapping[bytes, bytes], stream: str) -> dict[str, str]:
    try:
        return {name.decode(): value.decode() for name, value in verdict.items()}
    except UnicodeDecodeError:
        raise InvariantError(
            f"{stream} must hold verdicts, got an entry that is no text; does something else write "
            "under its keys?"
        ) from None


async def _last_offset(pipe: Pipe, stream: str) -> tuple[int, int]:
    """Return the Kafka offset of the last verdict ever stored, -1 before it, and how many are kept."""
    try:
        info = await asked(pipe, "XINFO STREAM", stream)
    except ResponseError as error:
        if "no such key" in str(error).lower():
            return -1, 0
        raise
    return _offset(info["last-generated-id"]), int(info["length"])


def _number(stored: bytes | None, key: str) -> int:
    """Return a field of the hash ``key``, 0 where it was never written."""
    try:
        return int(stored or 0)
    except ValueError:
        raise InvariantError(
            f"{key} must hold what a worker wrote, got a field that is no number; does something else "
            "write under its keys?"
        ) from None


def _offset(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0]) - 1
