"""What telemetry costs a worker: ``python -m load.bench_telemetry``.

Two whole workers take turns at the same backlog.  *Quiet* is asked for no metrics, traces nothing and
logs warnings only; *watched* is scraped every five seconds, traces a hundredth of its batches and
every claim to a collector, and logs JSON.  Both count what they do: that cannot be switched off.
Progress is read from the checkpoints in Redis, which no worker answers for.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from load.contestants import Contestant
from load.machine import describe_machine
from load.runs import Run, measure
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.settings import Settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import open_store

__all__ = ["main"]

_QUIET: Final = "quiet"
_WATCHED: Final = "watched"
_SCRAPED_EVERY_S: Final = 5.0
_TIMEOUT_S: Final = 5.0


def _checkpointed(settings: Settings, _: Path) -> int:
    """Return how many records the checkpoints account for; 0 before there is any."""

    async def consumed() -> int:
        store = open_store(settings)
        try:
            return (await store.totals()).consumed
        finally:
            await store.close()

    return asyncio.run(consumed())


class _Scraped:
    """The same, and a scrape as Prometheus sends it whenever one is due."""

    def __init__(self) -> None:
        self._due_at = 0.0

    def __call__(self, settings: Settings, counter: Path) -> int:
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + _SCRAPED_EVERY_S
            request = urllib.request.Request(
                f"http://127.0.0.1:{settings.web_port}/metrics",
                headers={"Accept": "application/openmetrics-text; version=1.0.0"},
            )
            with suppress(OSError), urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                answer.read()
        return _checkpointed(settings, counter)


def _worker(_: Path) -> list[str]:
    return [sys.executable, "-m", "streamer", "worker"]


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--payments", type=click.IntRange(100_000), default=400_000, show_default=True)
@click.option("--partitions", type=click.IntRange(1), default=4, show_default=True)
def main(rounds: int, payments: int, partitions: int) -> None:
    """Measure both in turn and print the processor time of each payment."""
    records = list(
        Simulator(SimulatorConfig(seed=1, n_customers=2_000)).generate(payments).records()
    )
    port = free_port()
    watched = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "STREAMER_LOG_LEVEL": "INFO",
        "STREAMER_LOG_FORMAT": "json",
    }
    contestants = (
        Contestant(_QUIET, True, _worker, _checkpointed),
        Contestant(_WATCHED, True, _worker, _Scraped(), watched),
    )
    runs: list[Run] = []
    sink = ChildProcess([sys.executable, "-m", "load.span_sink", str(port)], name="the collector")
    with sink:
        for number in range(1, rounds + 1):
            for contestant in contestants if number % 2 else contestants[::-1]:
                run = measure(contestant, records, partitions, _nothing)
                runs.append(run)
                cpu_us = run.window.cpu_us_per_record
                click.echo(f"round {number}: {contestant.name}, {cpu_us:.2f} µs", err=True)
    for line in _rows(runs):
        click.echo(line)
    for name, value in describe_machine().items():
        click.echo(f"{name}: {value}")


def _rows(runs: Sequence[Run]) -> Iterator[str]:
    spent: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        spent[run.contestant].append(run.window.cpu_us_per_record)
    yield "| worker | median CPU µs per payment | min | max |"
    yield "|---|---:|---:|---:|"
    for name, each in spent.items():
        yield f"| {name} | {statistics.median(each):.2f} | {min(each):.2f} | {max(each):.2f} |"
    pairs = zip(spent[_WATCHED], spent[_QUIET], strict=True)
    ratio = statistics.median(spent[_WATCHED]) / statistics.median(spent[_QUIET])
    of_rounds = statistics.median(watched / quiet for watched, quiet in pairs)
    yield f"watched / quiet: ratio of medians {ratio:.3f}, median of the rounds' ratios {of_rounds:.3f}"


def _nothing(_what: str, _done: int, _total: int) -> None:
    pass


if __name__ == "__main__":
    main()
