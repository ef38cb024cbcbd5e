"""``streamer fit``: a number of clusters, and a model version to start from, from a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.options import as_json
from streamer.cli.passes import fit_request
from streamer.display.output import print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.errors import ConfigurationError
from streamer.settings import load_settings

if TYPE_CHECKING:
    from streamer.fitting import Fit

__all__ = ["fit"]


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option(
    "--out",
    "out_path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="MODEL.safetensors",
    help="Write the model version to this file.",
)
@click.option(
    "--k",
    "ks",
    type=click.IntRange(2, 512),
    multiple=True,
    metavar="N",
    help="A number of clusters to try. Repeatable; without it 2, 3, 4, 6, 8, 12, 16, 24 and 32.",
)
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CURVE.png",
    help="Draw the curve to a PNG file.",
)
@reads_payments
@as_json
@readable_errors
def fit(
    file: Path,
    out_path: Path,
    ks: tuple[int, ...],
    plot_path: Path | None,
    reading: Reading,
    as_json: bool,
) -> None:
    """Choose the number of clusters for FILE's payments and write a model that workers start from.

    For every number of clusters, a model is fitted to the first three quarters of FILE. Chosen is
    the largest product of silhouette (how far apart the clusters are) and stability (how well fits
    to different halves agree), both measured on the last quarter. Then the worker's pipeline runs
    over the whole file with that number. No label is used, and the other settings are read from
    STREAMER_*. Needs the extra `evaluation`.

    \b
    streamer fit payments.parquet --out model.safetensors --plot curve.png
    streamer fit bank.csv --out model.safetensors --k 4 --k 8 --map card_id=customer_id \\
        --default currency=EUR
    """
    from streamer.display.fit_display import next_steps, render, report
    from streamer.extra import require
    from streamer.fitting import fit as run
    from streamer.store import rfc3339

    _check_directories(out_path, plot_path)
    if plot_path is not None:
        require("matplotlib")
    request = fit_request(load_settings(), ks or None)
    with reading.report(file) as file_report, Bars() as bars:
        fitted = run(
            request,
            file_report,
            created_at=rfc3339(_now_ms()),
            now_ms=_now_ms,
            monotonic=time.monotonic,
            on_progress=bars.advance,
        )
    out_path.write_bytes(fitted.version)
    if plot_path is not None:
        _draw(fitted, plot_path)
    result = report(fitted) | file_report.to_dict()
    if as_json:
        print_json(result | {"file": str(out_path)})
    else:
        Console().print(render(result, str(out_path)), highlight=False)
        # Not by rich, which would break a long path: these lines are to be copied.
        for step in next_steps(result, str(out_path)):
            click.echo(f"  {step}")


def _draw(fitted: Fit, path: Path) -> None:
    from streamer.fitting.plot import draw

    draw(fitted, path)
    click.echo(f"drawn: {path}", err=True)


def _check_directories(out_path: Path, plot_path: Path | None) -> None:
    for name, path in (("--out", out_path), ("--plot", plot_path)):
        if path is not None and not path.parent.is_dir():
            raise ConfigurationError(f"directory of {name} must exist, got {path.parent}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
