"""``streamer simulate``: payments to a file or to a topic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from streamer.cli.options import seed
from streamer.cli.output import readable_errors
from streamer.datafiles import write_rows
from streamer.settings import load_settings

__all__ = ["simulate"]

_CHUNK = 2_000


@click.command()
@click.option(
    "--rate",
    type=click.FloatRange(min=1),
    default=2_000.0,
    show_default=True,
    metavar="TPS",
    help="Payments per second.",
)
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="S",
    help="For how long, in seconds; a file gets rate x duration payments at once.",
)
@seed
@click.option(
    "--out",
    "out_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a JSON Lines, CSV or Parquet file, with labels.",
)
@click.option(
    "--topic",
    "to_topic",
    is_flag=True,
    help="Publish to the transactions topic of the STREAMER_* settings, without labels.",
)
@readable_errors
def simulate(
    rate: float, duration_s: float, seed: int, out_path: Path | None, to_topic: bool
) -> None:
    """Make up payments: customers with habits, five kinds of fraud, slow drift.

    The same seed gives the same payments. Event time runs on its own: 2,000 customers make about
    6,000 payments a day, so a few seconds of a run are a day of theirs.

    \b
    streamer simulate --rate 2000 --duration 60 --out payments.parquet
    STREAMER_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 streamer simulate --topic --rate 500
    """
    if (out_path is None) == (not to_topic):
        raise click.UsageError("give either --out FILE or --topic")
    n_total = int(rate * duration_s)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("simulating", total=n_total)
        if out_path is not None:
            write_rows(out_path, _rows(seed, n_total, progress, task))
            click.echo(f"{n_total:,} payments written to {out_path}", err=True)
        else:
            n_acknowledged = _publish(seed, n_total, rate, progress, task)
            click.echo(f"{n_acknowledged:,} payments published", err=True)


def _rows(seed: int, n_total: int, progress: Progress, task: Any) -> Iterator[list[dict[str, Any]]]:
    from streamer.simulator import Simulator, SimulatorConfig

    simulator = Simulator(SimulatorConfig(seed=seed))
    for first in range(0, n_total, _CHUNK):
        n = min(_CHUNK, n_total - first)
        yield simulator.generate(n).rows()
        progress.advance(task, n)


def _publish(seed: int, n_total: int, rate: float, progress: Progress, task: Any) -> int:
    from streamer.simulator import Simulator, SimulatorConfig
    from streamer.stream.feeder import Feeder
    from streamer.stream.kafka_config import librdkafka_config

    settings = load_settings()
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
    simulator = Simulator(SimulatorConfig(seed=seed))
    for first in range(0, n_total, _CHUNK):
        n = min(_CHUNK, n_total - first)
        feeder.send_at_rate(list(simulator.generate(n).records()), rate)
        progress.advance(task, n)
    feeder.finish()
    return feeder.n_acknowledged
