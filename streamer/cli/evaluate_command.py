"""``streamer evaluate``: how well frauds are ranked, beside other detectors."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from rich.console import Console

from streamer.cli.evaluate_options import BreakOf, RivalsOf, RowsOf
from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.options import as_json
from streamer.cli.passes import pass_config
from streamer.display.output import print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.errors import ConfigurationError
from streamer.settings import load_settings

if TYPE_CHECKING:
    from streamer.evaluation import Break, Evaluation, LabelPlan, Request, RowRange

__all__ = ["evaluate"]

_PROTOCOLS: Final = ("handbook-a", "handbook-b", "handbook-c", "prequential")
_PIPED_COLUMNS: Final = 100


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option("--protocol", type=click.Choice(_PROTOCOLS), required=True)
@click.option(
    "--measure-rows",
    "span",
    type=RowsOf(),
    metavar="FIRST:LAST",
    help="With --protocol prequential: measure these rows, counted from 0, LAST excluded; earlier "
    "rows only teach. [default: all after the first quarter]",
)
@teaches_by_labels
@click.option(
    "--break",
    "breaks",
    type=BreakOf(),
    multiple=True,
    metavar="KIND:DAY:VICTIMS",
    help="Add a new kind of fraud to the file's traffic from a day on: small-bursts, "
    "large-at-odd-hours or verified-then-high, such as small-bursts:2018-06-20:20. Repeatable.",
)
@click.option(
    "--reserve",
    type=click.FloatRange(0, 0.3),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Part of the budget, at the start, for the largest distances while verdicts rank the rest; "
    "replaces STREAMER_RESERVE_SHARE.",
)
@click.option(
    "--sample",
    "sampled",
    type=click.FloatRange(0, 0.3),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Part of the budget for payments drawn from below the threshold, to estimate recall; "
    "replaces STREAMER_SAMPLE_SHARE.",
)
@click.option(
    "--rivals",
    type=RivalsOf(),
    default="default",
    show_default=True,
    metavar="A,B,C|none|default",
    help="Which other detectors: amount, isolation_forest, half_space_trees, river_kmeans (the "
    "default), tails, isolation_forest_daily, and taught by the same labels logistic_regression, "
    "hoeffding_adaptive_tree, adaptive_random_forest (a millisecond a payment), lightgbm_weekly.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed for other detectors, intervals, chargebacks and breaks.",
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
    span: RowRange | None,
    labels: LabelsOf,
    breaks: tuple[Break, ...],
    reserve: float,
    sampled: float,
    rivals: tuple[str, ...],
    seed: int,
    plots_dir: Path | None,
    out_path: Path | None,
    reading: Reading,
    as_json: bool,
) -> None:
    """Measure how well FILE's frauds are ranked.

    The same pipeline as the worker's passes over the file in order and scores each payment before
    it learns from it. The column `label` says which are frauds (1), `fraud_pattern` of which kind.
    Other detectors (--rivals) are measured beside it. Each alerts above one threshold, which the
    alert budget's share of its last 50,000 scores exceeds; it is computed anew every day.

    With --labels selective, what reviewers would have got is judged after --judged-after, and some
    of the other frauds are charged back (--chargebacks); the labels of all other payments stay
    unknown.

    handbook-a and handbook-b measure one week as the Fraud Detection Handbook does, handbook-c four
    weeks in a row, the last that the file covers; prequential measures all payments after the first
    quarter of any file. Needs the extra `evaluation`.

    \b
    streamer evaluate payments.parquet --protocol prequential --plots plots
    streamer evaluate payments.parquet --protocol prequential --labels selective \\
        --chargebacks 60%:30-120d --break small-bursts:2018-06-20:20 --rivals none
    streamer evaluate handbook.parquet --protocol handbook-a --map card_id=customer_id \\
        --map merchant_id=terminal_id --default currency=EUR
    """
    from streamer.evaluation import evaluate as run
    from streamer.evaluation.as_json import report
    from streamer.extra import require

    if out_path is not None and not out_path.parent.is_dir():
        raise ConfigurationError(f"directory of --out must exist, got {out_path.parent}")
    if plots_dir is not None:
        require("matplotlib")
    _check(protocol, span, breaks)
    parts = {"reserve_share": reserve, "sample_share": sampled}
    request = _request(protocol, labels.plan(seed), seed, parts)
    request = replace(request, span=span, rivals=rivals, breaks=breaks)
    with reading.report(file) as file_report, Bars() as bars:
        bars.begin(
            f"{file_report.file.name}: {file_report.file.n_rows:,} rows, measured by {protocol}; "
            f"beside the streamer: {', '.join(rivals) or 'no other detector'}"
        )
        now_ms = time.time_ns() // 1_000_000
        evaluation = run(request, file_report, now_ms=now_ms, on_progress=bars.advance)
    if plots_dir is not None:
        _draw(evaluation, plots_dir)
    _tell(report(evaluation, file_report), out_path, as_json=as_json)


def _draw(evaluation: Evaluation, plots_dir: Path) -> None:
    from streamer.evaluation.plots import draw

    plots_dir.mkdir(parents=True, exist_ok=True)
    for path in draw(evaluation, plots_dir):
        click.echo(f"drawn: {path}", err=True)


def _tell(result: dict[str, Any], out_path: Path | None, *, as_json: bool) -> None:
    """Write the figures to a file, if there is to be one, and to the terminal."""
    from streamer.display.evaluation_display import render
    from streamer.evaluation.provenance import provenance

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


def _check(
    protocol: str,
    span: RowRange | None,
    breaks: tuple[Break, ...],
) -> None:
    """Raise where options do not go together."""
    if span is not None and protocol != "prequential":
        raise ConfigurationError(
            f"protocol must be prequential with --measure-rows, got {protocol}"
        )
    if len({each.kind for each in breaks}) < len(breaks):
        raise ConfigurationError("kinds of --break must differ, got one twice")


def _request(protocol: str, labels: LabelPlan, seed: int, parts: dict[str, float]) -> Request:
    """Return the request by the settings, with ``parts`` of the budget in place of theirs."""
    from streamer.evaluation import Request

    settings = load_settings()
    passing = pass_config(settings, labels)
    model = replace(passing.pipeline.model, **parts)  # type: ignore[arg-type]
    return Request(
        protocol=protocol,  # type: ignore[arg-type]  # click has checked it
        passing=replace(passing, pipeline=replace(passing.pipeline, model=model)),
        seed=seed,
        batch_size=settings.batch_max_records,
    )
