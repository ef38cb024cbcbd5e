"""Builders for the tests of the store."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from redis.asyncio import Redis

from streamer.ledger import Ledger
from streamer.model import ModelConfig, Sums
from streamer.store import Checkpoint, Store

NOW_MS = 1_700_000_000_123
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
async def opened(url: str, namespace: str, **changes: Any) -> AsyncIterator[Store]:
    """A store that is closed in the end, even if its server is gone by then."""
    options: dict[str, Any] = {
        "timeout_s": 5.0,
        "config": CONFIG,
        "versions_kept": 5,
        "lineage_max_entries": 1000,
        "feedback_max_entries": 1000,
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


class CuttingProxy:
    """A TCP relay to Redis that can swallow the answer to the next EXEC and hang up."""

    def __init__(self, port: int) -> None:
        self.cut_next_exec = False
        self.n_cut = 0
        self._target = port
        self._relays: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        finally:
            server.close()
            await asyncio.gather(*self._relays)
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._relays.append(asyncio.create_task(self._relay(reader, writer)))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        answers = asyncio.create_task(self._copy(up_reader, writer))
        while data := await reader.read(1 << 20):
            cutting = self.cut_next_exec and b"EXEC" in data
            if cutting:
                answers.cancel()
                await asyncio.wait([answers])
            up_writer.write(data)
            if cutting:
                await up_reader.read(1 << 16)  # Redis has answered, so it has written
                self.cut_next_exec = False
                self.n_cut += 1
                break
        answers.cancel()
        await asyncio.wait([answers])
        for stream in (writer, up_writer):
            stream.close()
            with suppress(ConnectionError):
                await stream.wait_closed()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
