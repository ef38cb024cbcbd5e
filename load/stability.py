"""Do runs over the same payments give the same alerts?  ``python -m load.stability --broker apache``.

Each run reads one topic from its beginning, with a Redis and output topics of its own: a worker, the
same again, two workers that share the partitions, a worker with another seed of its first centers.
Compared are the alerts of the payments behind ``--established``, by their Jaccard index,
|A and B| / |A or B|.  What the seed does to the ranking ``streamer evaluate`` measures, over a file.
"""

from __future__ import annotations

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
from load.machine import describe_machine, without_openblas
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["WAYS", "OverSeeds", "Way", "jaccard", "main"]

_PATIENCE_S: Final = 300.0
_GRACE_S: Final = 60.0
_POLL_S: Final = 0.2

Places = frozenset[tuple[int, int]]
"""Where in the transactions topic the payments of alerts lie: partition and offset."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of reading the topic."""

    name: str
    n_workers: int = 1
    seed: int = 0


WAYS: Final = (
    Way("one worker"),
    Way("one worker again"),
    Way("two workers", n_workers=2),
    Way("another seed", seed=1),
)


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """Average precisions of several seeds, ``relative`` the farthest from their mean over the mean."""

    lowest: float
    highest: float
    relative: float

    @classmethod
    def of(cls, values: Sequence[float]) -> OverSeeds:
        """Return how far apart they are.

        >>> OverSeeds.of([0.9, 1.0, 1.2, 0.9])
        OverSeeds(lowest=0.9, highest=1.2, relative=0.2)
        """
        mean = sum(values) / len(values)
        farthest = max(abs(value - mean) for value in values)
        return cls(min(values), max(values), round(farthest / mean, 6))


class _Source(msgspec.Struct):
    partition: int
    offset: int


class _Alert(msgspec.Struct):
    """What is read of an alert."""

    source: _Source


def jaccard(first: Places, second: Places) -> float:
    """Return how much of two sets of alerts is in both; 1 where there are none.

    >>> jaccard(frozenset({(0, 1), (0, 2), (1, 1)}), frozenset({(0, 1), (0, 2), (1, 3)}))
    0.5
    """
    either = first | second
    return len(first & second) / len(either) if either else 1.0


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), required=True)
@click.option("--payments", type=click.IntRange(50_000), default=620_000, show_default=True)
@click.option("--established", type=click.IntRange(20_000), default=500_000, show_default=True)
@click.option("--cards", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--seeds", type=click.IntRange(0), default=5, show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    broker: str, payments: int, established: int, cards: int, seeds: int, json_path: Path | None
) -> None:
    """Compare the alerts of each way of reading with the first's, and rankings of several seeds."""
    if established >= payments:
        raise click.BadParameter(f"must be less than --payments {payments}, got {established}")
    alerts: dict[str, Places] = {}
    with running(broker) as bootstrap_servers:
        scene = Scene(bootstrap_servers, payments)
        scene.fill(cards)
        for number, way in enumerate(WAYS, 1):
            alerts[way.name] = _alerts(scene, way, number, established / payments)
            click.echo(f"{way.name}: {len(alerts[way.name])} alerts", err=True)
    first = alerts[WAYS[0].name]
    indices = {name: jaccard(first, places) for name, places in alerts.items()}
    result: dict[str, Any] = {
        "about": describe_machine() | {"broker": broker, "payments": payments, "cards": cards},
        "alerts": {name: len(places) for name, places in alerts.items()},
        "jaccard": indices,
    }
    for name, index in indices.items():
        click.echo(f"{name}: Jaccard {index:.3f} of {len(alerts[name])} alerts with the first's")
    if seeds:
        spread = _over_seeds(seeds)
        result["average_precision"] = {"lowest": spread.lowest, "highest": spread.highest}
        result["average_precision"]["relative"] = spread.relative
        click.echo(
            f"average precision of {seeds} seeds: {spread.lowest:.3f} to {spread.highest:.3f}, "
            f"within {spread.relative:.1%} of their mean"
        )
    if json_path is not None:
        json_path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def _alerts(scene: Scene, way: Way, number: int, established: float) -> Places:
    """Have the workers of ``way`` read the whole topic, and return where their later alerts lie."""
    with EmbeddedRedis() as redis, ExitStack() as stack:
        common = scene.common | own_of("stability", number) | {"STREAMER_REDIS_URL": redis.url}
        common["STREAMER_RANDOM_SEED"] = str(way.seed)
        workers: list[tuple[ChildProcess, Settings]] = []
        for i in range(way.n_workers):
            overrides = common | {"STREAMER_WEB_PORT": str(free_port())}
            settings = load_settings(overrides)
            if not i:
                topics = dict.fromkeys(topic_names(settings), N_PARTITIONS)
                create_topics(AdminClient(librdkafka_config(settings)), topics, 1)
            environment = without_openblas(child_environment(overrides))
            command = [sys.executable, "-m", "streamer", "worker"]
            child = ChildProcess(command, name=f"{WORKER} {i}", env=environment)
            workers.append((stack.enter_context(child), settings))
        _wait_until_read(workers, scene.n_payments)
        for child, _ in workers:
            child.stop(grace_s=_GRACE_S)
        return _read_alerts(workers[0][1], established)


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


def _read_alerts(settings: Settings, established: float) -> Places:
    """Return the places of all alerts behind the share ``established`` of their partition."""
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
    places: list[tuple[int, int]] = []
    deadline = time.monotonic() + _PATIENCE_S
    while left:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"alerts must be readable to their ends, got stuck before {ends}"
            )
        message: Any = consumer.poll(_POLL_S)
        if message is None or message.error() is not None:
            continue
        source = decoder.decode(message.value()).source
        if source.offset >= firsts[source.partition]:
            places.append((source.partition, source.offset))
        if message.offset() >= ends[message.partition()] - 1:
            left.discard(message.partition())
    consumer.close()
    if len(places) != len(set(places)):
        raise InvariantError(f"no payment must alert twice, got {len(places) - len(set(places))}")
    return frozenset(places)


def _end_of(consumer: Any, topic: str, partition: int) -> int:
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_PATIENCE_S)
    return int(end)


def _over_seeds(n: int) -> OverSeeds:
    """Return how the average precision without labels varies with the seed of the first centers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "payments.parquet"
        _streamer("simulate", "--rate", "2000", "--duration", "60", "--out", str(path))
        options = "--protocol", "prequential", "--labels", "none", "--rivals", "none", "--json"
        found = []
        for seed in range(n):
            said = _streamer("evaluate", str(path), *options, STREAMER_RANDOM_SEED=str(seed))
            found.append(json.loads(said)["detectors"]["streamer"]["average_precision"])
            click.echo(f"seed {seed}: average precision {found[-1]:.3f}", err=True)
    return OverSeeds.of(found)


def _streamer(*arguments: str, **environment: str) -> str:
    """Run a command of the product to its end and return what it printed."""
    own = without_openblas({**os.environ, **environment})
    command = [sys.executable, "-m", "streamer", *arguments]
    return subprocess.run(command, env=own, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
