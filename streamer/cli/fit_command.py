"""``streamer fit``: a number of clusters, and a model version to start from, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from streamer.cli.files import PAYMENT_FILES, Reading, reads_payments
from streamer.cli.fitting_run import fitted
from streamer.cli.options import as_json
from streamer.cli.passes import fit_request
from streamer.display.output import print_json, readable_errors
from streamer.errors import ConfigurationError
from streamer.settings import load_settings

if TYPE_CHECKING:
    from streamer.fitting import Fit

__all__ = ["fit"]


@click.command()
@click.argument("files", type=PAYMENT_FILES, nargs=-1, required=True, metavar="FILES...")
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
@click.option(
    "--ray",
    is_flag=False,
    flag_value="local",
    metavar="[HOST:PORT]",
    help="Compute on the Ray cluster at this address; without an address, on a Ray started on this "
    "machine. Needs the extra `ray`.",
)
@click.option(
    "--shards",
    type=click.IntRange(1, 1_000),
    metavar="N",
    help="Learn the payments in this many parts, by card, as from a topic with this many "
    "partitions. [default: 1, with --ray 8]",
)
@reads_payments
@as_json
@readable_errors
def fit(
    files: tuple[Path | str, ...],
    out_path: Path,
    ks: tuple[int, ...],
    plot_path: Path | None,
    ray: str | None,
    shards: int | None,
    reading: Reading,
    as_json: bool,
) -> None:
    """Choose the number of clusters and fit a model to FILES.

    For every number of clusters, a model is fitted to the first three quarters of FILES, which are
    read one after the other. The number with the largest product of silhouette (how far apart
    clusters are) and stability (how well fits to different halves agree) is chosen; both are
    measured on the last quarter. Then the worker's pipeline runs over all payments with that number
    and writes a model that workers can start from. No label is used, and the other settings are
    read from STREAMER_*. Needs the extra `evaluation`.

    The same payments give the same version, however they are cut into files and whichever machine
    computes; another number of shards gives another version. A file may be an address that pyarrow
    reads, such as s3://bucket/payments.parquet.

    \b
    streamer fit payments.parquet --out model.safetensors --plot curve.png
    streamer fit bank.csv --out model.safetensors --k 4 --k 8 --map card_id=customer_id \\
        --default currency=EUR
    streamer fit s3://bank/week-1.parquet s3://bank/week-2.parquet --out model.safetensors \\
        --ray 10.0.0.7:6379
    """
    from streamer.display.fit_display import next_steps, render, report
    from streamer.extra import require
    from streamer.fitting.sharded import SHARDS

    _check_directories(out_path, plot_path)
    if plot_path is not None:
        require("matplotlib")
    request = fit_request(load_settings(), ks or None, shards or (1 if ray is None else SHARDS))
    made, told = fitted(request, files, reading, ray)
    out_path.write_bytes(made.version)
    if plot_path is not None:
        _draw(made, plot_path)
    result = report(made) | told
    if as_json:
        print_json(result | {"file": str(out_path)})
    else:
        Console().print(render(result, str(out_path)), highlight=False)
        # Not by rich, which would break a long path: these lines are to be copied.
        for step in next_steps(result, str(out_path)):
            click.echo(f"  {step}")


def _draw(made: Fit, path: Path) -> None:
    from streamer.fitting.plot import draw

    draw(made, path)
    click.echo(f"drawn: {path}", err=True)


def _check_directories(out_path: Path, plot_path: Path | None) -> None:
    for name, path in (("--out", out_path), ("--plot", plot_path)):
        if path is not None and not path.parent.is_dir():
            raise ConfigurationError(f"directory of {name} must exist, got {path.parent}")
