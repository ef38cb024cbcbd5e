"""Builders for the tests of the store."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from redis.asyncio import Redis

from streamer.contract.ledger import Ledger
from streamer.errors import UnavailableError
from streamer.model import ModelConfig, Sums
from streamer.store import Checkpoint, PartitionRecord, Store, Url
from tests.rig.waiting import DEADLINE_S

NOW_MS = 1_700_000_000_123
# What a reader of the feedback knows who begins.
UNREAD = PartitionRecord(None, Ledger(), 0, None)
CONFIG = ModelConfig(
    feature_names=("log_amount", "gap"),
    spread_floors=(0.05, 0.05),
    sides=(0, 0),
    n_currencies=3,
    n_clusters=2,
    half_life=math.inf,
    score_half_life=math.inf,
    warmup=10**9,
)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


@asynccontextmanager
async def opened(url: Url, namespace: str, **changes: Any) -> AsyncIterator[Store]:
    """A store that is closed in the end, even if its server is gone by then."""
    options: dict[str, Any] = {
        "timeout_s": DEADLINE_S,
        "config": CONFIG,
        "versions_kept": 5,
        "lineage_max_entries": 1000,
        "feedback_max_entries": 1000,
        "lessons_max_entries": 1000,
        "rng": np.random.default_rng(0),
    }
    store = Store.open(url, namespace=namespace, **(options | changes))
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[Any]:
    """A plain client, to look at the keys themselves."""
    client = Redis.from_url(url, decode_responses=False, protocol=2)
    try:
        yield client
    finally:
        await client.aclose()


async def answered(call: Callable[[], Awaitable[Any]], within_s: float = DEADLINE_S) -> Any:
    """What ``call`` returns or raises once Redis answers; after an outage it is not asked at once."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return await call()
        except UnavailableError:
            if time.monotonic() >= deadline:
                raise
            await asyncio.sleep(0.05)


def delta(n: int, seed: int = 0) -> Sums:
    """What ``n`` transactions teach, whatever they are."""
    sums = Sums.zero(CONFIG)
    sums.transactions_seen = n
    sums.currency_weights += np.random.default_rng(seed).integers(1, 5, size=CONFIG.n_currencies)
    return sums


def step(
    base: int | None,
    following: int,
    *,
    topic: str = "transactions",
    partition: int = 0,
    generation: int = 1,
    learned: Sums | None = None,
    entities: Mapping[str, Mapping[str, bytes]] | None = None,
    alerts_position: int | None = None,
    owner: str = "w1",
    now_ms: int = NOW_MS,
) -> Checkpoint:
    """A checkpoint from ``base`` to ``following`` in which every record was scored."""
    n = following - (base or 0)
    return Checkpoint(
        topic=topic,
        partition=partition,
        generation=generation,
        base_offset=base,
        next_offset=following,
        ledger=Ledger(consumed=following, scored=following),
        alerts_position=alerts_position,
        delta=delta(n) if learned is None else learned,
        entities=entities or {},
        owner=owner,
        now_ms=now_ms,
    )
