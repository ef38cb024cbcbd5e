"""The rivals of `streamer evaluate` on the Fraud Detection Handbook's own fifteen features.

Run as ``python -m load.published_rivals handbook.parquet``; prints each rival's figures beside those
published for the same rows: isolation forest on protocol B (chapter 7), logistic regression and trees
on protocol A (chapter 3).  A rival that does not come near them here is not oriented, scaled or taught
as its users would, and no figure of it elsewhere is worth anything.

The features are the Handbook's (chapter 3): the amount, weekend and night; of the customer, counts and
mean amounts over 1, 7 and 30 days; of the terminal, counts and shares of frauds over the same days,
seven days late.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Integers
from streamer.durations import DAY_MS, HOUR_MS
from streamer.evaluation.evaluate import sample_of
from streamer.evaluation.label_plan import LabelPlan
from streamer.evaluation.material import Floats, Material
from streamer.evaluation.protocols import Protocol, window_of
from streamer.evaluation.published import published
from streamer.evaluation.resampling import measure
from streamer.evaluation.rivals import rival_scores
from streamer.evaluation.rows import Rows

_DAYS: Final = (1, 7, 30)
_DELAY_DAYS: Final = 7
_RUNS: Final[tuple[tuple[Protocol, str, str], ...]] = (
    ("handbook-b", "isolation_forest", "isolation forest"),
    ("handbook-a", "logistic_regression", "logistic regression"),
    ("handbook-a", "lightgbm_weekly", "XGBoost"),
)
_NAMES: Final = ("auc_roc", "average_precision", "cp_at_100")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seed", default=0)
def main(file: Path, seed: int) -> None:
    """Print AUC ROC, average precision and CP@100 of each rival, and what was published."""
    rows = _rows(file)
    for protocol, name, printed in _RUNS:
        window = window_of(protocol, rows)
        plan = LabelPlan(delay_ms=_DELAY_DAYS * DAY_MS)
        compared = window.compared(rows)
        material = Material(rows, window, compared, plan, seed, lambda _: None)
        scores = rival_scores(material, (name,))[name].scores[window.measured[compared]]
        rng = np.random.default_rng(seed)
        figures = measure(scores, sample_of(rows, window), budget=0.005, rng=rng, n_resamples=2)
        theirs = next(row for row in published(protocol) if row["detector"] == printed)
        ours = " / ".join(f"{figures.values[metric]:.3f}" for metric in _NAMES)
        said = " / ".join(f"{theirs[metric]:.3f}" for metric in _NAMES)
        click.echo(f"| {protocol} | {name} | {ours} | {printed} | {said} |")


def _rows(file: Path) -> Rows:
    """Return the file's rows with the Handbook's features as what rivals get."""
    from pyarrow import parquet

    columns = parquet.read_table(file)
    customers, terminals, frauds = (
        columns[name].to_numpy() for name in ("customer_id", "terminal_id", "label")
    )
    amounts = columns["amount"].to_numpy().astype(float)
    times_ms = columns["timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    X = _features(times_ms, customers, terminals, amounts, frauds.astype(float))
    n = len(times_ms)
    return Rows(
        times_ms=times_ms,
        cards=np.unique(customers, return_inverse=True)[1],
        amounts=amounts,
        stakes=amounts,
        scenarios=np.where(frauds == 1, 0, -1),
        scenario_names=("fraud",),
        scores=np.zeros(n),
        probabilities=np.full(n, np.nan),
        alerted=np.zeros(n, dtype=bool),
        held_back=np.zeros(n, dtype=bool),
        sample_weights=np.zeros(n),
        judged_ms=times_ms + _DELAY_DAYS * DAY_MS,
        X=X,
        inputs=X,
    )


def _features(
    times_ms: Integers,
    customers: Integers,
    terminals: Integers,
    amounts: Floats,
    frauds: Floats,
) -> NDArray[np.float32]:
    days, hours = times_ms // DAY_MS, times_ms // HOUR_MS % 24
    # The first of January 1970 was a Thursday.
    features = [amounts, (days + 3) % 7 >= 5, hours <= 6]
    for n_days in _DAYS:
        counts, sums = _in_window(times_ms, customers, amounts, n_days, 0)
        features += [counts, sums / np.maximum(counts, 1)]
    for n_days in _DAYS:
        counts, sums = _in_window(times_ms, terminals, frauds, n_days, _DELAY_DAYS)
        features += [counts, sums / np.maximum(counts, 1)]
    return np.column_stack(features).astype(np.float32)


def _in_window(
    times_ms: Integers, keys: Integers, values: Floats, n_days: int, late: int
) -> tuple[Floats, Floats]:
    """Return count and sum of ``values`` of each row's key, in the days until ``late`` days before."""
    order = np.argsort(keys, kind="stable")
    # One line of time for all keys, each in a stretch of its own, longer than the file and a window.
    span = int(times_ms.max() - times_ms.min()) + (n_days + late + 1) * DAY_MS
    own = np.unique(keys, return_inverse=True)[1].astype(np.int64) * span
    line = (own + times_ms - times_ms.min())[order]
    before = np.concatenate([[0.0], np.cumsum(values[order])])
    ends = np.searchsorted(line, line - late * DAY_MS, side="right")
    firsts = np.searchsorted(line, line - (late + n_days) * DAY_MS, side="right")
    counts, sums = np.empty(len(keys)), np.empty(len(keys))
    counts[order], sums[order] = ends - firsts, before[ends] - before[firsts]
    return counts, sums


if __name__ == "__main__":
    main()
