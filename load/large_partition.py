"""A partition with very many cards: how long a checkpoint blocks the event loop, what a claim takes.

Run: ``python -m load.large_partition [CARDS]`` (1,000,000), on servers of its own.  It fills a
partition's tables and Redis without Kafka: what is measured is the worker's code and the store's.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

import numpy as np

from streamer.embedded import EmbeddedRedis
from streamer.ledger import Ledger
from streamer.model import Sums
from streamer.pipeline import PartitionState
from streamer.settings import Settings
from streamer.store import Checkpoint, Store
from streamer.wiring import model_config, open_store, pipeline_config

__all__ = ["main"]

_TICK_S: Final = 0.002
_TOPIC: Final = "transactions"


class Stalls:
    """The longest time that nothing else could run on the event loop."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def watch(self) -> None:
        """Measure for ever."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - before - _TICK_S)


async def timed(what: str, work: Callable[[], Awaitable[object]]) -> object:
    """Print how long ``work`` took and how long it kept everything else from running."""
    stalls = Stalls()
    watching = asyncio.ensure_future(stalls.watch())
    await asyncio.sleep(5 * _TICK_S)
    started, cpu = time.perf_counter(), time.process_time()
    result = await work()
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    await asyncio.sleep(2 * _TICK_S)
    watching.cancel()
    print(f"{what}: {took_s:.2f} s, CPU {cpu_s:.2f} s, event loop blocked {stalls.longest_s:.3f} s")
    return result


def touch(state: PartitionState, first: int, n: int, time_ms: int) -> None:
    """Change ``n`` cards and what is kept beside them."""
    rng = np.random.default_rng(0)
    for table in (state.tables.cards, state.tables.spending):
        for start in range(first, first + n, 4_000):
            keys = [f"card-{number:09d}" for number in range(start, min(start + 4_000, first + n))]
            rows = table.rows(keys)
            values = rng.random((len(keys), table.kind.n_columns))
            table.store(rows, np.full(len(keys), time_ms, dtype=np.int64), values)


async def measure(settings: Settings, n_cards: int) -> None:
    """Fill a partition and Redis, then measure a full-size checkpoint and a claim."""
    config = pipeline_config(settings)
    store = open_store(settings)
    state = PartitionState.empty(config, n_cards, settings.merchants_capacity)
    record = await store.claim(_TOPIC, 0, "load", 0)
    offset = 0
    full = settings.checkpoint_max_transactions

    async def checkpoint(n: int) -> None:
        nonlocal offset
        base, offset = (offset or None), offset + n
        await store.checkpoint(_snapshot(state, record.generation, base, offset, settings))

    touch(state, 0, n_cards, 1)
    await timed(f"checkpoint of {n_cards:,} changed cards", lambda: checkpoint(n_cards))
    touch(state, 0, full, 2)
    await timed(f"checkpoint of {full:,} changed cards", lambda: checkpoint(full))
    await timed("claim", lambda: _claim(store))
    await store.close()


async def _claim(store: Store) -> None:
    await store.identify()
    await store.partition(_TOPIC, 0)
    await store.claim(_TOPIC, 0, "next", 0)
    await store.head()
    for kind in ("repeats", "labels", "rulings"):
        await store.load_all(_TOPIC, 0, kind)


def _snapshot(
    state: PartitionState, generation: int, base: int | None, offset: int, settings: Settings
) -> Checkpoint:
    return Checkpoint(
        topic=_TOPIC,
        partition=0,
        generation=generation,
        base_offset=base,
        next_offset=offset,
        ledger=Ledger(consumed=offset, scored=offset),
        alerts_position=None,
        delta=Sums.zero(model_config(settings)),
        entities={table.kind.name: table.take_changed() for table in state.tables.all()},
        owner="load",
        now_ms=0,
    )


def main() -> None:
    """Measure with as many cards as the first argument says."""
    n_cards = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with EmbeddedRedis() as redis:
        settings = Settings.model_validate(
            {"redis_url": redis.url, "cards_capacity": n_cards, "redis_timeout_s": 60.0}
        )
        asyncio.run(measure(settings, n_cards))


if __name__ == "__main__":
    main()
