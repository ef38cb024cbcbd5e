"""What tracing costs a worker: ``python -m load.bench_tracing``.

One worker's scoring in this process, with a real publisher, store and exporter: the same partition is
scored in turns with tracing off, at a share of 0.01 and recording everything, a round of batches each,
in an order that changes.  Counted is the processor time of all threads of the process, the exporter's
among them; the payments carry a ``traceparent``, one in a hundred of them sampled.  The collector is a
process of its own that forgets what it gets.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import click
from confluent_kafka.admin import AdminClient

from load.machine import OPENBLAS_VARIABLES, describe_machine
from streamer import __version__
from streamer.contract.batch import Batch
from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.model import Scorer, Sums, advance
from streamer.pipeline import PartitionState
from streamer.settings import Settings, TracingSettings, load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import open_store, pipeline_config
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.partitions.worker_spans import Tracing, open_tracing
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Clock, Kit
from streamer.stream.scoring.scoring import Scoring
from streamer.telemetry import Metrics, configure_logging

__all__ = ["main"]

_WARM: Final = 40_000
_OFF: Final = "off"
_SAMPLED_OF: Final = 100


class _Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class _Worker:
    """Scoring of one partition, fed by hand."""

    def __init__(self, settings: Settings) -> None:
        self.kit = Kit(
            settings,
            pipeline_config(settings),
            open_store(settings),
            Publisher(settings),
            Metrics(__version__),
            Clock(lambda: time.time_ns() // 1_000_000, time.monotonic),
            owner="bench",
        )
        self._held = Held(self.kit)
        self._simulator = Simulator(SimulatorConfig(seed=1))
        self._offset = 0
        state = PartitionState.empty(
            self.kit.pipeline, settings.cards_capacity, settings.merchants_capacity
        )
        self._state = state
        self._held.assigned[0] = Assigned(
            settings.transactions_topic, 0, state, 1, 0, None, None, False, time.monotonic()
        )
        self._held.membership.silent_s = lambda: 0.0

    def batches(self, n: int, size: int) -> list[Batch]:
        """Return ``n`` batches that follow those before."""
        payments = list(self._simulator.generate(n * size).records())
        now_ms = self.kit.clock.now_ms()
        records = [
            _Record(self._offset + i, now_ms, key, value, (_traceparent(self._offset + i),))
            for i, (key, value) in enumerate(payments)
        ]
        self._offset += len(records)
        topic = self.kit.settings.transactions_topic
        return [
            Batch(topic, 0, records[i : i + size], now_ms) for i in range(0, len(records), size)
        ]

    def _scoring(self, tracing: Tracing | None) -> Scoring:
        return Scoring(replace(self.kit, tracing=tracing), self._held, _no_room)

    async def warm_up(self) -> None:
        """Teach a model, so that what follows is scored and alerts."""
        config = self.kit.pipeline.model
        sums, scoring = Sums.zero(config), self._scoring(None)
        for batch in self.batches(_WARM // 2_000, 2_000):
            await scoring.handle(batch, 1)
            sums, self._state.delta = advance(sums, self._state.delta, config), Sums.zero(config)
            self._held.version = Scorer.of("trained", sums, config)
        await self.kit.publisher.flush()

    async def measure(self, tracing: Tracing | None, batches: list[Batch]) -> float:
        """Return the processor time of a round, all that it leads to included."""
        scoring = self._scoring(tracing)
        before = time.process_time()
        for batch in batches:
            await scoring.handle(batch, 1)
        await self.kit.publisher.flush()
        spent = time.process_time() - before
        self._state.delta = Sums.zero(self.kit.pipeline.model)
        return spent


async def _no_room() -> bool:
    return False


def _traceparent(number: int) -> tuple[str, bytes]:
    flag = "01" if number % _SAMPLED_OF == 0 else "00"
    return "traceparent", f"00-{number + 1:032x}-{number + 1:016x}-{flag}".encode()


@click.command()
@click.option("--rounds", type=click.IntRange(3), default=15, show_default=True)
@click.option("--payments", type=click.IntRange(100), default=20_000, show_default=True)
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(1),
    multiple=True,
    default=(4_000, 200, 10),
    show_default=True,
)
def main(rounds: int, payments: int, sizes: tuple[int, ...]) -> None:
    """Measure batches of each size; a round is ``--payments``, or 300 batches where that is less."""
    configure_logging("ERROR", "console")
    click.echo("| batch | tracing | median µs per payment | ratio of medians | median of ratios |")
    click.echo("|---:|---|---:|---:|---:|")
    port = free_port()
    sink = ChildProcess([sys.executable, "-m", "load.span_sink", str(port)], name="the collector")
    with EmbeddedServers() as servers, sink:
        settings = load_settings(
            {
                "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
                "STREAMER_REDIS_URL": servers.redis.url,
            }
        )
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), 1), 1)
        endpoint = f"http://127.0.0.1:{port}/v1/traces"
        contestants: dict[str, Tracing | None] = {_OFF: None}
        for name, tracing in (
            ("share of 0.01", TracingSettings(True, endpoint)),
            ("everything", TracingSettings(True, endpoint, "always_on")),
        ):
            contestants[name] = open_tracing(tracing, settings, "bench")
        for line in asyncio.run(_measured(settings, contestants, rounds, payments, sizes)):
            click.echo(line)
    for name, value in describe_machine().items():
        click.echo(f"{name}: {value}")
    if found := [name for name in OPENBLAS_VARIABLES if name in os.environ]:
        click.echo(f"Set in the environment, and not comparable: {', '.join(found)}")


async def _measured(
    settings: Settings,
    contestants: dict[str, Tracing | None],
    rounds: int,
    payments: int,
    sizes: tuple[int, ...],
) -> list[str]:
    worker, rng = _Worker(settings), random.Random(0)
    lines: list[str] = []
    await worker.warm_up()
    for size in sizes:
        n = min(max(payments // size, 1), 300)
        spent: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name in rng.sample(sorted(contestants), len(contestants)):
                took = await worker.measure(contestants[name], worker.batches(n, size))
                spent[name].append(took / (n * size) * 1e6)
        lines += _rows(size, spent)
    await worker.kit.store.close()
    return lines


def _rows(size: int, spent: dict[str, list[float]]) -> Iterator[str]:
    off = spent[_OFF]
    for name, each in spent.items():
        median = statistics.median(each)
        of_rounds = statistics.median(a / b for a, b in zip(each, off, strict=True))
        ratio = median / statistics.median(off)
        yield f"| {size:,} | {name} | {median:.2f} | {ratio:.3f} | {of_rounds:.3f} |"


if __name__ == "__main__":
    main()
