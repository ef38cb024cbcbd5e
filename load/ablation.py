"""What each feature group and mechanism is worth: the pipeline over a file, one thing less each time.

Run as ``python -m load.ablation handbook.parquet --map ... --rows 566000:1236698``; prints a row per
variant: the means of AUC ROC, average precision and CP@100 over the weeks given with ``--week`` (days
since the first row read), cards left out as the Handbook's protocols do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

import click
import numpy as np

from streamer.datafiles import FileBatch, declared, read_batches
from streamer.evaluation.evaluate import sample_of
from streamer.evaluation.label_plan import NO_LABELS, LabelPlan
from streamer.evaluation.passing import PassConfig, run_pass
from streamer.evaluation.protocols import Window, remaining
from streamer.evaluation.resampling import measure
from streamer.evaluation.row_range import piece
from streamer.evaluation.rows import Rows
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, Columns, History, Tables
from streamer.pipeline import PipelineConfig, processing
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config


@dataclass(frozen=True, slots=True)
class Variant:
    """What is taken away: columns by the beginning of their names, or a mechanism by its setting."""

    without: tuple[str, ...] = ()
    model: tuple[tuple[str, object], ...] = ()


_INF: Final = float("inf")
VARIANTS: Final = {
    "all": Variant(),
    "- amount": Variant(("amount",)),
    "- card amounts": Variant(("amount_ratio", "amount_deviation_from_card", "spend")),
    "- velocity": Variant(("card_payments", "card_pace", "card_gap")),
    "- hours": Variant(("card_hour",)),
    "- series": Variant(("card_high", "card_small", "merchant_high")),
    "- merchant": Variant(("merchant_pace", "amount_deviation_from_merchant", "merchant_high")),
    "- novelty": Variant(("card_merchant", "card_country", "card_category")),
    "two-sided": Variant(model=(("sides", 0),)),
    "all features alike": Variant(model=(("agreement_floor", _INF),)),
    "squared to the end": Variant(model=(("linear_beyond", _INF),)),
    "centers believed in full": Variant(model=(("belief_share", 0.0),)),
    "not made comparable": Variant(model=(("expectation_floor", 1e15),)),
    "no bounds": Variant(
        model=(("center_leash", _INF), ("variance_leash", _INF), ("card_daily_lessons", _INF))
    ),
    "4 clusters": Variant(model=(("n_clusters", 4),)),
    "- merchant shares": Variant(("merchant_fraud", "merchant_judgeable")),
    "- card shares": Variant(("card_fraud", "card_judgeable")),
    "- counts behind the shares": Variant(("merchant_judgeable", "card_judgeable")),
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "maps", multiple=True)
@click.option("--default", "defaults", multiple=True)
@click.option("--rows", "span", default="0:", help="First and last row read, as FIRST:LAST.")
@click.option("--week", "weeks", type=int, multiple=True, required=True)
@click.option("--labels/--no-labels", default=False)
@click.option("--variant", "names", type=click.Choice(list(VARIANTS)), multiple=True)
def main(
    file: Path,
    maps: tuple[str, ...],
    defaults: tuple[str, ...],
    span: str,
    weeks: tuple[int, ...],
    labels: bool,
    names: tuple[str, ...],
) -> None:
    """Print what is left of the figures without each thing."""
    declaration = declared(maps, defaults)
    first, _, last = span.partition(":")
    batches = list(
        _rows(read_batches(file, declaration, 4_000), int(first), int(last or sys.maxsize))
    )
    n_rows = sum(len(batch.values) for batch in batches)
    for name in names or VARIANTS:
        rows = _pass(batches, n_rows, VARIANTS[name], labels)
        figures = np.mean([_measure(rows, week) for week in weeks], axis=0)
        click.echo(f"| {name} | " + " / ".join(f"{value:.3f}" for value in figures) + " |")


def _rows(batches: Iterator[FileBatch], first: int, last: int) -> Iterator[FileBatch]:
    """Yield the rows from ``first`` to ``last``."""
    offset = 0
    for batch in batches:
        part = piece(batch, max(first - offset, 0), max(last - offset, 0))
        offset += len(batch.values)
        if part.values:
            yield part
        if offset >= last:
            return


def _pass(batches: list[FileBatch], n_rows: int, variant: Variant, labels: bool) -> Rows:
    settings = load_settings()
    config: PipelineConfig = pipeline_config(settings)
    changes = dict(variant.model)
    if "sides" in changes:
        changes["sides"] = (0,) * len(FEATURE_NAMES)
    config = replace(config, model=replace(config.model, **changes))  # type: ignore[arg-type]
    with without(variant):
        return run_pass(
            chain(batches),
            n_rows,
            PassConfig(
                config,
                settings.cards_capacity,
                settings.merchants_capacity,
                settings.checkpoint_max_transactions,
                LabelPlan() if labels else NO_LABELS,
            ),
            now_ms=4_000_000_000_000,
            on_progress=lambda _: None,
        ).rows


@contextmanager
def without(variant: Variant) -> Iterator[None]:
    """Let the pipeline see nothing of what ``variant`` takes away, as if no payment had told it."""
    x_off, v_off = (
        [j for j, name in enumerate(names) if is_off(name, variant.without)]
        for names in (FEATURE_NAMES, CONTEXT_NAMES)
    )

    class Masked(History):
        @classmethod
        def observe(cls, columns: Columns, tables: Tables, n_partitions: int = 1) -> History:
            history = History.observe(columns, tables, n_partitions)
            history.X[:, x_off] = np.nan
            history.V[:, v_off] = np.nan
            return history

    setattr(processing, "History", Masked)  # noqa: B010
    try:
        yield
    finally:
        setattr(processing, "History", History)  # noqa: B010


def is_off(name: str, starts: tuple[str, ...]) -> bool:
    """Whether a feature is one of those that begin so; the amount's own name begins others'."""
    return name in starts or any(start != "amount" and name.startswith(start) for start in starts)


def _measure(rows: Rows, start: int) -> tuple[float, float, float]:
    measured = remaining(rows.days, rows.cards, rows.frauds, start) & rows.is_scored
    window = Window.of_one(measured, measured, np.where(measured, rows.days, -1), ())
    figures = measure(
        rows.scores[measured],
        sample_of(rows, window),
        budget=0.005,
        rng=np.random.default_rng(0),
        n_resamples=2,
    )
    values = figures.values
    return values["auc_roc"], values["average_precision"], values["cp_at_100"]


if __name__ == "__main__":
    main()
