"""Verdicts as they came from Kafka: a capped stream per partition, each verdict in it once.

A verdict's *place* is its Kafka offset plus the partition's shift, which is 0 until the topic is made
anew or read again: offsets begin again then, and places go on growing.  Cursors of those who learn from
verdicts are places.

Invariants:
* An entry's id is ``<place + 1>-0`` (Redis has no id 0-0) and Redis takes only growing ids, so no
  verdict can be stored twice, not even after it was trimmed.
* The partition's offset and the number of verdicts ever stored are written with the entries, and never
  move back but by a reset.
* Who began to read before a reset, or has stored more than is there, stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

from streamer.errors import FencedError, InvariantError, StoreReplacedError
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.keys import split_partition
from streamer.store.stored import PartitionRecord, partition_record

__all__ = ["StoredVerdicts", "add_feedback", "feedback_partitions", "read_feedback"]

_N_STORED: Final = "n_stored"


@dataclass(frozen=True, slots=True)
class StoredVerdicts:
    """Verdicts by their places, oldest first.

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
    known: PartitionRecord,
) -> int:
    """Store verdicts by their offsets with the one to go on from, and return how many were new.

    ``known`` is the partition as its reader knows it, with the log that the verdicts are from.
    FencedError when it was reset since, or verdicts of another topic were stored; StoreReplacedError
    when less is stored than is known.
    """
    offsets = [offset for offset, _ in entries]
    if offsets != sorted(set(offsets)) or (offsets and offsets[-1] >= next_offset):
        raise InvariantError(
            f"feedback offsets of {topic}/{partition} must grow and stay below {next_offset}, "
            f"got {offsets[0]} to {offsets[-1]}"
        )
    stream = client.keys.feedback(topic, partition)
    key = client.keys.partition(topic, partition)

    async def attempt(pipe: Pipe) -> int:
        await identity.verify(pipe, client)
        last_place, n_kept = await _last_place(pipe, stream)
        stored = partition_record(await asked(pipe, "HGETALL", key), key)
        _check(stored, known, f"{topic}/{partition}")
        placed = [(offset + stored.shift, verdict) for offset, verdict in entries]
        fresh = [entry for entry in placed if entry[0] > last_place]
        # An earlier release did not count: what is there is what there was, for all we know.
        n_before = n_kept if stored.n_stored is None else stored.n_stored
        written: dict[str, int | str] = {
            "offset": max(next_offset, stored.offset or 0),
            _N_STORED: n_before + len(fresh),
            "topic_id": known.log.topic_id,
            "log_end": max(next_offset, known.log.end or 0),
        }
        pipe.multi()
        for place, verdict in fresh:
            limit = ("MAXLEN", "~", limits.feedback_max_entries)
            pipe.execute_command("XADD", stream, *limit, f"{place + 1}-0", *_flat(verdict))
        pipe.execute_command("HSET", key, *_flat(written))
        pipe.execute_command("SADD", client.keys.partitions, f"{topic}:{partition}")
        return len(fresh)

    return await client.transact([client.keys.identity, stream, key], attempt)


async def feedback_partitions(client: Client, topic: str) -> list[int]:
    """Return the partitions of ``topic`` that were ever stored, in order."""
    [members] = await client.pipelined([("SMEMBERS", client.keys.partitions)], atomic=False)
    names = [split_partition(member, client.keys.partitions) for member in members]
    return sorted(partition for name, partition in names if name == topic)


async def read_feedback(
    client: Client, topic: str, partition: int, from_place: int, count: int
) -> StoredVerdicts:
    """Return up to ``count`` stored verdicts from ``from_place`` on, oldest first."""
    stream = client.keys.feedback(topic, partition)
    record = client.keys.partition(topic, partition)
    entries, first, n_kept, n_stored = await client.pipelined(
        [
            ("XRANGE", stream, f"{from_place + 1}-0", "+", "COUNT", count),
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
    n_passed_over = max(_place(first[0][0]) - from_place, 0)
    return StoredVerdicts(
        tuple((_place(entry_id), _texts(verdict, stream)) for entry_id, verdict in entries),
        min(n_trimmed, n_passed_over),
    )


def _check(stored: PartitionRecord, known: PartitionRecord, name: str) -> None:
    if stored.generation > known.generation:
        raise FencedError(
            f"generation of {name} must be the one that it is read in, {known.generation}, got "
            f"{stored.generation}: it was set to another offset; go on from there"
        )
    if stored.log.topic_id and known.log.topic_id not in ("", stored.log.topic_id):
        # A batch that waited for Redis while its topic was made again, and whoever reads the new one.
        raise FencedError(
            f"topic of {name} must be the one that its verdicts are stored from, topic id "
            f"{stored.log.topic_id}, got {known.log.topic_id}: one was created after the other; "
            "claim the partition again"
        )
    if (stored.generation, stored.offset or 0) < (known.generation, known.offset or 0):
        raise StoreReplacedError(
            f"stored offset of {name} must be at least {known.offset}, which this worker left, got "
            f"{stored.offset}: Redis holds an older state, restored from a backup or lost in a "
            "failover; nothing was written there: start the workers again, and they read again what "
            "the older state lacks"
        )


def _texts(verdict: Mapping[bytes, bytes], stream: str) -> dict[str, str]:
    try:
        return {name.decode(): value.decode() for name, value in verdict.items()}
    except UnicodeDecodeError:
        raise InvariantError(
            f"{stream} must hold verdicts, got an entry that is no text; does something else write "
            "under its keys?"
        ) from None


async def _last_place(pipe: Pipe, stream: str) -> tuple[int, int]:
    """Return the place of the last verdict ever stored, -1 before it, and how many are kept."""
    try:
        info = await asked(pipe, "XINFO STREAM", stream)
    except ResponseError as error:
        if "no such key" in str(error).lower():
            return -1, 0
        raise
    return _place(info["last-generated-id"]), int(info["length"])


def _number(stored: bytes | None, key: str) -> int:
    """Return a field of the hash ``key``, 0 where it was never written."""
    try:
        return int(stored or 0)
    except ValueError:
        raise InvariantError(
            f"{key} must hold what a worker wrote, got a field that is no number; does something else "
            "write under its keys?"
        ) from None


def _place(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0]) - 1


def _flat(pairs: Mapping[str, Any]) -> list[Any]:
    return [item for pair in pairs.items() for item in pair]
