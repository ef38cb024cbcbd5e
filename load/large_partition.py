"""A partition with very many cards: what its checkpoints keep waiting, and how soon a worker has it.

Run: ``python -m load.large_partition [CARDS [KAFKA]]``, 1,000,000 cards on an embedded broker; with the
address of an empty Apache Kafka on that, as a named member of the group.  Redis is one of its own.

1. Checkpoints, by the worker's own `Checkpointing` on a filled state: how long the event loop stood
   still, and how long scoring would have waited for its lock.
2. Claim: from its start to the first batch scored, in this process.
3. Recovery: from the start of a worker process to its first payment scored, and what it takes of
   memory then.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from load.contestants import THE_WORKER
from load.filling import Filler, records
from load.machine import cpu_seconds, without_openblas
from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.errors import InvariantError, UnavailableError
from streamer.pipeline import PartitionState
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.app import ScoringApp, build_app
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from streamer.stream.partitions.assignments import Assigned

__all__ = ["main"]

_TICK_S: Final = 0.002
_N_STORED: Final = 200_000
_N_TO_COME: Final = 100_000
_N_ALERTS: Final = 2_000
_ALERT_BYTES: Final = 2_000
_ROUNDS: Final = 5
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 60.0


class Waits:
    """The longest time that something which should take none has taken."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        self.longest_s = 0.0
        self._work = work
        self._watching = asyncio.ensure_future(self._watch())

    def stop(self) -> None:
        self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            await self._work()
            self.longest_s = max(self.longest_s, time.perf_counter() - before - _TICK_S)


async def timed(what: str, app: ScoringApp, work: Callable[[], Awaitable[object]]) -> None:
    """Print how long ``work`` took and how long it kept everything else from running."""

    async def lock() -> None:
        async with app.held.lock:
            pass

    stalls, locked = Waits(lambda: asyncio.sleep(0)), Waits(lock)
    await asyncio.sleep(5 * _TICK_S)
    started, cpu = time.perf_counter(), time.process_time()
    await work()
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    await asyncio.sleep(2 * _TICK_S)
    stalls.stop()
    locked.stop()
    print(
        f"{what}: {took_s:.2f} s, CPU {cpu_s:.2f} s, longest stall of the event loop "
        f"{stalls.longest_s * 1000:.0f} ms, of scoring {locked.longest_s * 1000:.0f} ms",
        flush=True,
    )


async def checkpoints(settings: Settings, n_cards: int) -> None:
    """Fill a partition and measure its checkpoints; Redis holds it afterwards."""
    app = build_app(settings)
    topic = settings.transactions_topic
    record = await app.store.claim(topic, 0, app.kit.owner, 0)
    assigned = _unread(app, settings, n_cards, record.generation)
    app.held.assigned[0] = assigned
    filler = Filler(assigned.state, app.kit.pipeline)
    filler.learn_model()
    filler.pay(range(n_cards))

    def advance(n: int) -> None:
        state = assigned.state
        state.next_offset = (state.next_offset or 0) + n
        state.ledger = state.ledger + Ledger(consumed=n, scored=n)

    full = settings.checkpoint_max_transactions
    advance(_N_STORED - _ROUNDS * full)
    await timed(
        f"checkpoint of {n_cards:,} cards", app, lambda: app.checkpointing.checkpoint(assigned)
    )
    for turn in range(_ROUNDS):
        first = turn * full % max(n_cards - full, 1)
        filler.pay(range(first, first + full))
        advance(full)
        await timed(
            f"checkpoint of {full:,} cards", app, lambda: app.checkpointing.checkpoint(assigned)
        )
    await app.store.close()


def _unread(app: ScoringApp, settings: Settings, n_cards: int, generation: int) -> Assigned:
    return Assigned(
        topic=settings.transactions_topic,
        partition=0,
        state=PartitionState.empty(app.kit.pipeline, n_cards, settings.merchants_capacity),
        generation=generation,
        start_offset=0,
        base_offset=None,
        alerts_position=None,
        has_stored=False,
        checkpointed_at=0.0,
    )


async def claim(settings: Settings) -> None:
    """Measure a claim and the first batch after it, by a worker without its consumer."""
    app = build_app(settings)
    now_ms = app.kit.clock.now_ms()
    paid = list(records(range(settings.batch_max_records)))
    started, cpu = time.perf_counter(), time.process_time()
    reading = await app.claiming.claim(settings.transactions_topic, 0)
    claimed_s = time.perf_counter() - started
    stored = [StoredRecord(reading.offset + i, now_ms, *pair) for i, pair in enumerate(paid)]
    batch = Batch(settings.transactions_topic, 0, stored, now_ms)
    await app.scoring.handle(batch, reading.number)
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    ledger = app.held.assigned[0].state.ledger
    if ledger.scored + ledger.repeated != reading.offset + len(paid):
        raise InvariantError(f"the batch must be scored, got {ledger}")
    print(f"claim: {claimed_s:.2f} s, with its first batch {took_s:.2f} s, CPU {cpu_s:.2f} s")
    app.claiming.close()
    await app.store.close()


def recovery(settings: Settings, overrides: Mapping[str, str]) -> None:
    """Measure a worker process from its start to its first payments scored."""
    worker = THE_WORKER
    child = ChildProcess(
        worker.command(Path()), name="worker", env=without_openblas(child_environment(overrides))
    )
    started = time.monotonic()
    with child:
        # /metrics is made on the worker's event loop, so it is not asked all the time.
        while not worker.progress(settings, Path()):
            if not child.is_running() or time.monotonic() - started > _PATIENCE_S:
                raise UnavailableError(f"a worker must score, got:\n{child.log_tail()}")
            time.sleep(_POLL_S)
        took_s, cpu_s = time.monotonic() - started, cpu_seconds(child.pid)
        resident_mb = psutil.Process(child.pid).memory_info().rss / 1e6
        child.send_signal(signal.SIGKILL)
    print(
        f"recovery: {took_s:.2f} s from the start of the process, CPU {cpu_s:.2f} s, "
        f"resident {resident_mb:.0f} MB",
        flush=True,
    )


def fill_log(settings: Settings) -> None:
    """Put payments into the log, and alerts of some that the checkpoint does not hold yet."""
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
    feeder.send(records(range(_N_STORED + _N_TO_COME)))
    feeder.finish()
    producer = Producer(librdkafka_config(settings))
    padding = "x" * _ALERT_BYTES
    for offset in range(_N_STORED, _N_STORED + _N_ALERTS):
        source = f'{{"topic":"{settings.transactions_topic}","partition":0,"offset":{offset}}}'
        value = f'{{"padding":"{padding}","source":{source}}}'
        producer.produce(settings.alerts_topic, value.encode(), partition=0)
    producer.flush()


def main() -> None:
    """Measure with as many cards as the first argument says, on the Kafka that the second names."""
    n_cards = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with EmbeddedServers() as servers:
        overrides = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
            "STREAMER_REDIS_URL": servers.redis_url,
            "STREAMER_REDIS_TIMEOUT_S": "30",
            "STREAMER_NAMESPACE": "load",
            "STREAMER_TOPIC_PARTITIONS": "1",
            "STREAMER_CARDS_CAPACITY": str(n_cards),
            "STREAMER_WEB_HOST": "127.0.0.1",
            "STREAMER_WEB_PORT": str(free_port()),
            "STREAMER_ADMIN_PORT": "0",
            "STREAMER_LOG_LEVEL": "WARNING",
        }
        if len(sys.argv) > 2:
            overrides |= {
                "STREAMER_KAFKA_BOOTSTRAP_SERVERS": sys.argv[2],
                "STREAMER_KAFKA_GROUP_INSTANCE_ID": "load",
            }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), 1), 1)
        fill_log(settings)
        asyncio.run(checkpoints(settings, n_cards))
        for _ in range(_ROUNDS):
            asyncio.run(claim(settings))
        for _ in range(_ROUNDS):
            recovery(settings, overrides)


if __name__ == "__main__":
    main()
