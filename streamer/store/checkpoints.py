"""Claiming a partition, and the one atomic step that saves what it and others of its worker did.

Invariants:
* Checkpoints write offsets, ledgers, entities and the next model version together or not at all.
* It is written only by the latest claimer of the partition, and only on top of the offset that it
  started from, so the same transactions are never learned twice.
* Nothing is written to a store that is not the one that this process saw first, nor to an older
  state of it.
* Offering a checkpoint again, after an answer that was lost, changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Final, TypeVar

from streamer.errors import FencedError, InvariantError, StoreReplacedError
from streamer.features import PackedStates
from streamer.model.model_config import ModelConfig
from streamer.store import challengers
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.keys import Keys
from streamer.store.lesson_stream import lesson_commands
from streamer.store.losses import loss_entries
from streamer.store.merging import merged
from streamer.store.service import queue_heartbeat
from streamer.store.stored import (
    AGED,
    ENTITY_FORMAT,
    Checkpoint,
    Heads,
    LogIdentity,
    PartitionRecord,
    checkpoint_fields,
    partition_record,
)
from streamer.store.versions import (
    queue_entry,
    queue_head,
    queue_trimming,
    queue_version,
    queue_watch,
    read_heads,
    replaced_ids,
    trimmable,
)

__all__ = ["claim", "load_all", "load_entities", "save"]

T = TypeVar("T")


# Redis runs one command at a time; a longer one would keep everybody else waiting.
_CHUNK: Final = 5_000


async def claim(
    client: Client,
    identity: Identity,
    topic: str,
    partition: int,
    owner: str,
    now_ms: int,
    log: LogIdentity,
) -> PartitionRecord:
    """Make ``owner`` the only one who may save the partition, and return what is stored of it.

    ``log`` is the one that is to be read.  Before the first checkpoint it is written at once: alerts
    that are out when the claim ends without one are on its records, not on another log's.
    """
    key = client.keys.partition(topic, partition)

    async def attempt(pipe: Pipe) -> PartitionRecord:
        await identity.verify(pipe, client)
        stored = partition_record(await asked(pipe, "HGETALL", key), key)
        if stored.entity_format != ENTITY_FORMAT:
            raise InvariantError(
                f"{key} must have entities of format {ENTITY_FORMAT}, got {stored.entity_format}: "
                "another release has written it; start another STREAMER_NAMESPACE"
            )
        claimed = replace(stored, generation=stored.generation + 1, owner=owner)
        written: dict[str, int | str] = {
            "generation": claimed.generation,
            "owner": owner,
            "claimed_at_ms": now_ms,
        }
        if stored.offset is None and log.topic_id:
            begun = stored.log.begun(log.topic_id)
            claimed = replace(claimed, log=replace(begun, epoch=max(begun.epoch, log.epoch)))
            written |= {"topic_id": log.topic_id, "epoch": claimed.log.epoch}
        pipe.multi()
        pipe.execute_command("HSET", key, *_flat(written.items()))
        pipe.execute_command("SADD", client.keys.partitions, f"{topic}:{partition}")
        queue_heartbeat(pipe, client, owner, now_ms)
        return claimed

    return await client.transact([client.keys.identity, key], attempt)


async def save(
    client: Client,
    identity: Identity,
    offered: Sequence[Checkpoint],
    config: ModelConfig,
    limits: Limits,
    known: Heads | None = None,
) -> Heads:
    """Save checkpoints of as many partitions in one atomic step; return the model's heads after it.

    Each delta is merged into the branch that its partition has by now.  ``known`` are versions that
    need not be read where they are still the heads.
    """
    keys = client.keys
    records = [keys.partition(each.topic, each.partition) for each in offered]
    packed = await asyncio.to_thread(
        lambda: [
            _partition_commands(keys, each) + lesson_commands(keys, each, limits)
            for each in offered
        ]
    )

    async def attempt(pipe: Pipe) -> Heads:
        await identity.verify(pipe, client)
        new: list[Checkpoint] = []
        commands: list[list[Any]] = []
        for checkpoint, record, written in zip(offered, records, packed, strict=True):
            stored = partition_record(await asked(pipe, "HGETALL", record), record)
            if not _is_saved(stored, checkpoint):
                new.append(checkpoint)
                commands += written
        heads = await read_heads(pipe, keys, config, known)
        if not new:
            return heads
        after, merges = await asyncio.to_thread(merged, heads, new, config)
        kept = {after.head.id, after.watch.canary, *await replaced_ids(pipe, keys)}
        trimmed = await trimmable(pipe, keys, limits, kept, len(merges))
        commands += await challengers.merging(pipe, keys, new, config)
        pipe.multi()
        for command in commands:
            pipe.execute_command(*command)
        queue_heartbeat(pipe, client, new[0].owner, new[0].now_ms)
        for checkpoint in new:
            for entry in loss_entries(checkpoint, heads.head.id):
                queue_entry(pipe, keys, entry, limits)
        for merge in merges:
            queue_version(pipe, keys, merge.version.id, merge.blob, new[0].now_ms)
            if merge.is_head:
                queue_head(pipe, keys, merge.version.id, merge.entry, limits)
            else:
                queue_entry(pipe, keys, merge.entry | {"branch": "canary"}, limits)
        if merges:
            queue_trimming(pipe, keys, trimmed)
        if after.watch is not heads.watch:
            queue_watch(pipe, keys, after.watch)
        return after

    watched = [*records, keys.head, keys.watch, keys.brought]
    if any(each.challenges for each in offered):
        watched.append(keys.challengers)
    return await client.transact([keys.identity, *watched], attempt)


async def load_entities(
    client: Client, topic: str, partition: int, wanted: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, bytes | None]]:
    """Return the stored state of every wanted entity in one round trip; None where there is none."""
    asked = [
        (kind, chunk) for kind, entities in wanted.items() for chunk in _chunks(entities, _CHUNK)
    ]
    keys = client.keys
    replies = await client.pipelined(
        [("HMGET", keys.entities(kind, topic, partition), *chunk) for kind, chunk in asked],
        atomic=False,
    )
    found: dict[str, dict[str, bytes | None]] = {kind: {} for kind in wanted}
    for (kind, chunk), states in zip(asked, replies, strict=True):
        found[kind].update(zip(chunk, states, strict=True))
    return found


async def load_all(
    client: Client, topic: str, partition: int, kind: str, at_once: int = _CHUNK
) -> dict[str, bytes]:
    """Return the stored state of every entity of a kind, about ``at_once`` at a time."""
    key = client.keys.entities(kind, topic, partition)
    found: dict[str, bytes] = {}
    cursor: int | bytes = 0
    while True:
        [(cursor, states)] = await client.pipelined(
            [("HSCAN", key, cursor, "COUNT", at_once)], atomic=False
        )
        found |= {name.decode(): state for name, state in states.items()}
        if int(cursor) == 0:
            return found


def _is_saved(stored: PartitionRecord, checkpoint: Checkpoint) -> bool:
    """Return whether an earlier attempt was written, or raise if this one must not be."""
    if stored.generation < checkpoint.generation:
        raise _older(checkpoint, f"generation {checkpoint.generation}", str(stored.generation))
    if (stored.generation, stored.owner) != (checkpoint.generation, checkpoint.owner):
        raise FencedError(
            f"generation of {checkpoint.name} must be the one claimed, {checkpoint.generation} by "
            f"{checkpoint.owner!r}, got {stored.generation} by {stored.owner!r}; claim the "
            "partition again and go on from the stored offset"
        )
    # One that spans no offsets holds what verdicts taught, if anything, which their cursors tell.
    spans_none = checkpoint.base_offset == checkpoint.next_offset
    has_cursors = checkpoint.delta.teaches and checkpoint.cursors == stored.cursors
    if stored.offset == checkpoint.next_offset and (has_cursors or not spans_none):
        return True
    base = checkpoint.base_offset
    if base is not None and (stored.offset is None or stored.offset < base):
        raise _older(checkpoint, f"offset {base}", str(stored.offset))
    if stored.offset != base:
        raise InvariantError(
            f"stored offset of {checkpoint.name} must be {base}, from which this "
            f"checkpoint starts, got {stored.offset}"
        )
    return False


def _older(checkpoint: Checkpoint, expected: str, got: str) -> StoreReplacedError:
    return StoreReplacedError(
        f"stored state of {checkpoint.name} must be at {expected}, which this worker left, got {got}: "
        "Redis holds an older state, restored from a backup or lost in a failover; nothing was "
        "written there: start the workers again, and they read again what the older state lacks"
    )


def _partition_commands(keys: Keys, checkpoint: Checkpoint) -> list[list[Any]]:
    """Return what writes the partition and its entities; a thread's work where there are many."""
    topic, partition = checkpoint.topic, checkpoint.partition
    written = checkpoint_fields(checkpoint).items()
    commands = [["HSET", keys.partition(topic, partition), *_flat(written)]]
    # First: who has paid again since is written behind it.
    for kind, names in checkpoint.erased.items():
        key = keys.entities(kind, topic, partition)
        commands += (["HDEL", key, *chunk] for chunk in _chunks(names, _CHUNK))
    done = f"{topic}:{partition}"
    for erasure in (each for each in checkpoint.erasures if not each.startswith(AGED)):
        commands.append(["HSET", keys.erased, f"{erasure}:{done}", checkpoint.now_ms])
    for kind, states in checkpoint.entities.items():
        key = keys.entities(kind, topic, partition)
        if isinstance(states, PackedStates):
            commands += (["HSET", key, piece] for piece in states.pieces(_CHUNK))
        else:
            commands += (["HSET", key, *_flat(chunk)] for chunk in _chunks(states.items(), _CHUNK))
    for kind, names in checkpoint.removed.items():
        key = keys.entities(kind, topic, partition)
        commands += (["HDEL", key, *chunk] for chunk in _chunks(names, _CHUNK))
    return commands


def _flat(pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
    return list(chain.from_iterable(pairs))


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
