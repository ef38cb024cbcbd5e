"""``streamer evaluate``: how well frauds are ranked, beside other detectors."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import orjson
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.options import as_json
from streamer.display.output import print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.errors import ConfigurationError
from streamer.settings import load_settings

if TYPE_CHECKING:
    from streamer.evaluation import Request

__all__ = ["evaluate"]

_PROTOCOLS: Final = ("handbook-a", "handbook-b", "prequential")
_PIPED_COLUMNS: Final = 100
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class _Duration(click.ParamType):
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds from ``7d``, ``12h``, ``90m`` or ``30s``."""
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(
                f"must be a number and one of s, m, h, d, such as 7d; got {value}", param, ctx
            )
        return float(match[1]) * _SECONDS[match[2]]


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option("--protocol", type=click.Choice(_PROTOCOLS), required=True)
@click.option(
    "--label-delay",
    "label_delay_s",
    type=_Duration(),
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="How long after a payment its label is known.",
)
@click.option("--no-labels", is_flag=True, help="Teach from no label; they only measure.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the rivals and the intervals."
)
@click.option(
    "--plots",
    "plots_dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Draw curves and centers as PNG files.",
)
@click.option(
    "--out",
    "out_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RESULTS.json",
    help="Write the figures with commit, machine and command line.",
)
@reads_payments
@as_json
@readable_errors
def evaluate(
    file: Path,
    protocol: str,
    label_delay_s: float,
    no_labels: bool,
    seed: int,
    plots_dir: Path | None,
    out_path: Path | None,
    reading: Reading,
    as_json: bool,
) -> None:
    """Measure how well FILE's frauds are ranked, and how well other detectors rank them.

    The same pipeline as the worker's passes over the file in order and scores each payment before it
    learns from it. The column `label` says which are frauds (1), `fraud_pattern` of which kind. The
    others: the amount alone, an isolation forest, half-space trees and k-means of river.

    handbook-a and handbook-b measure one week as the Fraud Detection Handbook does; prequential
    measures all payments after the first quarter of any file. Needs the extra `evaluation`.

    \b
    streamer evaluate payments.parquet --protocol prequential --plots plots
    streamer evaluate handbook.parquet --protocol handbook-a --map card_id=customer_id \\
        --map merchant_id=terminal_id --default currency=EUR
    """
    from streamer.display.evaluation_display import render
    from streamer.evaluation import evaluate as run
    from streamer.evaluation.as_json import report
    from streamer.evaluation.provenance import provenance
    from streamer.extra import require

    if out_path is not None and not out_path.parent.is_dir():
        raise ConfigurationError(f"directory of --out must exist, got {out_path.parent}")
    if plots_dir is not None:
        require("matplotlib")
    delay_ms = None if no_labels else round(label_delay_s * 1000)
    request = _request(protocol, delay_ms, seed)
    with reading.report(file) as file_report, Bars() as bars:
        now_ms = time.time_ns() // 1_000_000
        evaluation = run(request, file_report, now_ms=now_ms, on_progress=bars.advance)
    result = report(evaluation, file_report)
    if plots_dir is not None:
        from streamer.evaluation.plots import draw

        plots_dir.mkdir(parents=True, exist_ok=True)
        for path in draw(evaluation, plots_dir):
            click.echo(f"drawn: {path}", err=True)
    if out_path is not None:
        kept = result | provenance(["streamer", *sys.argv[1:]])
        out_path.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2) + b"\n")
    if as_json:
        print_json(result)
    else:
        console = Console()
        # Without a terminal rich takes 80 columns, in which the intervals do not fit.
        console.width = console.width if console.is_terminal else _PIPED_COLUMNS
        console.print(render(result))


def _request(protocol: str, delay_ms: int | None, seed: int) -> Request:
    from streamer.evaluation import PassConfig, Request
    from streamer.starting.wiring import pipeline_config

    settings = load_settings()
    return Request(
        protocol=protocol,  # type: ignore[arg-type]  # click has checked it
        passing=PassConfig(
            pipeline=pipeline_config(settings),
            cards_capacity=settings.cards_capacity,
            merchants_capacity=settings.merchants_capacity,
            checkpoint_max_transactions=settings.checkpoint_max_transactions,
            label_delay_ms=delay_ms,
        ),
        seed=seed,
        batch_size=settings.batch_max_records,
    )
