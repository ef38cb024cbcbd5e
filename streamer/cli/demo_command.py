"""``streamer demo``: the whole service on this machine, with nothing to install beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.first_start import prepare
from streamer.cli.options import as_json, seed
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.errors import ConfigurationError

if TYPE_CHECKING:
    from streamer.contract.messages import Alert
    from streamer.reports.summary import Summary

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
@click.option(
    "--keep",
    is_flag=True,
    help="After the summary leave everything running, with the console, until Ctrl-C: 20 simulated "
    "payments a second go on, and nobody judges the alerts but you.",
)
@click.option(
    "--alerts",
    "alerts_path",
    type=click.Path(path_type=Path),
    metavar="OUT.jsonl",
    help="Write the alerts that the summary counts to a JSON Lines file.",
)
@seed
@as_json
@readable_errors
def demo(
    duration_s: float,
    rate: float | None,
    input_path: Path | None,
    reading: Reading,
    keep: bool,
    alerts_path: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Watch alerts come, and verdicts make them better.

    Starts Kafka and Redis as child processes on free ports, creates the topics, runs the worker and
    a payment simulator with five kinds of fraud. A reviewer judges each alert a day later, by the
    payments' time, and frauds that no alert found come back as chargebacks after a week; when enough
    are known, what they teach ranks the payments. Shows a few alerts with their reasons, one of a
    kind, and ends with a summary: precision and recall over time, by the labels of all payments.

    Verdicts in a file are its labels; without labels there are none. Leaves no process and no file
    behind. Exit code 0 when every payment is accounted for, each was learned once, no alert came
    twice, every verdict was stored once and none was learned twice; else 1.

    \b
    streamer demo --keep
    streamer demo --duration 20 --rate 2000 --alerts alerts.jsonl
    streamer demo --input payments.parquet --map card_id=customer_id --default currency=EUR
    """
    from streamer.demo import DemoOptions, run_demo
    from streamer.display.demo_display import Display
    from streamer.display.story_plot import render_story
    from streamer.display.summary_table import render_summary

    if rate is None and input_path is None:
        rate = 4_000.0
    console = Console(stderr=as_json)
    of_file = reading.report(input_path) if input_path is not None else nullcontext()
    with of_file as report, _alerts_file(alerts_path) as write:
        if report is not None:
            report.file.require_rows()
        options = DemoOptions(duration_s, rate, seed, report, keep)
        prepare()
        with Display(console, as_json) as display:

            def show(summary: Summary) -> None:
                if report is not None:
                    report.require_payments()
                if as_json:
                    print_json(summary.to_dict() | (report.to_dict() if report is not None else {}))
                    # Whoever reads a pipe is not to wait for the end of a demo that is kept.
                    sys.stdout.flush()
                    return
                console.print(render_summary(summary, report.notes if report is not None else ()))
                story = summary.over_time and render_story(summary.over_time, console)
                if story is not None:
                    console.print("", story, sep="\n")
                if display.unshown is not None:
                    console.print(display.unshown, highlight=False)

            summary = run_demo(options, display, write, show)
    if not summary.is_sound:
        raise SystemExit(EXIT_FAILED)


@contextmanager
def _alerts_file(path: Path | None) -> Iterator[Callable[[Alert], None]]:
    """Yield what takes an alert, and writes it where there is a file for it."""
    if path is None:
        yield lambda _: None
        return
    if str(path) == "-":
        raise ConfigurationError(
            "--alerts must be a file, got -: standard output has what the demo shows; "
            "try --alerts alerts.jsonl"
        )
    try:
        out = path.open("wb")
    except OSError as error:
        raise ConfigurationError(
            f"--alerts must be a file that can be written, got {path}: {error.strerror}; "
            "name another, in a folder that exists"
        ) from None
    encode = msgspec.json.Encoder().encode

    def write(alert: Alert) -> None:
        out.write(encode(alert) + b"\n")

    with out:
        yield write
