"""The store beyond one Redis: a partition's checkpoint in its own slot, the merge into the head apart.

Step 1 writes a partition's record, entities and an entry of its merge log in one transaction of its
slot.  Step 2 merges, in one transaction of the head's slot, what `merge_log.planned` says that the head
lacks, and moves the watermark with it.  Whoever has a partition does step 2 after step 1, with a claim,
and now and then.

All else is the product's: how a step is compared with what is stored, how deltas become the next
version, how that is written, and who calls it.

Invariants:
* Step 1 is written by the latest claimer alone, on top of the offset it starts from.
* Head and watermarks are written together, by nobody whose partition another has claimed since.
* An entry is dropped when `KEPT` later ones are there, and never before the head has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import msgspec

from streamer.contract.ledger import Ledger
from streamer.errors import FencedError, StoreReplacedError, UnavailableError
from streamer.model.codec import VersionHeader
from streamer.store import Checkpoint, LogIdentity, PartitionRecord, Store, checkpoints, versions
from streamer.store.client import Client, Pipe, asked
from streamer.store.identity import Identity
from streamer.store.lesson_stream import lesson_commands
from streamer.store.merging import merged
from streamer.store.service import queue_heartbeat
from streamer.store.stored import Heads, partition_record
from tests.simulation.merge_log import (
    NOTHING_MERGED,
    Entry,
    Gap,
    Plan,
    Tip,
    Watermark,
    planned,
)
from tests.simulation.slots import SlotKeys, TaggedKeys

__all__ = ["KEPT", "SplitStore"]

KEPT: Final = 3
"""Entries that a slot keeps: as many may wait for the head, and the head may lose as many."""

_LINE: Final = b"\n"


class _Lying(NamedTuple):
    """What a slot holds of a partition."""

    tip: Tip
    chain: list[Entry]
    deltas: dict[str, bytes]
    last_number: int


class _Slot(NamedTuple):
    client: Client
    keys: SlotKeys
    identity: Identity


@dataclass(frozen=True, slots=True)
class SplitStore(Store):
    """Passes for `Store` in one worker."""

    slots: Mapping[int, Client] = field(default_factory=dict)
    owner: str = ""
    repeats: dict[int, int] = field(default_factory=dict)
    """Of partitions whose slot is older than the head: up to where that has learned."""
    claims: dict[int, int] = field(default_factory=dict)
    """The generations of this worker's claims."""
    n_unmerged: dict[int, int] = field(default_factory=dict)
    """Entries written since the head last answered."""

    @property
    def head_keys(self) -> TaggedKeys:
        keys = self._client.keys
        assert isinstance(keys, TaggedKeys)
        return keys

    def slot(self, partition: int) -> _Slot:
        """Return how to ask a partition's slot; its id must be the store's."""
        client = self.slots[partition]
        assert isinstance(client.keys, SlotKeys)
        return _Slot(client, client.keys, self._identity)

    def repeated_to(self, partition: int) -> int | None:
        """Return the offset at which a checkpoint must end, where the head has learned up to it."""
        return self.repeats.get(partition)

    async def partition(self, topic: str, number: int) -> PartitionRecord:
        client = self.slots[number]
        key = client.keys.partition(topic, number)
        [stored] = await client.pipelined([("HGETALL", key)], atomic=False)
        return partition_record(stored, key)

    async def load_entities(
        self, topic: str, partition: int, wanted: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, bytes | None]]:
        return await checkpoints.load_entities(self.slots[partition], topic, partition, wanted)

    async def load_all(
        self, topic: str, partition: int, kind: str, *, are_large: bool = False
    ) -> dict[str, bytes]:
        return await checkpoints.load_all(self.slots[partition], topic, partition, kind)

    async def claim(
        self,
        topic: str,
        partition: int,
        owner: str,
        now_ms: int,
        log: LogIdentity = LogIdentity(),  # noqa: B008 - frozen
    ) -> PartitionRecord:
        """Claim a partition in its slot, then in the head's, then merge what the head lacks."""
        await self._identity.known(self._client)
        async with self._saving:
            mark = await self._mark(topic, partition)
            record = await self._claim_in_slot(topic, partition, owner, now_ms, log, mark)
            self.claims[partition] = record.generation
            await self._claim_in_head(topic, partition, owner, now_ms, record.generation)
            await self._merge(topic, [partition], None, now_ms)
        return record

    async def checkpoint(
        self, checkpoint: Checkpoint, known: Heads | None = None, *along: Checkpoint
    ) -> Heads:
        """Do step 1 of each partition, then step 2 of all of them; without the head, later.

        Raises UnavailableError where a slot does not answer, or so many entries wait for the head that
        one more would push out one of them.  Steps that were written are known when offered again.
        """
        await self._identity.known(self._client)
        offered = [checkpoint, *along]
        partitions = [each.partition for each in offered]
        async with self._saving:
            if any(self.n_unmerged.get(p, 0) >= KEPT for p in partitions):
                await self._merge(checkpoint.topic, partitions, known, checkpoint.now_ms)
            for each in offered:
                await self._save(each)
                self.n_unmerged[each.partition] = self.n_unmerged.get(each.partition, 0) + 1
            try:
                return await self._merge(checkpoint.topic, partitions, known, checkpoint.now_ms)
            except UnavailableError:
                if known is None:
                    raise
                return known

    async def settle(self, topic: str, partitions: Sequence[int], now_ms: int) -> None:
        """Merge what the head lacks: it was away, or has come back older."""
        async with self._saving:
            await self._merge(topic, partitions, None, now_ms)

    async def _claim_in_slot(
        self,
        topic: str,
        partition: int,
        owner: str,
        now_ms: int,
        log: LogIdentity,
        mark: Watermark,
    ) -> PartitionRecord:
        """Raise the generation above both slots' ones: each of them may be an older one."""
        client, keys, identity = self.slot(partition)
        key = keys.partition(topic, partition)

        async def attempt(pipe: Pipe) -> PartitionRecord:
            found = await asked(pipe, "GET", keys.identity)
            if found is None and mark.entry:
                raise StoreReplacedError(f"slot of {topic}/{partition} must have an id, got none")
            if found is not None and found.decode() != identity.seen:
                raise StoreReplacedError(f"slot of {topic}/{partition} must be this store's")
            stored = partition_record(await asked(pipe, "HGETALL", key), key)
            # Above the slot's alone it would be refused by the head, and claimed again, and so on.
            generation = max(stored.generation, mark.generation) + 1
            claimed = replace(stored, generation=generation, owner=owner)
            written = ["generation", generation, "owner", owner, "claimed_at_ms", now_ms]
            if stored.offset is None and log.topic_id:
                begun = stored.log.begun(log.topic_id)
                claimed = replace(claimed, log=replace(begun, epoch=max(begun.epoch, log.epoch)))
                written += ["topic_id", log.topic_id, "epoch", claimed.log.epoch]
            pipe.multi()
            if found is None:
                pipe.execute_command("SET", keys.identity, identity.seen)
            pipe.execute_command("HSET", key, *written)
            return claimed

        return await client.transact([keys.identity, key], attempt)

    async def _claim_in_head(
        self, topic: str, partition: int, owner: str, now_ms: int, generation: int
    ) -> None:
        """Refuse every merge of an earlier owner from here on."""
        keys = self.head_keys

        async def attempt(pipe: Pipe) -> None:
            await self._identity.verify(pipe, self._client)
            mark = _mark(await asked(pipe, "HGET", keys.watermarks, f"{topic}:{partition}"))
            try:
                self._check_owner(mark, topic, partition, generation, owner)
            except FencedError as error:
                # Another claim came between the two slots; the group says whose it is by now.
                raise UnavailableError(str(error)) from None
            claimed = msgspec.structs.replace(mark, generation=generation, owner=owner)
            pipe.multi()
            _queue_mark(pipe, keys, topic, partition, claimed)
            pipe.execute_command("SADD", keys.partitions, f"{topic}:{partition}")
            queue_heartbeat(pipe, self._client, owner, now_ms)

        await self._client.transact([keys.identity, keys.watermarks], attempt)

    async def _save(self, checkpoint: Checkpoint) -> None:
        """Step 1: the partition's checkpoint with its delta, atomic in its slot."""
        topic, partition = checkpoint.topic, checkpoint.partition
        client, keys, identity = self.slot(partition)
        record, log = keys.partition(topic, partition), keys.merge_log(topic, partition)
        packed = checkpoints._partition_commands(keys, checkpoint)
        packed += lesson_commands(keys, checkpoint, self._limits)

        async def attempt(pipe: Pipe) -> None:
            await identity.verify(pipe, client)
            stored = await asked(pipe, "HGETALL", record)
            if checkpoints._is_saved(partition_record(stored, record), checkpoint):
                return
            tip, number = _tip(stored), int(stored.get(b"entry_number", 0)) + 1
            entry = self._entry(checkpoint, tip, number)
            numbers = sorted(map(int, await asked(pipe, "HKEYS", log)))
            pipe.multi()
            for command in packed:
                pipe.execute_command(*command)
            said = ["entry", entry.name, "entry_number", number, "learned", entry.learned]
            pipe.execute_command("HSET", record, *said)
            self._queue_entry(pipe, log, number, entry, checkpoint)
            if gone := self._dropped(numbers):
                pipe.execute_command("HDEL", log, *gone)

        await client.transact([keys.identity, record, log], attempt)

    def _entry(self, checkpoint: Checkpoint, tip: Tip, number: int) -> Entry:
        """Return what a checkpoint leaves for the head."""
        taught = checkpoint.delta.transactions_seen
        return Entry(
            self._name(checkpoint, number),
            tip.entry,
            checkpoint.base_offset or 0,
            checkpoint.next_offset,
            tip.learned + taught,
            taught,
            checkpoint.generation,
            checkpoint.owner,
            checkpoint.now_ms,
        )

    @staticmethod
    def _name(checkpoint: Checkpoint, number: int) -> str:
        # A number comes again when a slot was older; who wrote it does not.
        return f"{number}@{checkpoint.generation}:{checkpoint.owner}"

    def _queue_entry(
        self, pipe: Pipe, log: str, number: int, entry: Entry, checkpoint: Checkpoint
    ) -> None:
        header = VersionHeader("", "", "delta", self._config.hash)
        delta = versions.encode_version(checkpoint.delta, header, self._config.feature_names)
        pipe.execute_command("HSET", log, number, msgspec.json.encode(entry) + _LINE + delta)

    @staticmethod
    def _dropped(numbers: Sequence[int]) -> Sequence[int]:
        """Return which entries make room for one more."""
        return numbers[: max(len(numbers) + 1 - KEPT, 0)]

    async def _merge(
        self, topic: str, partitions: Sequence[int], known: Heads | None, now_ms: int
    ) -> Heads:
        """Step 2: merge what the head lacks, with the watermarks, and return the heads."""
        lying = {p: await self._lying(topic, p) for p in partitions}
        keys, config, limits = self.head_keys, self._config, self._limits
        plans: dict[int, Plan] = {}
        marks: dict[int, Watermark] = {}

        async def attempt(pipe: Pipe) -> Heads:
            await self._identity.verify(pipe, self._client)
            stored = await asked(pipe, "HGETALL", keys.watermarks)
            heads = await versions.read_heads(pipe, keys, config, known)
            for p in partitions:
                marks[p] = _mark(stored.get(f"{topic}:{p}".encode()))
                self._check_owner(marks[p], topic, p, self.claims[p], self.owner)
                plans[p] = self._planned(marks[p], lying[p])
            new = [
                self._merged_as(topic, p, entry, lying[p].deltas[entry.name])
                for p in partitions
                for entry in plans[p].entries
            ]
            moved = {
                p: after
                for p, plan in plans.items()
                if (after := self._moved(p, marks[p], lying[p].tip, plan)) != marks[p]
            }
            if not moved:
                return heads
            after, merges = await asyncio.to_thread(merged, heads, new, config)
            kept = {after.head.id, after.watch.canary, *await versions.replaced_ids(pipe, keys)}
            trimmed = await versions.trimmable(pipe, keys, limits, kept, len(merges))
            pipe.multi()
            queue_heartbeat(pipe, self._client, self.owner, now_ms)
            for p, plan in plans.items():
                if plan.gap is not None and plan.gap.next_offset > plan.gap.first_offset:
                    told = _told(plan.gap, topic, p, self.owner)
                    versions.queue_entry(pipe, keys, told, limits)
            for merge in merges:
                versions.queue_version(pipe, keys, merge.version.id, merge.blob, now_ms)
                versions.queue_head(pipe, keys, merge.version.id, merge.entry, limits)
            if merges:
                versions.queue_trimming(pipe, keys, trimmed)
            for p, mark in moved.items():
                _queue_mark(pipe, keys, topic, p, mark)
            return after

        watched = [keys.identity, keys.head, keys.watch, keys.brought, keys.watermarks]
        heads = await self._client.transact(watched, attempt)
        for p, plan in plans.items():
            self.n_unmerged[p] = 0
            if plan.repeat_to is None:
                self.repeats.pop(p, None)
            else:
                self.repeats[p] = plan.repeat_to
        return heads

    def _planned(self, mark: Watermark, lying: _Lying) -> Plan:
        return planned(mark, lying.tip, lying.chain)

    def _moved(self, partition: int, mark: Watermark, tip: Tip, plan: Plan) -> Watermark:
        """Return the watermark after a plan, under this claim though the head has come back older."""
        merged_to = tip if plan.repeat_to is None else (mark.entry, mark.offset, mark.learned)
        return Watermark(*merged_to, self.claims[partition], self.owner)

    def _check_owner(
        self, mark: Watermark, topic: str, partition: int, generation: int, owner: str
    ) -> None:
        is_others = mark.owner not in ("", owner)
        if mark.generation > generation or (mark.generation == generation and is_others):
            raise FencedError(
                f"generation of {topic}/{partition} must be the one claimed, {generation} by "
                f"{owner!r}, got {mark.generation} by {mark.owner!r}; claim the partition again"
            )

    def _merged_as(self, topic: str, partition: int, entry: Entry, delta: bytes) -> Checkpoint:
        """Return what `merged` needs to know of a checkpoint, whoever made it."""
        sums, _ = versions.decode_version(delta, self._config)
        return Checkpoint(
            topic,
            partition,
            entry.generation,
            entry.base_offset,
            entry.next_offset,
            Ledger(),
            None,
            sums,
            {},
            entry.owner,
            entry.now_ms,
        )

    async def _lying(self, topic: str, partition: int) -> _Lying:
        """Return what a slot holds; a worker that has just written it could know."""
        client, keys, _ = self.slot(partition)
        record, log = await client.pipelined(
            [
                ("HGETALL", keys.partition(topic, partition)),
                ("HGETALL", keys.merge_log(topic, partition)),
            ],
            atomic=True,
        )
        chain, deltas = [], {}
        for number in sorted(log, key=int):
            told, _, delta = log[number].partition(_LINE)
            entry = msgspec.json.decode(told, type=Entry)
            chain.append(entry)
            deltas[entry.name] = delta
        return _Lying(_tip(record), chain, deltas, int(record.get(b"entry_number", 0)))

    async def _mark(self, topic: str, partition: int) -> Watermark:
        [stored] = await self._client.pipelined(
            [("HGET", self.head_keys.watermarks, f"{topic}:{partition}")], atomic=False
        )
        return _mark(stored)


def _tip(record: Mapping[bytes, bytes]) -> Tip:
    entry = record.get(b"entry", b"").decode()
    return Tip(entry, int(record.get(b"offset", 0)), int(record.get(b"learned", 0)))


def _mark(stored: bytes | None) -> Watermark:
    return NOTHING_MERGED if stored is None else msgspec.json.decode(stored, type=Watermark)


def _queue_mark(pipe: Any, keys: TaggedKeys, topic: str, partition: int, mark: Watermark) -> None:
    field_name = f"{topic}:{partition}"
    pipe.execute_command("HSET", keys.watermarks, field_name, msgspec.json.encode(mark))


def _told(gap: Gap, topic: str, partition: int, who: str) -> dict[str, str | int]:
    """Return the lineage's entry of payments that the head will not have learned."""
    return {
        "reason": "unlearned",
        "who": who,
        "partition": f"{topic}/{partition}",
        "first_offset": gap.first_offset,
        "next_offset": gap.next_offset,
        "n_payments": gap.n_payments,
    }
