"""The store of one namespace: the calls that the rest of the package makes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from streamer.contract.ledger import Ledger
from streamer.model.codec import VersionHeader
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums
from streamer.store import (
    checkpoints,
    feedback,
    lesson_stream,
    partition_records,
    promotions,
    resetting,
    retrainings,
    suitability,
    versions,
)
from streamer.store import service as service_of
from streamer.store.breaker import BreakerStatus
from streamer.store.challengers import Challengers
from streamer.store.client import CALL_OUTCOMES, CallOutcome, Client, Url
from streamer.store.erasures import Erasures
from streamer.store.feedback import StoredVerdicts
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.lesson_stream import StoredLesson
from streamer.store.lookups import Lookups
from streamer.store.policy_records import Policies
from streamer.store.promotions import Wish
from streamer.store.replayed import Replayed
from streamer.store.reset import Reset, ResetRequest
from streamer.store.service import ServiceIdentity
from streamer.store.stored import (
    Checkpoint,
    Heads,
    LogIdentity,
    PartitionRecord,
    StoredVersion,
    VersionInfo,
)
from streamer.store.trials import Trials

__all__ = ["Store"]

_UNKNOWN_LOG: Final = LogIdentity()


@dataclass(frozen=True, slots=True)
class Store:
    """Redis as streamer sees it.  Every method raises `UnavailableError` when it does not answer."""

    _client: Client
    _config: ModelConfig
    _limits: Limits
    _identity: Identity = field(default_factory=Identity)
    # Partitions of one worker would only collide on the head, and then send their entities again.
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def open(
        cls,
        url: Url,
        *,
        timeout_s: float,
        namespace: str,
        config: ModelConfig,
        versions_kept: int,
        lineage_max_entries: int,
        feedback_max_entries: int,
        lessons_max_entries: int,
        rng: np.random.Generator,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Store:
        """Return a store that connects when it is first used.

        ``rng`` spreads the retries of workers, ``monotonic`` times them; they change no result.
        """
        kept = versions_kept, lineage_max_entries, feedback_max_entries, lessons_max_entries
        return cls(Client.of(url, timeout_s, namespace, rng, monotonic), config, Limits(*kept))

    @property
    def is_up(self) -> bool:
        """Whether Redis answered when it was last asked, and takes writes as far as is known."""
        return self._client.breaker.status.failures == 0

    @property
    def breaker(self) -> BreakerStatus:
        """The state of the circuit breaker, for metrics."""
        return self._client.breaker.status

    @property
    def calls(self) -> Mapping[CallOutcome, int]:
        """How many calls were made, by what became of them."""
        return {outcome: self._client.calls[outcome] for outcome in CALL_OUTCOMES}

    @property
    def policies(self) -> Policies:
        """The policies of the namespace."""
        return Policies(self._client, self._identity, self._limits)

    def under(self, config: ModelConfig) -> Store:
        """Return the same store for whoever goes by other parameters of the model."""
        return self if config is self._config else replace(self, _config=config)

    @property
    def commands(self) -> Mapping[str, int]:
        """How many commands were sent, by name."""
        return dict(self._client.commands)

    @property
    def challengers(self) -> Challengers:
        """The challengers, apart from what checkpoints add to them."""
        return Challengers(self._client)

    @property
    def trials(self) -> Trials:
        """A canary, and what has just taken over."""
        return Trials(self._client, self._identity, self._limits, self._config)

    @property
    def replayed(self) -> Replayed:
        """Which dead letters were sent again."""
        return Replayed(self._client)

    @property
    def erasures(self) -> Erasures:
        """Cards that are to be forgotten, and what stands for them until then."""
        return Erasures(self._client)

    @property
    def lookups(self) -> Lookups:
        """What is stored of payments' entities, for whoever changes nothing."""
        return Lookups(self._client)

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self._client.pipelined([("PING",)], atomic=False)

    async def check_server(self) -> None:
        """Return if Redis answers and may be trusted with checkpoints, else raise why not."""
        await suitability.check_server(self._client)

    async def close(self) -> None:
        """Close all connections; the store can still be used, and connects again."""
        await self._client.close()

    async def identify(self) -> str:
        """Return the id of this store, which is remembered; a store without one gets one.

        Raises `StoreReplacedError` when it has no id any more, or another than this process saw first.
        """
        return await self._identity.identify(self._client)

    async def register(self, service: ServiceIdentity, owner: str, now_ms: int) -> None:
        """Join the service that has the namespace; ConfigurationError where it is another.

        Settings that differ are taken over when no other worker is alive, with an entry in the lineage.
        """
        await self._identity.known(self._client)
        store = self._client, self._identity, self._limits
        await service_of.register(*store, service, owner, now_ms)

    async def heartbeat(self, owner: str, now_ms: int) -> None:
        """Say that ``owner`` is alive; like claims and checkpoints it raises `StoreReplacedError`."""
        await self._identity.known(self._client)
        await service_of.heartbeat(self._client, self._identity, owner, now_ms)

    async def workers(self) -> dict[str, int]:
        """Return when each worker was last alive, in epoch milliseconds."""
        return await service_of.workers(self._client)

    async def registered(self) -> ServiceIdentity | None:
        """Return what the workers have agreed on, None where there was none yet."""
        return await service_of.registered(self._client)

    async def leave(self, owner: str) -> None:
        """Say that ``owner`` has stopped in good order, so that others may start with new settings."""
        await service_of.leave(self._client, owner)

    async def claim(
        self, topic: str, partition: int, owner: str, now_ms: int, log: LogIdentity = _UNKNOWN_LOG
    ) -> PartitionRecord:
        """Make ``owner`` the partition's only writer and return what is stored; a later claim wins.

        ``log`` is the one that ``owner`` is to read, written with the first claim.  The generation is
        a counter kept here: that of Kafka's group starts at 1 again when group or broker are new.
        """
        await self._identity.known(self._client)
        store = self._client, self._identity
        return await checkpoints.claim(*store, topic, partition, owner, now_ms, log)

    async def checkpoint(
        self, checkpoint: Checkpoint, known: Heads | None = None, *along: Checkpoint
    ) -> Heads:
        """Save what a partition did in one atomic step and return the heads after it.

        ``known`` are versions that need not be read where they are still the heads.  What other
        partitions of the worker did goes ``along``, in the same step: all are written or none.

        Raises `FencedError` when a partition was claimed by another since, `StoreReplacedError` when
        the store is another or older one, `InvariantError` when the stored offset is beyond
        ``base_offset``.  After an `UnavailableError` offer the same again: it is written once.
        """
        await self._identity.known(self._client)
        async with self._saving:
            store, saved = (self._client, self._identity), [checkpoint, *along]
            return await checkpoints.save(*store, saved, self._config, self._limits, known)

    async def planned_reset(self, request: ResetRequest) -> Reset:
        """Return what `reset` would do now; ConfigurationError where it must not be done."""
        return await resetting.planned(self._client, request)

    async def reset(self, request: ResetRequest, now_ms: int) -> Reset:
        """Set a partition to another offset, as an operator decided, and return what that did."""
        await self._identity.known(self._client)
        store = self._client, self._identity
        return await resetting.reset(*store, request, self._config, self._limits, now_ms)

    async def load_entities(
        self, topic: str, partition: int, wanted: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, bytes | None]]:
        """Return ``{kind: {key: packed state or None}}`` in one round trip."""
        return await checkpoints.load_entities(self._client, topic, partition, wanted)

    async def load_all(
        self, topic: str, partition: int, kind: str, *, are_large: bool = False
    ) -> dict[str, bytes]:
        """Return the packed state of every entity of ``kind``; one at a time where they are large."""
        at_once = {"at_once": 1} if are_large else {}
        return await checkpoints.load_all(self._client, topic, partition, kind, **at_once)

    async def partition(self, topic: str, number: int) -> PartitionRecord:
        """Return what is stored of a partition, without claiming it."""
        return await partition_records.partition(self._client, topic, number)

    async def partitions(self) -> dict[tuple[str, int], PartitionRecord]:
        """Return the record of every partition, by topic and number."""
        return await partition_records.partitions(self._client)

    async def totals(self) -> Ledger:
        """Return the ledger over all partitions."""
        return await partition_records.totals(self._client)

    async def head(self) -> StoredVersion:
        """Return the current version; sums of zero where nothing was ever learned."""
        return (await self.heads()).head

    async def heads(self, known: Heads | None = None) -> Heads:
        """Return the current version and a canary's; what of ``known`` still is one is not read."""
        return await versions.heads(self._client, self._config, known)

    async def set_head(self, wish: Wish) -> str:
        """Promote or roll back to a stored version; `ConfigurationError` when it is unknown.

        Drift is measured from it on: the head is a version of its own with that as parent.
        """
        return await promotions.set_head(self._client, self._limits, wish, self._config)

    async def put_version(self, sums: Sums, header: VersionHeader) -> str:
        """Store a version without making it the head, and return its id."""
        return await versions.put_version(self._client, sums, header, self._config)

    async def note_retraining(
        self, version_id: str, said: Mapping[str, str | int], now_ms: int
    ) -> None:
        """Note in the lineage what a retraining came to, whether or not its version was stored."""
        await retrainings.note_retraining(self._client, self._limits, version_id, said, now_ms)

    async def version(self, wanted: str) -> tuple[bytes, StoredVersion]:
        """Return the file and content of the version with this id or unambiguous beginning of it."""
        return await versions.find_version(self._client, wanted, self._config)

    async def versions(self) -> list[VersionInfo]:
        """Return what is stored, newest first."""
        return await versions.list_versions(self._client, self._config)

    async def lineage(self, count: int) -> list[dict[str, str]]:
        """Return the latest ``count`` changes of the head, newest first."""
        return await versions.lineage(self._client, count)

    async def add_feedback(
        self,
        topic: str,
        partition: int,
        next_offset: int,
        entries: Sequence[tuple[int, Mapping[str, str]]],
        known: PartitionRecord,
    ) -> int:
        """Store verdicts by their Kafka offset, each once, and return how many were new.

        ``known`` is the partition as its reader knows it.  Raises `FencedError` when it was reset
        since, `StoreReplacedError` when the store is another or older one.
        """
        await self._identity.known(self._client)
        store = self._client, self._identity, self._limits
        return await feedback.add_feedback(*store, topic, partition, next_offset, entries, known)

    async def feedback_partitions(self, topic: str) -> list[int]:
        """Return the partitions of ``topic`` of which verdicts are stored, in order."""
        return await feedback.feedback_partitions(self._client, topic)

    async def read_feedback(
        self, topic: str, partition: int, from_place: int, count: int
    ) -> StoredVerdicts:
        """Return up to ``count`` stored verdicts from ``from_place`` on, and how many were lost."""
        return await feedback.read_feedback(self._client, topic, partition, from_place, count)

    async def lessons(self, count: int) -> list[StoredLesson]:
        """Return the latest ``count`` lessons of verdicts, newest first."""
        return await lesson_stream.read_lessons(self._client, count)
