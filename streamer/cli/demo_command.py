"""``streamer demo``: the whole service on this machine, with nothing to install beside it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.first_start import prepare
from streamer.cli.options import as_json, seed
from streamer.display.output import EXIT_FAILED, print_json, readable_errors

__all__ = ["demo"]


@click.command()
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(min=1),
    default=45.0,
    show_default=True,
    metavar="S",
    help="How long to send simulated payments, in seconds.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=1),
    default=None,
    metavar="TPS",
    help="Payments per second. [default: 4000 simulated, as fast as possible from a file]",
)
@click.option(
    "--input",
    "input_path",
    type=PAYMENTS,
    metavar="FILE",
    help="Payments from a file, a directory of files or - (standard input) instead of the simulator.",
)
@reads_payments
@seed
@as_json
@readable_errors
def demo(
    duration_s: float,
    rate: float | None,
    input_path: Path | None,
    reading: Reading,
    seed: int,
    as_json: bool,
) -> None:
    """Stream payments through a real broker and watch the alerts.

    Starts Kafka and Redis as child processes on free ports, creates the topics, runs the worker and
    a payment simulator with five kinds of fraud, shows alerts with their reasons, and ends with a
    summary. Leaves no process and no file behind. Exit code 0 when every payment is accounted for,
    each was learned once and no alert came twice; else 1.

    \b
    streamer demo --duration 20 --rate 2000
    streamer demo --input payments.parquet --map card_id=customer_id --default currency=EUR
    """
    from streamer.demo import DemoOptions, run_demo
    from streamer.display.demo_display import Display
    from streamer.display.summary_table import render_summary

    if rate is None and input_path is None:
        rate = 4_000.0
    prepare()
    console = Console(stderr=as_json)
    of_file = reading.report(input_path) if input_path is not None else nullcontext()
    with of_file as report:
        options = DemoOptions(duration_s=duration_s, rate=rate, seed=seed, report=report)
        if report is not None:
            report.file.require_rows()
        with Display(console, is_quiet=as_json) as display:
            summary = run_demo(options, display)
    if report is not None:
        report.require_payments()
    if as_json:
        print_json(summary.to_dict() | (report.to_dict() if report is not None else {}))
    else:
        console.print(render_summary(summary, report.notes if report is not None else ()))
    if not summary.is_sound:
        raise SystemExit(EXIT_FAILED)
