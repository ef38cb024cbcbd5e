"""What payments that wait for labels cost, checkpoints included: ``python -m load.bench_labels``.

One partition, made-up payments in batches of 2,000, verdicts on 1% of them, a checkpoint of nothing
else every 20,000 into a Redis of its own.  Three scenes: a buffer that fills, one whose payments expire
as fast as they come, and one that is full and makes room.  Processor time of this process by stage, of
Redis apart; a checkpoint without labels is taken off.  What learning from a label costs is the model's.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import process_time, thread_time
from typing import Any, Final

import click
import numpy as np
from redis.asyncio import Redis

from load.machine import cpu_seconds
from streamer.contract.ledger import Ledger
from streamer.contract.messages import Feedback
from streamer.contract.record_columns import Spans
from streamer.embedded.valkey import EmbeddedRedis
from streamer.indexing.prints import fingerprints
from streamer.model import Scorer, Sums
from streamer.pipeline import PipelineConfig
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from streamer.store import Checkpoint, Store
from streamer.verdicts import N_BESIDE, VerdictConfig, VerdictState, Waiting, remember

__all__ = ["main"]

_BATCH: Final = 2_000
_CHECKPOINT: Final = 20_000
_JUDGED: Final = 20
_N_CARDS: Final = 20_000
_N_MERCHANTS: Final = 2_000
_START_MS: Final = 1_700_000_000_000
_DECIDED_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TOPIC: Final = "transactions"


@dataclass(frozen=True, slots=True)
class Scene:
    """Payments are a millisecond apart; ``warm`` of them come before the measured ones."""

    name: str
    capacity: int
    horizon_ms: int
    warm: int


_SCENES: Final = (
    Scene("filling", 400_000, 10**9, 40_000),
    Scene("expiring", 100_000, 80_000, 160_000),
    Scene("full", 100_000, 10**9, 400_000),
)


@click.command()
@click.option("--payments", type=click.IntRange(_CHECKPOINT), default=200_000, show_default=True)
def main(payments: int) -> None:
    """Print a line of JSON for each scene: microseconds per payment by stage, and bytes in Redis."""
    config = pipeline_config(load_settings({}))
    for scene in _SCENES:
        with EmbeddedRedis() as server:
            found = asyncio.run(_Run(scene, config, server).measure(payments))
        click.echo(json.dumps({"scene": scene.name, **found}))


class _Run:
    """One scene."""

    def __init__(self, scene: Scene, config: PipelineConfig, server: EmbeddedRedis) -> None:
        self._scene = scene
        self._config = config
        self._labels = VerdictConfig(
            scene.capacity, scene.horizon_ms, unlabelled_is_legitimate=False
        )
        self._server = server
        self._rng = np.random.default_rng(1)
        self._state = VerdictState.empty(config.model.n_inputs, scene.capacity)
        self._delta = Sums.zero(config.model)
        self._version = Scorer.of("", self._delta, config.model)
        self._n = 0
        self._offset: int | None = None
        self._spent: dict[str, float] = defaultdict(float)
        self._longest_s = 0.0

    async def measure(self, n: int) -> dict[str, Any]:
        """Return what ``n`` payments cost after those that warm up."""
        store = Store.open(
            self._server.url,
            timeout_s=30,
            namespace="bench",
            config=self._config.model,
            versions_kept=5,
            lineage_max_entries=100,
            feedback_max_entries=100,
            lessons_max_entries=100,
            rng=self._rng,
        )
        await store.identify()
        await store.claim(_TOPIC, 0, "bench", 0)
        await self._pay(store, self._scene.warm)
        self._spent.clear()
        self._longest_s = 0.0
        n_written = self._n
        await self._pay(store, n)
        n_written = self._n - n_written
        bytes_in_redis = await self._bytes()
        await store.close()
        us = {stage: round(s / n_written * 1e6, 3) for stage, s in self._spent.items()}
        ours = sum(v for stage, v in us.items() if stage != "redis")
        buffer = self._state.buffer
        return {
            "us_per_payment": us | {"in all": round(ours, 3)},
            "longest_snapshot_ms": round(self._longest_s * 1000, 1),
            "waiting": len(buffer),
            "redis_bytes_per_waiting": round(bytes_in_redis / len(buffer), 1),
        }

    async def _pay(self, store: Store, n: int) -> None:
        for first in range(0, n, _CHECKPOINT):
            for _ in range(first, min(first + _CHECKPOINT, n), _BATCH):
                self._batch()
            await self._checkpoint(store)

    def _batch(self) -> None:
        numbers = np.arange(self._n, self._n + _BATCH)
        ids = [f"payment-{i:012d}" for i in numbers.tolist()]
        cards = self._rng.integers(0, _N_CARDS, _BATCH).tolist()
        shops = self._rng.integers(0, _N_MERCHANTS, _BATCH).tolist()
        waiting = Waiting(
            _START_MS + numbers,
            self._rng.random(_BATCH) < 0.005,
            self._rng.random((_BATCH, self._config.model.n_inputs)),
            self._rng.random((_BATCH, N_BESIDE)),
            fingerprints(ids),
            Spans.of([f"card-{c:09d}" for c in cards], [f"merchant-{m:06d}" for m in shops]),
        )
        draws = self._rng.random(_BATCH)
        verdicts = list(self._verdicts())
        started = thread_time()
        remember(self._state, self._delta, self._version, self._labels, draws, waiting)
        remembered = thread_time()
        buffer = self._state.buffer
        for verdict in verdicts:
            slot = buffer.slots([verdict.transaction_id])[0]
            if slot is not None:
                buffer.parties(slot)
                buffer.judge(slot, verdict.verdict == "fraud", is_final=False)
            self._state.rulings.put(verdict)
        self._spent["remember"] += remembered - started
        self._spent["verdicts"] += thread_time() - remembered
        self._n += _BATCH

    def _verdicts(self) -> Iterator[Feedback]:
        """Return verdicts on payments of the last 50,000."""
        if not self._n:
            return
        for i in self._rng.integers(max(self._n - 50_000, 0), self._n, _JUDGED).tolist():
            yield Feedback(
                transaction_id=f"payment-{i:012d}",
                card_id="card",
                verdict="fraud" if i % 2 else "legitimate",
                origin="reviewer",
                decided_at=_DECIDED_AT,
            )

    async def _checkpoint(self, store: Store) -> None:
        started = thread_time()
        buffer, rulings = self._state.buffer, self._state.rulings
        changed = {"labels": buffer.take_changed(), "rulings": rulings.take_changed()}
        removed = {"labels": buffer.take_removed(), "rulings": rulings.take_removed()}
        snapshot = thread_time() - started
        self._spent["snapshot"] += snapshot
        self._longest_s = max(self._longest_s, snapshot)
        for entities, gone, sign in ((changed, removed, 1), ({}, {}, -1)):
            following = self._n + (sign < 0)
            taken = Checkpoint(
                topic=_TOPIC,
                partition=0,
                generation=1,
                base_offset=self._offset,
                next_offset=following,
                ledger=Ledger(consumed=following, skipped=following),
                alerts_position=None,
                delta=Sums.zero(self._config.model),
                entities=entities,
                removed=gone,
                owner="bench",
                now_ms=0,
            )
            before, redis_before = process_time(), cpu_seconds(self._server.pid)
            await store.checkpoint(taken)
            self._spent["write"] += sign * (process_time() - before)
            self._spent["redis"] += sign * (cpu_seconds(self._server.pid) - redis_before)
            self._offset = following

    async def _bytes(self) -> int:
        client = Redis.from_url(self._server.url, protocol=2)
        found = await client.memory_usage("streamer:{bench}:labels:transactions:0", samples=0)
        await client.aclose()
        return int(found or 0)


if __name__ == "__main__":
    main()
