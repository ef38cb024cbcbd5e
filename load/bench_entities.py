"""What is kept of a card, in bytes: ``python -m load.bench_entities``, a line of JSON.

Every card pays once, at its own place, and one in a hundred is judged; 20 cards share a merchant.  Told
are the bytes of a row of each kind; what a process of tables alone takes more for a card, index and
marks included; what a Redis of its own takes more for it, overhead included; and processor time per
payment: to find the rows of 2,000 payments whose cards are held, and to load those of others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any, Final

import click
import numpy as np
from redis.asyncio import Redis

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Transaction
from streamer.embedded.valkey import EmbeddedRedis
from streamer.features import Columns, History, Tables, add_verdicts
from streamer.model import Sums
from streamer.pipeline import PipelineConfig
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from streamer.store import Checkpoint, Store

__all__ = ["main"]

_TOPIC: Final = "transactions"
_START_MS: Final = 1_767_614_400_000
_BATCH: Final = 2_000
_CHECKPOINT: Final = 20_000
_CARDS_PER_MERCHANT: Final = 20
_JUDGED_EVERY: Final = 100
_ROUNDS: Final = 20


@click.command()
@click.option("--cards", type=click.IntRange(_CHECKPOINT), default=1_000_000, show_default=True)
def main(cards: int) -> None:
    """Fill tables and a Redis with so many cards."""
    config = pipeline_config(load_settings({}))
    with EmbeddedRedis() as server:
        click.echo(json.dumps(asyncio.run(_measure(config, server, cards))))


async def _measure(config: PipelineConfig, server: EmbeddedRedis, n_cards: int) -> dict[str, Any]:
    store = Store.open(
        server.url,
        timeout_s=30,
        namespace="bench",
        config=config.model,
        versions_kept=5,
        lineage_max_entries=100,
        feedback_max_entries=100,
        lessons_max_entries=100,
        rng=np.random.default_rng(1),
    )
    await store.identify()
    await store.claim(_TOPIC, 0, "bench", 0)
    redis = Redis.from_url(server.url)
    tables = Tables.empty(n_cards, n_cards)
    # What is loaded and compiled with the first payments is no card's.
    _pay(Tables.empty(_BATCH, _BATCH), range(_BATCH))
    resident, stored = _resident_bytes(), await _used_bytes(redis)
    for first in range(0, n_cards, _CHECKPOINT):
        for start in range(first, min(first + _CHECKPOINT, n_cards), _BATCH):
            _pay(tables, range(start, min(start + _BATCH, n_cards)))
        await _save(store, config, tables, first, min(first + _CHECKPOINT, n_cards))
    found: dict[str, Any] = {
        "cards": n_cards,
        "bytes_of_a_row": {table.kind.name: table.kind.row.itemsize for table in tables},
        "resident_bytes_per_card": round((_resident_bytes() - resident) / n_cards, 1),
        "table_bytes_per_card": round(sum(table.n_bytes for table in tables) / n_cards, 1),
        "redis_bytes_per_card": round((await _used_bytes(redis) - stored) / n_cards, 1),
        "resident_mb": round(_resident_bytes() / 1e6, 1),
        "held_us": _held_us(tables, n_cards),
        "loaded_us": await _loaded_us(store, n_cards),
    }
    await redis.aclose()
    await store.close()
    return found


def _columns(cards: range) -> Columns:
    when = datetime.fromtimestamp(_START_MS / 1000, tz=UTC)
    paid = [
        Transaction(
            transaction_id=f"payment-{card}",
            card_id=f"card-{card:09d}",
            amount=1.0 + card % 100,
            currency="EUR",
            timestamp=when,
            merchant_id=f"merchant-{card // _CARDS_PER_MERCHANT:07d}",
            country="DE",
            mcc="5411",
            latitude=50.0,
            longitude=8.0,
            channel="pos",
        )
        for card in cards
    ]
    return Columns.of(paid, [_START_MS] * len(paid))


def _pay(tables: Tables, cards: range) -> None:
    History.observe(_columns(cards), tables)
    judged = [f"card-{card:09d}" for card in cards[::_JUDGED_EVERY]]
    n = len(judged)
    add_verdicts(tables.card_verdicts, judged, np.full(n, _START_MS), np.zeros(n), np.ones(n))


async def _save(
    store: Store, config: PipelineConfig, tables: Tables, offset: int, next_offset: int
) -> None:
    await store.checkpoint(
        Checkpoint(
            topic=_TOPIC,
            partition=0,
            generation=1,
            base_offset=offset or None,
            next_offset=next_offset,
            ledger=Ledger(consumed=next_offset, scored=next_offset),
            alerts_position=None,
            delta=Sums.zero(config.model),
            entities={table.kind.name: table.take_changed() for table in tables},
            owner="bench",
            now_ms=_START_MS,
        )
    )


def _held_us(tables: Tables, n_cards: int) -> float:
    return min(_spent_us(tables, columns) for columns in _rounds(n_cards))


def _spent_us(tables: Tables, columns: Columns) -> float:
    started = process_time()
    tables.rows(columns)
    return round((process_time() - started) / _BATCH * 1e6, 3)


async def _loaded_us(store: Store, n_cards: int) -> float:
    tables, spent = Tables.empty(n_cards, n_cards), []
    for columns in _rounds(n_cards):
        started = process_time()
        while wanted := tables.unknown(columns):
            names = {table.kind.name: keys for table, keys in wanted.items()}
            tables.load(await store.load_entities(_TOPIC, 0, names))
        spent.append(round((process_time() - started) / _BATCH * 1e6, 3))
    return min(spent)


def _rounds(n_cards: int) -> Iterator[Columns]:
    for turn in range(_ROUNDS):
        first = turn * _BATCH % (n_cards - _BATCH)
        yield _columns(range(first, first + _BATCH))


def _resident_bytes() -> int:
    (line,) = (s for s in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in s)
    return int(line.split()[1]) * 1024


async def _used_bytes(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


if __name__ == "__main__":
    main()
