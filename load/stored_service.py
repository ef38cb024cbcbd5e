"""A service's state in Redis, made by the stream's own parts: partitions that score, learn and save.

What answers on request is measured and tested against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from load.taken_checkpoint import Place, taken
from streamer.contract.batch import Batch, StoredRecord
from streamer.model import Scorer, Sums
from streamer.pipeline import PartitionState, PipelineConfig, process
from streamer.serving.partitioners import murmur2
from streamer.settings import Settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import open_store, pipeline_config
from streamer.store import Store

__all__ = ["NOW_MS", "TOPIC", "StoredService", "by_murmur2", "made_up"]

TOPIC = "transactions"
NOW_MS = 1_900_000_000_000
_OWNER = "worker"


def by_murmur2(key: bytes, n: int) -> int:
    """Return the partition that Java's clients choose of ``n``."""
    return (murmur2(key) & 0x7FFFFFFF) % n


def made_up(seed: int, n: int) -> list[tuple[bytes, bytes]]:
    """Return key and message of payments in the order of their time."""
    config = SimulatorConfig(seed=seed, n_customers=400, n_merchants=60)
    return Simulator(config).generate(n).records()


class StoredService:
    """Partitions of one topic with their model, as workers would have left them in Redis."""

    def __init__(
        self,
        redis_url: str,
        namespace: str,
        n_partitions: int = 4,
        partitioner: Callable[[bytes, int], int] = by_murmur2,
        **changes: Any,
    ) -> None:
        self.settings = Settings(
            redis_url=redis_url,  # type: ignore[arg-type]
            namespace=namespace,
            warmup_transactions=1_000,
            n_clusters=8,
            scores_enabled=True,
            duplicate_window_offsets=0,
            **changes,
        )
        self.config: PipelineConfig = pipeline_config(self.settings)
        self.store: Store = open_store(self.settings)
        self.partitioner = partitioner
        self.states = [
            PartitionState.empty(self.config, 10_000, 10_000) for _ in range(n_partitions)
        ]
        for state in self.states:
            state.n_partitions = n_partitions
        self.generations = [0] * n_partitions
        self.saved: list[int | None] = [None] * n_partitions
        self.version = Scorer.of("", Sums.zero(self.config.model), self.config.model)

    async def claim(self) -> None:
        """Take the partitions, as a worker does before anything else."""
        await self.store.identify()
        for p in range(len(self.states)):
            record = await self.store.claim(TOPIC, p, _OWNER, NOW_MS)
            self.generations[p] = record.generation

    def batches(self, records: Sequence[tuple[bytes, bytes]]) -> dict[int, Batch]:
        """Return the records by partition, at the offsets that come next."""
        n, found = len(self.states), {}
        for p, state in enumerate(self.states):
            own = [value for value in records if self.partitioner(value[0], n) == p]
            first = state.next_offset or 0
            stored = [StoredRecord(first + i, NOW_MS, k, v) for i, (k, v) in enumerate(own)]
            if stored:
                found[p] = Batch(TOPIC, p, stored, NOW_MS)
        return found

    async def stream(self, records: Sequence[tuple[bytes, bytes]], at_once: int = 2_000) -> None:
        """Score, learn and save payments as workers do."""
        for first in range(0, len(records), at_once):
            for p, batch in self.batches(records[first : first + at_once]).items():
                process(batch, self.states[p], self.version, self.config, now_ms=NOW_MS)
            await self.save()

    async def save(self) -> None:
        """Save what has changed in one checkpoint, and take up the version that it makes."""
        offered = []
        for p, state in enumerate(self.states):
            if state.next_offset is None or state.next_offset == self.saved[p]:
                continue
            place = Place(TOPIC, p, self.generations[p], self.saved[p], _OWNER)
            offered.append(taken(state, self.config, place, NOW_MS))
            self.saved[p] = state.next_offset
        head = (await self.store.checkpoint(offered[0], None, *offered[1:])).head
        self.version = Scorer.of(head.id, head.sums, self.config.model)
