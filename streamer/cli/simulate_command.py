"""``streamer simulate``: payments to a file or to a topic, there with verdicts too."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from streamer.cli.options import seed
from streamer.datafiles import write_rows
from streamer.display.output import readable_errors
from streamer.settings import load_settings

__all__ = ["simulate"]

_CHUNK = 2_000
_TICK_S = 0.2


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
    help="For how long, in seconds. A file gets rate x duration payments at once, without waiting.",
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
@click.option(
    "--verdicts",
    "verdict_delay_s",
    type=click.FloatRange(min=0),
    metavar="S",
    help="With --topic: judge each alert after this many seconds, and other payments later. Event "
    "time then ends at the present.",
)
@readable_errors
def simulate(
    rate: float,
    duration_s: float,
    seed: int,
    out_path: Path | None,
    to_topic: bool,
    verdict_delay_s: float | None,
) -> None:
    """Make up payments: habits, five kinds of fraud, drift.

    Customers have habits, and traffic drifts slowly. The same seed gives the same payments. Event
    time is simulated: 2,000 customers make about 6,000 payments a day, so a few seconds of a run
    are one of their days.

    \b
    streamer simulate --rate 2000 --duration 60 --out payments.parquet
    STREAMER_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 streamer simulate --topic --rate 500
    STREAMER_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 streamer simulate --topic --rate 50 --verdicts 20
    """
    if (out_path is None) == (not to_topic):
        raise click.UsageError("give either --out FILE or --topic")
    if verdict_delay_s is not None:
        if not to_topic:
            raise click.UsageError("--verdicts needs --topic; a file has labels")
        _publish_judged(seed, duration_s, rate, verdict_delay_s)
        return
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
    from streamer.stream.kafka.feeder import Feeder
    from streamer.stream.kafka.kafka_config import librdkafka_config

    settings = load_settings()
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
    simulator = Simulator(SimulatorConfig(seed=seed))
    for first in range(0, n_total, _CHUNK):
        n = min(_CHUNK, n_total - first)
        feeder.send_at_rate(list(simulator.generate(n).records()), rate)
        progress.advance(task, n)
    feeder.finish()
    return feeder.n_acknowledged


def _publish_judged(seed: int, duration_s: float, rate: float, verdict_delay_s: float) -> None:
    from streamer.dev.judged_traffic import judged_traffic

    # As the first process of a container it would not be ended by SIGTERM otherwise.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    until = time.monotonic() + duration_s
    with judged_traffic(load_settings(), rate, seed, verdict_delay_s) as (traffic, _):
        try:
            while time.monotonic() < until and traffic.error is None:
                time.sleep(_TICK_S)
        except KeyboardInterrupt:
            # This is how it mostly ends.
            pass
    if traffic.error is not None:
        raise traffic.error
    click.echo(f"{traffic.n_sent:,} payments and {traffic.n_verdicts:,} verdicts sent", err=True)
