"""What checkpoints cost, and how long scoring waits for one: ``python -m load.bench_checkpoint``.

The worker's own `Scoring` and `Checkpointing`, with a Redis and a broker of their own, in this process.
Simulated payments of 4 partitions are scored as fast as they can be, verdicts on 1% of them applied;
whenever a checkpoint falls due nothing is scored until it is done, so that all processor time of this
process in between is the checkpoint's.  Every other one is watched instead: how long the event loop
stood still, and the lock that a batch takes was held.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from statistics import median
from typing import Any, Final
from zlib import crc32

import click
from confluent_kafka.admin import AdminClient

from load.large_partition import Waits
from load.machine import cpu_seconds, describe_machine
from load.verdicts import verdicts
from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Feedback
from streamer.embedded import EmbeddedServers
from streamer.embedded.server import free_port
from streamer.pipeline import PartitionState
from streamer.settings import Settings, load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.rehearsal import rehearse
from streamer.stream.app import ScoringApp, build_app
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from streamer.stream.partitions.assignments import Assigned
from streamer.telemetry.logs import configure_logging
from streamer.verdicts import apply_verdicts

__all__ = ["main"]

_N_PARTITIONS: Final = 4
_BATCH: Final = 2_000
_CHUNK: Final = 20_000
_WARM: Final = 100_000
# As in the headline: every fraud is judged, and as many others.
_JUDGED_EVERY: Final = 200


@click.command()
@click.option("--cards", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--payments", type=click.IntRange(_CHUNK), default=200_000, show_default=True)
def main(cards: int, payments: int) -> None:
    """Print one object of JSON: processor time per payment, and what waited for a checkpoint."""
    rehearse()
    with EmbeddedServers() as servers:
        settings = load_settings(
            {
                "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
                "STREAMER_REDIS_URL": servers.redis_url,
                "STREAMER_REDIS_TIMEOUT_S": "30",
                "STREAMER_NAMESPACE": "bench",
                "STREAMER_WEB_HOST": "127.0.0.1",
                "STREAMER_WEB_PORT": str(free_port()),
                "STREAMER_ADMIN_PORT": "0",
                "STREAMER_LOG_LEVEL": "CRITICAL",
            }
        )
        configure_logging(settings.log_level, settings.log_format)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), _N_PARTITIONS), 1)
        found = asyncio.run(_Run(settings, cards, servers.redis.pid).measure(payments))
    click.echo(json.dumps({"about": describe_machine(), "cards": cards, **found}, indent=2))


class _Run:
    """One worker without its consumer, and what its checkpoints have cost."""

    def __init__(self, settings: Settings, n_cards: int, redis_pid: int) -> None:
        self._topic = settings.transactions_topic
        self._redis_pid = redis_pid
        self._app = build_app(settings)
        self._held = self._app.held
        self._app.scoring._make_room = self._checkpoint
        self._simulator = Simulator(SimulatorConfig(seed=1, n_customers=n_cards))
        self._read = [0] * _N_PARTITIONS
        self._waiting: list[list[tuple[bytes, bytes]]] = [[] for _ in range(_N_PARTITIONS)]
        self._n_checkpoints = 0
        self._found: dict[str, list[float]] = defaultdict(list)

    async def measure(self, n: int) -> dict[str, Any]:
        """Return what the checkpoints of ``n`` payments cost, after those that warm up."""
        store, owner = self._app.store, self._app.kit.owner
        for partition in range(_N_PARTITIONS):
            record = await store.claim(self._topic, partition, owner, 0)
            self._held.assigned[partition] = _unread(self._app, partition, record.generation)
        await self._pay(_WARM)
        self._found.clear()
        self._n_checkpoints = 0
        await self._pay(n)
        await store.close()
        each_pays_for = n / self._n_checkpoints
        return {
            "checkpoints": self._n_checkpoints,
            "us_per_payment": {
                name: round(
                    sum(self._found[name]) / len(self._found[name]) / each_pays_for * 1e6, 3
                )
                for name in ("cpu", "cpu of the event loop", "cpu of Redis")
            },
            "ms_per_checkpoint": {
                name: {"median": round(1e3 * median(s), 2), "max": round(1e3 * max(s), 2)}
                for name, s in self._found.items()
            },
        }

    async def _pay(self, n: int) -> None:
        for first in range(0, n, _CHUNK):
            payments = self._simulator.generate(min(_CHUNK, n - first))
            now_ms = int(payments.timestamps_ms.max()) + 1
            for key, value in payments.records():
                partition = crc32(key) % _N_PARTITIONS
                waiting = self._waiting[partition]
                waiting.append((key, value))
                if len(waiting) == _BATCH:
                    await self._score(partition, now_ms)
            await self._judge([verdict for _, verdict in verdicts(payments, _JUDGED_EVERY)])

    async def _score(self, partition: int, now_ms: int) -> None:
        first, paid = self._read[partition], self._waiting[partition]
        records = [StoredRecord(first + i, now_ms, *pair) for i, pair in enumerate(paid)]
        self._read[partition] += len(paid)
        self._waiting[partition] = []
        reading = self._held.assigned[partition].generation
        await self._app.scoring.handle(Batch(self._topic, partition, records, now_ms), reading)
        while self._held.n_unmerged >= self._held.delta_limit:
            await self._checkpoint()

    async def _judge(self, judged: list[Feedback]) -> None:
        for assigned in self._held.assigned.values():
            async with self._held.lock:
                state = assigned.state
                apply_verdicts(
                    judged, state.verdicts, state.tables, state.delta, self._held.version
                )

    async def _checkpoint(self) -> bool:
        self._n_checkpoints += 1
        if self._n_checkpoints % 2:
            return await self._watched()
        before = time.process_time(), time.thread_time(), cpu_seconds(self._redis_pid)
        started = time.perf_counter()
        is_done = await self._app.checkpointing.make_room()
        after = time.process_time(), time.thread_time(), cpu_seconds(self._redis_pid)
        self._found["took"].append(time.perf_counter() - started)
        for name, was, now in zip(
            ("cpu", "cpu of the event loop", "cpu of Redis"), before, after, strict=True
        ):
            self._found[name].append(now - was)
        return is_done

    async def _watched(self) -> bool:
        async def lock() -> None:
            async with self._held.lock:
                pass

        watching = {"loop stood still": Waits(_nothing), "scoring waited": Waits(lock)}
        await asyncio.sleep(0.005)
        is_done = await self._app.checkpointing.make_room()
        await asyncio.sleep(0.005)
        for name, waits in watching.items():
            waits.stop()
            self._found[name].append(waits.longest_s)
        return is_done


def _unread(app: ScoringApp, partition: int, generation: int) -> Assigned:
    settings, clock = app.kit.settings, app.kit.clock
    return Assigned(
        topic=settings.transactions_topic,
        partition=partition,
        state=PartitionState.empty(
            app.kit.pipeline, settings.cards_capacity, settings.merchants_capacity
        ),
        generation=generation,
        start_offset=0,
        base_offset=None,
        alerts_position=None,
        has_stored=False,
        checkpointed_at=clock.monotonic(),
    )


async def _nothing() -> None:
    pass


if __name__ == "__main__":
    main()
