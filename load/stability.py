"""Do runs over the same payments give the same alerts?  ``python -m load.stability --broker apache``.

Each run reads one topic from its beginning, with a Redis and output topics of its own: a worker, the
same again, two that go on where one has read ``--established`` payments, two from the start.
Compared are the alerts of the payments behind those, by their Jaccard index, |A and B| / |A or B|.
What other first centers do to the ranking ``streamer evaluate`` measures, over one file that begins
at several places.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from load.brokers import BROKERS, running
from load.contestants import WORKER, consumed, scrape
from load.headline_rounds import N_PARTITIONS, Scene, own_of
from load.likeness import OverStarts, Rarities, floor, jaccard, noise
from load.machine import describe_machine, without_openblas
from load.runs import ledger_of
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["WAYS", "Way", "main"]

_PATIENCE_S: Final = 300.0
_GRACE_S: Final = 60.0
_POLL_S: Final = 0.2
# As many payments as the first centers are of.
_STEP: Final = 5_000


@dataclass(frozen=True, slots=True)
class Way:
    """One way of reading the topic."""

    name: str
    n_workers: int = 1
    is_established: bool = False
    """Whether one worker reads until the model is established, and only then these."""


WAYS: Final = (
    Way("one worker"),
    Way("one worker again"),
    Way("two workers, established", n_workers=2, is_established=True),
    Way("two workers from the start", n_workers=2),
)


class _Source(msgspec.Struct):
    partition: int
    offset: int


class _Alert(msgspec.Struct):
    """What is read of an alert."""

    source: _Source
    score: float


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), required=True)
@click.option("--payments", type=click.IntRange(50_000), default=620_000, show_default=True)
@click.option("--established", type=click.IntRange(20_000), default=500_000, show_default=True)
@click.option("--cards", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--starts", type=click.IntRange(0), default=5, show_default=True)
@click.option("--reproducible", "is_reproducible", is_flag=True)
@click.option("--interval-s", type=click.FloatRange(0.1), default=2.0, show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    broker: str,
    payments: int,
    established: int,
    cards: int,
    starts: int,
    is_reproducible: bool,
    interval_s: float,
    json_path: Path | None,
) -> None:
    """Compare the alerts of each way of reading with the first's, and rankings of several starts."""
    if established >= payments:
        raise click.BadParameter(f"must be less than --payments {payments}, got {established}")
    alerts: dict[str, Rarities] = {}
    with running(broker) as bootstrap_servers:
        scene = Scene(bootstrap_servers, payments)
        scene.fill(cards)
        scene.common["STREAMER_CHECKPOINT_INTERVAL_S"] = str(interval_s)
        scene.common["STREAMER_REPRODUCIBLE"] = "true" if is_reproducible else "false"
        for number, way in enumerate(WAYS, 1):
            alerts[way.name] = _alerts(scene, way, number, established)
            click.echo(f"{way.name}: {len(alerts[way.name])} alerts", err=True)
    first = alerts[WAYS[0].name]
    indices = {name: jaccard(frozenset(first), frozenset(each)) for name, each in alerts.items()}
    floors = {name: floor(noise(first, each)) for name, each in alerts.items()}
    result: dict[str, Any] = {
        "about": describe_machine() | {"broker": broker, "payments": payments, "cards": cards},
        "alerts": {name: len(each) for name, each in alerts.items()},
        "jaccard": indices,
        "floor": floors,
    }
    for name, index in indices.items():
        click.echo(
            f"{name}: Jaccard {index:.3f} of {len(alerts[name])} alerts with the first's; "
            f"{floors[name]:.3f} by the noise of their rarities alone"
        )
    if starts:
        spread = _over_starts(starts)
        result["average_precision"] = {"lowest": spread.lowest, "highest": spread.highest}
        result["average_precision"]["relative"] = spread.relative
        click.echo(
            f"average precision of {starts} starts: {spread.lowest:.3f} to {spread.highest:.3f}, "
            f"within {spread.relative:.1%} of their mean"
        )
    if json_path is not None:
        json_path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def _alerts(scene: Scene, way: Way, number: int, n_established: int) -> Rarities:
    """Have the workers of ``way`` read the whole topic, and return their later alerts."""
    with EmbeddedRedis() as redis:
        common = scene.common | own_of("stability", number) | {"STREAMER_REDIS_URL": redis.url}
        settings = load_settings(common)
        topics = dict.fromkeys(topic_names(settings), N_PARTITIONS)
        create_topics(AdminClient(librdkafka_config(settings)), topics, 1)
        n_left = scene.n_payments
        if way.is_established:
            _read(common, 1, n_established)
            n_left -= asyncio.run(ledger_of(settings)).consumed
        shares = _read(common, way.n_workers, n_left)
        click.echo(f"{way.name}: {' and '.join(map(str, shares))} payments", err=True)
        return _read_alerts(settings, n_established / scene.n_payments)


def _read(common: dict[str, str], n_workers: int, n_payments: int) -> list[int]:
    """Have workers read until they have done ``n_payments``, and return what each has done."""
    with ExitStack() as stack:
        workers: list[tuple[ChildProcess, Settings]] = []
        for i in range(n_workers):
            overrides = common | {"STREAMER_WEB_PORT": str(free_port())}
            environment = without_openblas(child_environment(overrides))
            command = [sys.executable, "-m", "streamer", "worker"]
            child = ChildProcess(command, name=f"{WORKER} {i}", env=environment)
            workers.append((stack.enter_context(child), load_settings(overrides)))
        _wait_until_read(workers, n_payments)
        shares = [consumed(scrape(settings)) for _, settings in workers]
        for child, _ in workers:
            child.stop(grace_s=_GRACE_S)
        return shares


def _wait_until_read(workers: Sequence[tuple[ChildProcess, Settings]], n_payments: int) -> None:
    """Wait until the workers have done all payments between them; twice done counts twice."""
    most, moved_at = 0, time.monotonic()
    while most < n_payments:
        time.sleep(_POLL_S)
        n_done = sum(consumed(scrape(settings)) for _, settings in workers)
        if n_done > most:
            most, moved_at = n_done, time.monotonic()
        ended = [child for child, _ in workers if not child.is_running()]
        if ended or time.monotonic() - moved_at > _PATIENCE_S:
            words = "\n".join(child.log_tail() for child, _ in workers)
            raise UnavailableError(
                f"the workers must read {n_payments} payments, got {most}:\n{words}"
            )


def _read_alerts(settings: Settings, established: float) -> Rarities:
    """Return all alerts behind the share ``established`` of their partition."""
    own = {"group.id": "stability", "enable.auto.commit": False, "enable.partition.eof": False}
    consumer = Consumer(librdkafka_config(settings, **own))
    decoder = msgspec.json.Decoder(_Alert)
    firsts = [
        int(_end_of(consumer, settings.transactions_topic, partition) * established)
        for partition in range(N_PARTITIONS)
    ]
    ends = {p: _end_of(consumer, settings.alerts_topic, p) for p in range(N_PARTITIONS)}
    left = {partition for partition, end in ends.items() if end}
    starts = [TopicPartition(settings.alerts_topic, p, OFFSET_BEGINNING) for p in left]
    consumer.assign(starts)
    found: dict[tuple[int, int], float] = {}
    n_found = 0
    deadline = time.monotonic() + _PATIENCE_S
    while left:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"alerts must be readable to their ends, got stuck before {ends}"
            )
        message: Any = consumer.poll(_POLL_S)
        if message is None or message.error() is not None:
            continue
        alert = decoder.decode(message.value())
        source = alert.source
        if source.offset >= firsts[source.partition]:
            found[source.partition, source.offset] = 1.0 - alert.score
            n_found += 1
        if message.offset() >= ends[message.partition()] - 1:
            left.discard(message.partition())
    consumer.close()
    if n_found != len(found):
        raise InvariantError(f"no payment must alert twice, got {n_found - len(found)}")
    return found


def _end_of(consumer: Any, topic: str, partition: int) -> int:
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_PATIENCE_S)
    return int(end)


def _over_starts(n: int) -> OverStarts:
    """Return how the average precision without labels varies with the payments of the first centers.

    Each start leaves out more of a file's first payments; the same ones are measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, rest = Path(folder) / "payments.jsonl", Path(folder) / "rest.jsonl"
        minutes = "--rate", "2000", "--duration", "60"
        _streamer("simulate", *minutes, "--out", str(path))
        lines = path.read_bytes().splitlines(keepends=True)
        options = "--protocol", "prequential", "--labels", "none", "--rivals", "none", "--json"
        found = []
        for start in range(n):
            n_left = len(lines) - start * _STEP
            rest.write_bytes(b"".join(lines[-n_left:]))
            measured = f"{n_left - len(lines) // 2}:{n_left}"
            said = _streamer("evaluate", str(rest), *options, "--measure-rows", measured)
            found.append(json.loads(said)["detectors"]["streamer"]["average_precision"])
            click.echo(f"from payment {start * _STEP}: {found[-1]:.3f}", err=True)
    return OverStarts.of(found)


def _streamer(*arguments: str) -> str:
    """Run a command of the product to its end and return what it printed."""
    own = without_openblas(dict(os.environ))
    command = [sys.executable, "-m", "streamer", *arguments]
    return subprocess.run(command, env=own, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
