"""The store: every read and write of a worker.

Invariants:
* A checkpoint is one transaction: offset, ledger, entity states and the model's head move together
  or not at all.
* It applies only on top of the offset it started from, and only for the latest claimer, so that
  repeating it is harmless and a worker that has been replaced can change nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from redis.exceptions import ResponseError, WatchError

from streamer.errors import FencedError, InvariantError, UnavailableError
from streamer.ledger import Ledger
from streamer.model import ModelConfig, advance
from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.store.connection import connect, readable
from streamer.store.keys import Keys
from streamer.store.records import Checkpoint, ModelHead, PartitionRecord, VersionInfo
from streamer.store.versions import Versions

__all__ = ["Store"]

_ATTEMPTS: Final = 50
_JITTER_S: Final = 0.02
# Larger commands would hold up every other client of the server for milliseconds.
_FIELDS_PER_COMMAND: Final = 5_000


class Store:
    """All that workers keep in Redis under one namespace."""

    def __init__(
        self,
        client: Any,
        keys: Keys,
        versions: Versions,
        config: ModelConfig,
        feedback_max_entries: int,
    ) -> None:
        self._client = client
        self._keys = keys
        self._versions = versions
        self._config = config
        self._feedback_max_entries = feedback_max_entries
        self._random = random.Random()  # noqa: S311 - spreads out retries, decides nothing

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout_s: float,
        namespace: str,
        config: ModelConfig,
        versions_kept: int,
        lineage_max_entries: int,
        feedback_max_entries: int,
    ) -> Store:
        """Return a store; nothing is connected to yet."""
        client, keys = connect(url, timeout_s), Keys(namespace)
        versions = Versions(client, keys, config, versions_kept, lineage_max_entries)
        return cls(client, keys, versions, config, feedback_max_entries)

    async def ping(self) -> None:
        """Return when Redis answers; UnavailableError if it does not."""
        with readable():
            await self._client.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def claim(self, topic: str, partition: int, owner: str, now_ms: int) -> PartitionRecord:
        """Take a partition over and return what is stored of it; the latest claim wins.

        Fencing goes by a counter of our own: Kafka's group generation starts again at 1 when the
        group is deleted or the broker is new, and Redis outlives both.
        """
        key = self._keys.partition(topic, partition)
        with readable():
            async with self._client.pipeline(transaction=True) as transaction:
                transaction.hincrby(key, "generation", 1)
                transaction.hset(key, mapping={"owner": owner, "claimed_at_ms": now_ms})
                transaction.sadd(self._keys.partitions, f"{topic}/{partition}")
                transaction.hgetall(key)
                *_, stored = await transaction.execute()
        return _partition_record(stored)

    async def checkpoint(self, checkpoint: Checkpoint) -> ModelHead:
        """Make a partition's progress durable and merge its delta; returns the head after it.

        Raises FencedError when another worker has claimed the partition, InvariantError when the
        stored offset is neither the checkpoint's base nor its end.
        """
        key = self._keys.partition(checkpoint.topic, checkpoint.partition)
        with readable():
            for _ in range(_ATTEMPTS):
                async with self._client.pipeline(transaction=True) as transaction:
                    try:
                        await transaction.watch(key, self._keys.head)
                        stored = _partition_record(await transaction.hgetall(key))
                        head = await self._versions.head(transaction)
                        if _is_done(checkpoint, stored):
                            return head
                        merged = self._merged(head, checkpoint)
                        transaction.multi()
                        self._write(transaction, key, checkpoint, head, merged)
                        await transaction.execute()
                        await self._versions.trim()
                        return merged
                    except WatchError:
                        await asyncio.sleep(self._random.uniform(0, _JITTER_S))
        raise UnavailableError(
            f"a checkpoint must succeed within {_ATTEMPTS} attempts, got none: too many workers "
            "merge at the same time; raise STREAMER_CHECKPOINT_INTERVAL_S"
        )

    async def load_entities(
        self, topic: str, partition: int, wanted: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, bytes | None]]:
        """Return the packed state of entities by kind, None where there is none; one round trip."""
        chunks = [
            (kind, keys[first : first + _FIELDS_PER_COMMAND])
            for kind, keys in wanted.items()
            for first in range(0, len(keys), _FIELDS_PER_COMMAND)
        ]
        found: dict[str, dict[str, bytes | None]] = {kind: {} for kind in wanted}
        with readable():
            async with self._client.pipeline(transaction=False) as pipeline:
                for kind, keys in chunks:
                    pipeline.hmget(self._keys.entities(kind, topic, partition), list(keys))
                answers = await pipeline.execute()
        for (kind, keys), states in zip(chunks, answers, strict=True):
            found[kind].update(zip(keys, states, strict=True))
        return found

    async def partitions(self) -> dict[tuple[str, int], PartitionRecord]:
        """Return what is stored of every partition."""
        with readable():
            names = sorted(
                name.decode() for name in await self._client.smembers(self._keys.partitions)
            )
            places = [(name.rpartition("/")[0], int(name.rpartition("/")[2])) for name in names]
            async with self._client.pipeline(transaction=False) as pipeline:
                for place in places:
                    pipeline.hgetall(self._keys.partition(*place))
                answers = await pipeline.execute()
        return {
            place: _partition_record(stored) for place, stored in zip(places, answers, strict=True)
        }

    async def totals(self) -> Ledger:
        """Return the sum of all partitions' ledgers."""
        total = Ledger()
        for stored in (await self.partitions()).values():
            total = total + stored.ledger
        return total

    async def feedback_offset(self, topic: str, partition: int) -> int | None:
        """Return the first offset of a feedback partition that has not been stored."""
        with readable():
            offset = await self._client.hget(self._keys.partition(topic, partition), "offset")
        return None if offset is None else int(offset)

    async def add_feedback(
        self,
        topic: str,
        partition: int,
        entries: Iterable[tuple[int, Mapping[str, str]]],
        *,
        next_offset: int,
    ) -> int:
        """Store verdicts under their Kafka offsets and return how many were new.

        The id of an entry is its offset + 1, and Redis refuses an id that is not above the last, so
        a verdict that is written again is stored once.
        """
        key = self._keys.feedback(topic, partition)
        with readable():
            async with self._client.pipeline(transaction=True) as transaction:
                n_entries = 0
                for offset, entry in entries:
                    transaction.xadd(
                        key,
                        dict(entry),
                        id=f"{offset + 1}-0",
                        maxlen=self._feedback_max_entries,
                        approximate=True,
                    )
                    n_entries += 1
                transaction.hset(self._keys.partition(topic, partition), "offset", next_offset)
                answers = await transaction.execute(raise_on_error=False)
        refused = [answer for answer in answers if isinstance(answer, ResponseError)]
        unexpected = [error for error in refused if "equal or smaller" not in str(error)]
        if unexpected:
            raise InvariantError(f"verdicts must be storable, got {unexpected[0]}")
        return n_entries - len(refused)

    async def head(self) -> ModelHead:
        """Return the current model version; one without centers when none is stored."""
        with readable():
            return await self._versions.head(self._client)

    async def set_head(self, version_id: str, reason: str, owner: str, now_ms: int) -> None:
        """Make a stored version the current one; ConfigurationError when it is not there."""
        with readable():
            await self._versions.set_head(version_id, reason, owner, now_ms)

    async def versions(self) -> list[VersionInfo]:
        """Return the stored versions, newest first."""
        with readable():
            return await self._versions.all()

    async def version(self, name: str) -> tuple[bytes, ModelHead]:
        """Return a version as stored and decoded, by its id, an unambiguous beginning, or `head`."""
        with readable():
            return await self._versions.get(name)

    async def lineage(self, count: int) -> list[dict[str, str]]:
        """Return the last ``count`` merges, promotions and rollbacks, newest first."""
        with readable():
            return await self._versions.lineage(count)

    def _merged(self, head: ModelHead, checkpoint: Checkpoint) -> ModelHead:
        """Return the head after the checkpoint's delta; the same when there is nothing to learn."""
        if not checkpoint.delta.transactions_seen:
            return head
        sums = advance(head.sums, checkpoint.delta, self._config)
        place = f"{checkpoint.topic}/{checkpoint.partition}"
        header = VersionHeader(
            parent=head.id,
            created_at=datetime.fromtimestamp(checkpoint.now_ms / 1000, tz=UTC).isoformat(),
            reason="merge",
            config_hash=self._config.hash,
            offsets={**head.header.offsets, place: checkpoint.next_offset},
        )
        return ModelHead(state_id(sums), sums, header)

    def _write(
        self,
        transaction: Any,
        key: str,
        checkpoint: Checkpoint,
        head: ModelHead,
        merged: ModelHead,
    ) -> None:
        record: dict[str, Any] = {"offset": checkpoint.next_offset, **asdict(checkpoint.ledger)}
        if checkpoint.alerts_position is not None:
            record["alerts_position"] = checkpoint.alerts_position
        transaction.hset(key, mapping=record)
        for kind, states in checkpoint.entities.items():
            items = list(states.items())
            name = self._keys.entities(kind, checkpoint.topic, checkpoint.partition)
            for first in range(0, len(items), _FIELDS_PER_COMMAND):
                transaction.hset(name, mapping=dict(items[first : first + _FIELDS_PER_COMMAND]))
        if merged.id != head.id:
            self._versions.write(
                transaction,
                merged,
                encode_version(merged.sums, merged.header, self._config.feature_names),
                checkpoint.now_ms,
                {"who": checkpoint.owner, "partition": str(checkpoint.partition)},
            )


def _is_done(checkpoint: Checkpoint, stored: PartitionRecord) -> bool:
    """Return whether an earlier attempt has gone through; raise when it must not go through."""
    place = f"{checkpoint.topic}/{checkpoint.partition}"
    if stored.generation != checkpoint.generation:
        raise FencedError(
            f"the claim of {place} must be the latest, got generation {checkpoint.generation} "
            f"with {stored.generation} in Redis: another worker has taken over"
        )
    if stored.offset == checkpoint.next_offset:
        return True
    if stored.offset != checkpoint.base_offset:
        raise InvariantError(
            f"the checkpoint of {place} must continue at offset {checkpoint.base_offset}, "
            f"got {stored.offset} in Redis"
        )
    return False


def _partition_record(stored: Mapping[bytes, bytes]) -> PartitionRecord:
    numbers = {
        name.decode(): int(value)
        for name, value in stored.items()
        if name not in (b"owner", b"claimed_at_ms")
    }
    counts = {field.name: numbers.get(field.name, 0) for field in fields(Ledger)}
    return PartitionRecord(
        offset=numbers.get("offset"),
        ledger=replace(Ledger(), **counts),
        generation=numbers.get("generation", 0),
        alerts_position=numbers.get("alerts_position"),
    )
