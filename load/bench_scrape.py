"""What a scrape costs a worker: ``python -m load.bench_scrape``.

A worker on embedded servers has scored some payments on every partition.  Then, in turn, it is scraped
as fast as it answers and left alone, for as long each; the difference in processor time is what scrapes
cost.  The main thread's part of it keeps the event loop from scoring; the rest is that of a thread.
"""

from __future__ import annotations

import statistics
import sys
import time
import urllib.request
from dataclasses import dataclass
from typing import Final

import click
from confluent_kafka.admin import AdminClient

from load.contestants import consumed
from load.machine import cpu_seconds, describe_machine, main_thread_seconds, without_openblas
from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.errors import UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["main"]

_PER_PARTITION: Final = 200
_READY_WITHIN_S: Final = 180.0
_POLL_S: Final = 0.2
_TIMEOUT_S: Final = 30.0
_ACCEPT: Final = {"text": "text/plain", "OpenMetrics": "application/openmetrics-text"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one scrape, in milliseconds; ``n_lines`` and ``n_bytes`` of its answer."""

    n_lines: int
    n_bytes: int
    cpu_ms: float
    loop_ms: float
    median_ms: float


@click.command()
@click.option("--partitions", type=click.IntRange(1), default=64, show_default=True)
@click.option("--scrapes", type=click.IntRange(20), default=200, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def main(partitions: int, scrapes: int, rounds: int) -> None:
    """Measure scrapes of both formats, in turn."""
    click.echo(
        "| format | lines | kB | CPU ms, all threads | CPU ms, event loop | median answer ms |"
    )
    click.echo("|---|---:|---:|---:|---:|---:|")
    with EmbeddedServers() as servers:
        overrides = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
            "STREAMER_REDIS_URL": servers.redis.url,
            "STREAMER_NAMESPACE": "scrape",
            "STREAMER_WEB_HOST": "127.0.0.1",
            "STREAMER_WEB_PORT": str(free_port()),
            "STREAMER_LOG_LEVEL": "WARNING",
            "STREAMER_LOG_FORMAT": "console",
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), partitions), 1)
        n_payments = _PER_PARTITION * partitions
        feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
        simulator = Simulator(SimulatorConfig(seed=1))
        feeder.send(list(simulator.generate(n_payments).records()))
        feeder.finish()
        child = ChildProcess(
            [sys.executable, "-m", "streamer", "worker"],
            name="the worker",
            env=without_openblas(child_environment(overrides)),
        )
        with child:
            _wait(settings, child, n_payments)
            for _ in range(rounds):
                for name, accept in _ACCEPT.items():
                    cost = _measure(settings, child.pid, accept, scrapes)
                    click.echo(
                        f"| {name} | {cost.n_lines:,} | {cost.n_bytes / 1000:.0f} | "
                        f"{cost.cpu_ms:.1f} | {cost.loop_ms:.1f} | {cost.median_ms:.1f} |"
                    )
    for name, value in describe_machine().items():
        click.echo(f"{name}: {value}")


def _wait(settings: Settings, child: ChildProcess, n_payments: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        time.sleep(_POLL_S)
        try:
            n_done = consumed(_scrape(settings, _ACCEPT["text"]).decode())
        except OSError:
            n_done = 0
        if n_done >= n_payments:
            return
        if time.monotonic() > deadline or not child.is_running():
            raise UnavailableError(
                f"the worker must get through {n_payments} payments, got {n_done}; its last words:\n"
                f"{child.log_tail()}"
            )


def _measure(settings: Settings, pid: int, accept: str, n_scrapes: int) -> Cost:
    body = _scrape(settings, accept)
    took = []
    before, loop_before, started = cpu_seconds(pid), main_thread_seconds(pid), time.monotonic()
    for _ in range(n_scrapes):
        asked = time.perf_counter()
        _scrape(settings, accept)
        took.append(time.perf_counter() - asked)
    busy, loop_busy = cpu_seconds(pid) - before, main_thread_seconds(pid) - loop_before
    elapsed_s = time.monotonic() - started
    before, loop_before = cpu_seconds(pid), main_thread_seconds(pid)
    time.sleep(elapsed_s)
    idle, loop_idle = cpu_seconds(pid) - before, main_thread_seconds(pid) - loop_before
    return Cost(
        body.count(b"\n"),
        len(body),
        (busy - idle) / n_scrapes * 1000,
        (loop_busy - loop_idle) / n_scrapes * 1000,
        statistics.median(took) * 1000,
    )


def _scrape(settings: Settings, accept: str) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.web_port}/metrics", headers={"Accept": accept}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - ours
        body: bytes = answer.read()
        return body


if __name__ == "__main__":
    main()
