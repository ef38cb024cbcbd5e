"""``streamer dev``: a stack to play with, until Ctrl-C."""

from __future__ import annotations

import math
from pathlib import Path

import click

from streamer.cli.first_start import prepare
from streamer.cli.options import seed
from streamer.display.output import readable_errors
from streamer.errors import ConfigurationError
from streamer.intake.by_name import load_declaration
from streamer.settings import settings_in_environment

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
@click.option("--no-verdicts", is_flag=True, help="Let nobody judge: alerts are left to you.")
@click.option(
    "--no-traffic",
    is_flag=True,
    help="Simulate no payments and no verdicts: what is scored is what you publish.",
)
@click.option(
    "--intake",
    metavar="PRESET|FILE.toml",
    help="Read payments by this declaration, with --no-traffic.",
)
@click.option(
    "--rules",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Start Prometheus too, if it is installed, with the rule files in this directory.",
)
@seed
@readable_errors
def dev(
    rate: float,
    n_workers: int,
    verdict_delay_s: float,
    no_verdicts: bool,
    no_traffic: bool,
    intake: str | None,
    rules: Path | None,
    seed: int,
) -> None:
    """Run a whole stack on this machine until Ctrl-C.

    Starts broker, Redis, workers, payments and verdicts. Prints the addresses and what to try:
    publish a payment, read alerts, send a verdict, kill a worker. Leaves no process and no file
    behind.

    \b
    streamer dev --rate 500
    streamer dev --no-traffic --intake intake.toml
    """
    from streamer.dev import DevOptions, run_dev

    if intake is not None:
        if not no_traffic:
            raise ConfigurationError(
                "--intake must be given with --no-traffic: the payments that are simulated are in the "
                "form of the contract, and would be dead letters by another declaration"
            )
        load_declaration(intake)
        if (file := Path(intake)).is_file():
            intake = str(file.resolve())
    unused = settings_in_environment()
    if unused:
        click.echo(
            f"not used here: {', '.join(unused)} of the environment; see --help for options",
            err=True,
        )
    prepare()
    delay_s = math.inf if no_verdicts else verdict_delay_s
    options = DevOptions(rate, n_workers, seed, delay_s, rules, not no_traffic, intake)
    try:
        run_dev(options, click.echo)
    except KeyboardInterrupt:
        # This is how it ends.
        return
