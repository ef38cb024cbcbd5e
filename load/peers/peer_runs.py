"""One run of one entrant over the topic that all share.

Invariant: a run counts only when what was scored is accounted for: by the checkpoints in Redis where
our own pipeline ran, else by alerts whose counts and means are those of the payments (`job_check`).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from load.contestants import Contestant
from load.environments import python_in
from load.figures import Window, rate
from load.headline_rounds import N_PARTITIONS, Scene, own_of
from load.machine import cpu_seconds, tree_cpu_seconds, without_openblas
from load.peers.common.job import Count, Job
from load.peers.entrants import CONSUME, DECODE, FOLDER, PIPELINE, STREAMER, Entrant
from load.peers.job_check import PeerAlert, Truth, check_alerts
from load.peers.spark_jars import spark_jars
from load.runs import follow, ledger_of, skipped
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["PeerRun", "alerts_in", "made_ready", "pinned", "run", "run_app", "to_be_done"]

# Spark takes 20 s to its first payment, and several times as long on a machine that others use.
_PATIENCE_S: Final = 240.0
_GRACE_S: Final = 30.0
_POLL_S: Final = 0.2
_READ_S: Final = 30.0
_SKIPPED_SHARE: Final = 0.1
# Of fewer payments too few are alerted for their number to say anything.
_LEAST: Final = 8_000
_COMPARED: Final = (
    "quixstreams",
    "bytewax",
    "confluent-kafka",
    "river",
    "faust-streaming",
    "pyspark",
)


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What one run came to; ``n_alerts`` were sent for the ``n_done`` payments that it did in all."""

    entrant: str
    window: Window
    n_done: int
    n_alerts: int


def to_be_done(entrant: Entrant, n_payments: int) -> int:
    """Return how many payments an entrant is followed for.

    >>> to_be_done(Entrant("slow", "", share=0.05), 200_000)
    10000
    """
    return max(int(n_payments * entrant.share), min(_LEAST, n_payments))


def made_ready(entrants: Sequence[Entrant]) -> dict[str, str]:
    """Make the environments that are missing, and return the versions of what is compared."""
    versions: dict[str, str] = {}
    for folder, lock in {each.folder: each.lock for each in entrants if each.folder}.items():
        _python_of(folder, lock)
        if folder == "spark":
            spark_jars()
        versions[f"peers/{folder}"] = ", ".join(
            f"{name} {version}" for name, version in pinned(lock).items() if name in _COMPARED
        )
    return versions


def pinned(lock: Path) -> dict[str, str]:
    """Return the versions in a lock by package; of several the first, Python 3.11's."""
    found: dict[str, str] = {}
    for line in lock.read_text("utf-8").splitlines():
        name, is_pin, version = line.partition("==")
        if is_pin and not line.startswith(" "):
            found.setdefault(name.partition("[")[0], version.split()[0])
    return found


def run(entrant: Entrant, scene: Scene, truth: Truth, number: int) -> PeerRun:
    """Run an entrant and return what was measured; blocks."""
    if entrant.name == STREAMER:
        done = scene.worker(number)
        return PeerRun(STREAMER, done.window, done.ledger.consumed, done.ledger.alerted)
    if entrant.name in (CONSUME, DECODE):
        return PeerRun(entrant.name, scene.ceiling(entrant.name), scene.n_payments, 0)
    if entrant.name == PIPELINE:
        return _pipeline(entrant, scene, number)
    python = _python_of(str(entrant.folder), entrant.lock)
    return run_app(entrant, scene, truth, number, python)


def run_app(entrant: Entrant, scene: Scene, truth: Truth, number: int, python: Path) -> PeerRun:
    """Run a peer's app with an interpreter that has what it imports, and check its alerts."""
    settings = load_settings(scene.common)
    with tempfile.TemporaryDirectory() as folder:
        # Nothing of a run is left in the broker that the next one of that name could go on with.
        own = f"{entrant.name}-{number}-{uuid.uuid4().hex[:8]}"
        job = Job(
            broker=settings.kafka_bootstrap_servers,
            topic=settings.transactions_topic,
            alerts=f"{own}-alerts",
            group=own,
            model=entrant.model,
            state=entrant.state,
            folder=Path(folder),
            count=Path(folder) / "count",
        )
        job.count.write_bytes(bytes(8))
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, {job.alerts: N_PARTITIONS}, 1)
        contestant = Contestant(
            entrant.name,
            False,
            lambda _: [str(python), str(entrant.app)],
            lambda _settings, count: Count.read(count),
            # Spark works in a child.
            cpu_seconds=tree_cpu_seconds if entrant.folder == "spark" else cpu_seconds,
            patience_s=_PATIENCE_S,
        )
        environment = _environment(entrant, job, python)
        window = _followed(
            contestant, scene, to_be_done(entrant, scene.n_payments), job.count, environment
        )
        n_done = Count.read(job.count)
    alerts = alerts_in(settings, job.alerts)
    check_alerts(entrant.name, alerts, truth, n_done)
    return PeerRun(entrant.name, window, n_done, len(alerts))


def _python_of(folder: str, lock: Path) -> Path:
    return python_in(f"peers/{folder}", lock)


def _environment(entrant: Entrant, job: Job, python: Path) -> dict[str, str]:
    """Return the environment of a peer: ours without what is streamer's, and its job."""
    environment = without_openblas(child_environment(job.environment()))
    environment["PYTHONPATH"] = str(FOLDER / "common")
    environment["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    if entrant.folder == "spark":
        environment |= {
            "PEER_JARS": spark_jars(),
            "PYSPARK_PYTHON": str(python),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
    return environment


def _followed(
    contestant: Contestant, scene: Scene, n_total: int, count: Path, environment: dict[str, str]
) -> Window:
    """Run until so many payments are done, then end it as its operator would."""
    settings = load_settings(scene.common)
    child = ChildProcess(
        contestant.command(count), name=contestant.name, env=environment, cwd=count.parent
    )
    with child:
        samples = follow(contestant, child, settings, count, n_total, _unreported)
        child.stop(grace_s=_GRACE_S)
    return rate(samples, int(n_total * _SKIPPED_SHARE), n_total)


def _pipeline(entrant: Entrant, scene: Scene, number: int) -> PeerRun:
    """Run stock Faust with our own pipeline, settings and checkpoints."""
    with EmbeddedRedis() as redis, tempfile.TemporaryDirectory() as folder:
        own = own_of(f"pipeline-{uuid.uuid4().hex[:8]}", number)
        overrides = scene.common | own | {"STREAMER_REDIS_URL": redis.url}
        overrides |= {"STREAMER_ALERTS_TOPIC": f"{own['STREAMER_NAMESPACE']}-alerts"}
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), N_PARTITIONS), 1)
        count = Path(folder) / "count"
        count.write_bytes(bytes(8))
        contestant = Contestant(
            entrant.name,
            True,
            lambda path: [sys.executable, "-m", "load.stock", str(path)],
            lambda _, path: Count.read(path),
        )
        n_total = skipped(0, settings.warmup_transactions) + to_be_done(entrant, scene.n_payments)
        child = ChildProcess(
            contestant.command(count),
            name=contestant.name,
            env=without_openblas(child_environment(overrides)),
        )
        with child:
            samples = follow(contestant, child, settings, count, n_total, _unreported)
            ledger = _accounted(settings, n_total)
        if ledger.scored < n_total or ledger.dead_lettered or not ledger.alerted:
            raise InvariantError(
                f"the checkpoints of {entrant.name} must account for {n_total} scored payments and "
                f"some alerts, got {ledger}; its last words:\n{child.log_tail()}"
            )
    window = rate(samples, skipped(n_total, settings.warmup_transactions), n_total)
    return PeerRun(entrant.name, window, ledger.scored, ledger.alerted)


def _accounted(settings: Settings, n_total: int) -> Ledger:
    """Return what the checkpoints account for, once that is as much or time has run out.

    Faust told to end in the middle of a backlog cuts off what it had handed on, so it is not told.
    """
    deadline = time.monotonic() + _GRACE_S
    ledger = asyncio.run(ledger_of(settings))
    while ledger.scored < n_total and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        ledger = asyncio.run(ledger_of(settings))
    return ledger


def alerts_in(settings: Settings, topic: str) -> list[PeerAlert]:
    """Return all alerts of a topic that nobody writes to any more."""
    decode = msgspec.json.Decoder(PeerAlert).decode
    consumer = Consumer(
        librdkafka_config(settings, **{"group.id": topic, "enable.auto.commit": False})
    )
    alerts: list[PeerAlert] = []
    try:
        partitions = [TopicPartition(topic, p, 0) for p in range(N_PARTITIONS)]
        ends = [consumer.get_watermark_offsets(each, timeout=_READ_S)[1] for each in partitions]
        for partition, end in zip(partitions, ends, strict=True):
            consumer.assign([partition])
            n_read = 0
            while n_read < end:
                records = consumer.consume(min(end - n_read, 1_000), timeout=_READ_S)
                if not records:
                    raise UnavailableError(f"{topic} must give {end} alerts, got {n_read}")
                n_read = records[-1].offset() + 1
                alerts += [decode(each.value()) for each in records]
    finally:
        consumer.close()
    return alerts


def _unreported(_what: str, _done: int, _total: int) -> None:
    pass
