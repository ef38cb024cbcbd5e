"""``streamer backtest``: two configurations over the same past traffic."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from streamer.cli.evaluate_options import ChangeOf
from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.options import as_json
from streamer.cli.passes import pass_config, sums_in
from streamer.display.output import print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_changed_settings, load_settings

if TYPE_CHECKING:
    from streamer.backtesting import Backtest, Request, Side
    from streamer.evaluation import LabelPlan

__all__ = ["backtest"]

_PIPED_COLUMNS = 120


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option(
    "--change",
    "changes",
    type=ChangeOf(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Another value for a setting, such as half_life_transactions=50000. Repeatable.",
)
@click.option(
    "--from",
    "base_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="MODEL.safetensors",
    help="Begin with this model version, as `streamer model export` wrote it. [default: none]",
)
@click.option(
    "--against",
    "changed_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="MODEL.safetensors",
    help="Begin the changed run with this one instead.",
)
@click.option(
    "--from-row",
    "first_row",
    type=click.IntRange(min=0),
    metavar="ROW",
    help="Compare from this row on, counted from 0. [default: after the first quarter]",
)
@teaches_by_labels
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed for drawing chargebacks."
)
@click.option(
    "--examples",
    "n_examples",
    type=click.IntRange(0, 1_000),
    default=10,
    show_default=True,
    help="How many payments to show of each kind.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="REPORT.html",
    help="Write a page with figures, plot and examples.",
)
@reads_payments
@as_json
@readable_errors
def backtest(
    file: Path,
    changes: tuple[tuple[str, str], ...],
    base_path: Path | None,
    changed_path: Path | None,
    first_row: int | None,
    labels: LabelsOf,
    seed: int,
    n_examples: int,
    html_path: Path | None,
    reading: Reading,
    as_json: bool,
) -> None:
    """Compare FILE's alerts with and without a change.

    Both configurations pass over the file in order, each with the budget, the verdicts and the
    learning of a worker of its own: the settings as they are, and the same with every --change. It
    shows the alerts gained, lost and kept and, if the file has labels, which of them were frauds.

    Nothing is written to Kafka or Redis. Ctrl-C stops it, and then nothing is shown. Needs the
    extra `evaluation` for --html.

    \b
    streamer backtest payments.parquet --change half_life_transactions=50000 --html report.html
    streamer backtest payments.parquet --change alert_budget=0.002 --change n_clusters=8 --json
    streamer backtest payments.parquet --from head.safetensors --against fitted.safetensors
    """
    from streamer.backtesting import backtest as run
    from streamer.backtesting.backtest_report import report
    from streamer.display.backtest_display import render
    from streamer.extra import require

    if not changes and changed_path is None:
        raise ConfigurationError("--change or --against must be given, got neither")
    if html_path is not None:
        require("matplotlib")
        if not html_path.parent.is_dir():
            raise ConfigurationError(f"directory of --html must exist, got {html_path.parent}")
    request = _request(
        dict(changes), base_path, changed_path, labels.plan(seed), first_row, n_examples
    )
    with reading.report(file) as file_report, Bars() as bars:
        now_ms = time.time_ns() // 1_000_000
        done = run(request, file_report, now_ms=now_ms, on_progress=bars.advance)
    result = report(done, file_report)
    if html_path is not None:
        _write_page(done, result, html_path)
    if as_json:
        print_json(result)
        return
    console = Console()
    console.width = console.width if console.is_terminal else _PIPED_COLUMNS
    console.print(render(result), highlight=False)


def _request(
    changes: dict[str, str],
    base_path: Path | None,
    changed_path: Path | None,
    labels: LabelPlan,
    first_row: int | None,
    n_examples: int,
) -> Request:
    from streamer.backtesting import Request

    settings, changed = load_settings(), load_changed_settings(changes)
    told = [f"{name} {_value(settings, name)} to {_value(changed, name)}" for name in changes]
    if changed_path is not None:
        told.append(f"begins with {changed_path.name}")
    base = _side("as it is", settings, labels, base_path)
    other = _side("changed", changed, labels, changed_path or base_path)
    if _scored_by(base) == _scored_by(other) and changed_path is None:
        raise ConfigurationError(
            f"--change must alter what scoring depends on, got {', '.join(told)}"
        )
    if base.passing.pipeline.believable != other.passing.pipeline.believable:
        raise ConfigurationError(
            "--change must leave alone which timestamps are believable, since both runs have to read "
            f"the same payments; got {', '.join(told)}"
        )
    return Request(base, other, tuple(told), first_row, settings.batch_max_records, n_examples)


def _value(settings: Settings, name: str) -> object:
    return getattr(settings, name.lower())


def _side(name: str, settings: Settings, labels: LabelPlan, start: Path | None) -> Side:
    from streamer.backtesting import Side

    sums = None if start is None else sums_in(start, settings)
    return Side(name, pass_config(settings, labels, sums))


def _scored_by(side: Side) -> tuple[object, ...]:
    """Return what a run over a file depends on."""
    of = side.passing
    sizes = of.cards_capacity, of.merchants_capacity, of.checkpoint_max_transactions
    return of.pipeline, *sizes


def _write_page(done: Backtest, result: dict[str, Any], path: Path) -> None:
    from streamer.backtesting.backtest_page import page_of
    from streamer.backtesting.daily_plot import daily_png

    names = done.request.base.name, done.request.changed.name
    compared = done.comparison
    png = daily_png(compared.daily, names, has_labels=compared.n_labelled > 0)
    path.write_text(page_of(result, png), encoding="utf-8")
    click.echo(f"written: {path}", err=True)
