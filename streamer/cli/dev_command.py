"""``streamer dev``: a stack to play with, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.first_start import prepare
from streamer.cli.options import seed
from streamer.display.output import readable_errors

__all__ = ["dev"]


@click.command()
@click.option(
    "--rate",
    type=click.FloatRange(min=1),
    default=100.0,
    show_default=True,
    metavar="TPS",
    help="Simulated payments per second.",
)
@click.option(
    "--workers",
    "n_workers",
    type=click.IntRange(1, 4),
    default=2,
    show_default=True,
    help="Worker processes.",
)
@click.option(
    "--verdict-delay",
    "verdict_delay_s",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    metavar="S",
    help="Seconds until a reviewer has judged an alert.",
)
@click.option(
    "--rules",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Start Prometheus too, if it is installed, with the rule files in this directory.",
)
@seed
@readable_errors
def dev(rate: float, n_workers: int, verdict_delay_s: float, rules: Path | None, seed: int) -> None:
    """Run a whole stack on this machine until Ctrl-C.

    Starts broker, Redis, workers, payments and verdicts. Prints the addresses and what to try:
    publish a payment, read alerts, send a verdict, kill a worker. Leaves no process and no file
    behind.

    \b
    streamer dev --rate 500
    """
    from streamer.dev import DevOptions, run_dev

    prepare()
    options = DevOptions(rate, n_workers, seed, verdict_delay_s, rules)
    try:
        run_dev(options, click.echo)
    except KeyboardInterrupt:
        # This is how it ends.
        return
