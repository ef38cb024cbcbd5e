"""An evaluation drawn: five PNG files that say what the tables cannot.

Drawn on figures of their own, without pyplot: nothing global is touched and no display is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamer.arrays import Floats
from streamer.durations import DAY_MS
from streamer.evaluation.evaluate import Evaluation
from streamer.evaluation.feature_drift_plot import COLOURS, feature_drift
from streamer.evaluation.ranking_metrics import Ranking, cumulated

__all__ = ["draw"]

_DPI: Final = 130
_SMALLEST_BUDGET: Final = 1e-4
# Centers beyond this many standard deviations are as dark as it gets.
_REACH: Final = 3.0
# One for each detector that there can be: solid first.
_LINES: Final = [{"color": c, "linestyle": style} for style in ("-", "--") for c in COLOURS]


def draw(evaluation: Evaluation, directory: Path) -> list[Path]:
    """Write every plot into ``directory`` and return the files."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plots: dict[str, tuple[Callable[[Evaluation, Any], None], tuple[float, float]]] = {
        "precision-recall": (_precision_recall, (7.5, 5.0)),
        "recall-by-budget": (_recall_by_budget, (7.5, 5.0)),
        "drift": (_drift, (9.0, 5.5)),
        "feature-drift": (feature_drift, (9.0, 5.0)),
        "centers": (_centers, (9.5, 6.5)),
    }
    written = []
    for name, (plot, size) in plots.items():
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        plot(evaluation, figure)
        path = directory / f"{name}.png"
        figure.savefig(path, dpi=_DPI)
        written.append(path)
    return written


def _precision_recall(evaluation: Evaluation, figure: Any) -> None:
    axes = _axes(figure)
    for (name, frauds, total), line in zip(_curves(evaluation), _LINES, strict=False):
        axes.step(frauds / frauds[-1], frauds / total, where="pre", label=name, **line)
    share = float(evaluation.sample.frauds.mean())
    axes.axhline(share, color="black", linewidth=0.8, linestyle=":", label="chance")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(_title(evaluation, "Precision by recall"), loc="left")
    axes.legend(frameon=False)


def _recall_by_budget(evaluation: Evaluation, figure: Any) -> None:
    axes = _axes(figure)
    budgets = np.geomspace(max(_SMALLEST_BUDGET, 1 / len(evaluation.sample)), 1.0, 400)
    for (name, frauds, total), line in zip(_curves(evaluation), _LINES, strict=False):
        recall = np.interp(budgets * total[-1], np.append(0, total), np.append(0, frauds))
        axes.plot(budgets, recall / frauds[-1], label=name, **line)
    axes.plot(budgets, budgets, color="black", linewidth=0.8, linestyle=":", label="chance")
    budget = evaluation.request.budget
    axes.axvline(budget, color="black", linewidth=0.8)
    axes.annotate(
        f" alert budget {budget:.2%}", (budget, 0.98), va="top", rotation=90, fontsize=8, ha="right"
    )
    axes.set_xscale("log")
    axes.set(xlabel="share of payments alerted", ylabel="recall", ylim=(0, 1.02))
    axes.set_xlim(float(budgets[0]), 1.0)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.4%}".rstrip("0%").rstrip(".") + "%")
    axes.set_title(_title(evaluation, "Recall by workload"), loc="left")
    axes.legend(frameon=False, loc="upper left")


def _drift(evaluation: Evaluation, figure: Any) -> None:
    rows = evaluation.passed.rows
    scored = rows.is_scored
    days, of_row = np.unique(rows.days[scored], return_inverse=True)
    n_rows = np.bincount(of_row)
    dates = (days + rows.first_day).astype("datetime64[D]")
    upper, lower = figure.subplots(2, 1, sharex=True)
    marker = "o" if len(days) < 15 else None
    mean = np.bincount(of_row, weights=rows.scores[scored]) / n_rows
    share = np.bincount(of_row, weights=rows.alerted[scored].astype(float)) / n_rows
    upper.plot(dates, mean, color=COLOURS[0], marker=marker)
    lower.plot(dates, 100 * share, color=COLOURS[0], marker=marker, label="alerted")
    lower.axhline(
        100 * evaluation.request.budget, color="black", linestyle=":", linewidth=0.8, label="budget"
    )
    fraud = np.bincount(of_row, weights=rows.frauds[scored].astype(float)) / n_rows
    lower.plot(dates, 100 * fraud, color=COLOURS[5], linewidth=1, alpha=0.7, label="fraudulent")
    first = np.datetime64(int(rows.times_ms[evaluation.window.first_measured]) // DAY_MS, "D")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
        axes.axvline(first, color="black", linewidth=0.8)
    upper.annotate(
        " measured from here", (first, 0.97), xycoords=("data", "axes fraction"), fontsize=8,
        va="top", ha="right" if first > dates[len(dates) // 2] else "left",
    )  # fmt: skip
    upper.set(ylabel="mean score")
    upper.set_ylim(0, 1.2 * float(mean.max()))
    lower.set(ylabel="% of payments")
    lower.set_ylim(0, 125 * float(max(share.max(), fraud.max())))
    lower.legend(edgecolor="none", framealpha=1, ncols=3, loc="upper left")
    lower.tick_params(axis="x", rotation=30)
    upper.set_title("streamer, day by day over the whole file", loc="left")


def _centers(evaluation: Evaluation, figure: Any) -> None:
    version = evaluation.passed.version
    names = version.config.feature_names
    known = version.sums.feature_weights > 0
    order = np.argsort(-version.sums.cluster_weights)
    shares = version.sums.cluster_weights[order] / version.sums.cluster_weights.sum()
    Z = ((version.centers - version.means) / version.deviations)[order][:, known]
    axes = figure.subplots()
    image = axes.imshow(Z, cmap="RdBu_r", vmin=-_REACH, vmax=_REACH, aspect="auto")
    shown = [
        name.replace("_", " ") for name, is_known in zip(names, known, strict=True) if is_known
    ]
    axes.set_xticks(range(len(shown)), shown, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(Z)), [f"{share:.1%}" for share in shares], fontsize=8)
    axes.set_ylabel("center, by its share of traffic")
    axes.tick_params(length=0)
    if Z.size <= 600:
        for (row, column), z in np.ndenumerate(Z):
            colour = "white" if abs(z) > 0.65 * _REACH else "black"
            axes.text(
                column,
                row,
                f"{round(z, 1) + 0.0:.1f}",
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
            )
    figure.colorbar(image, ax=axes, label="standard deviations from the mean of all traffic")
    axes.set_title("Centers at the end of the file", loc="left")


def _curves(
    evaluation: Evaluation,
) -> list[tuple[str, Floats, Floats]]:
    frauds = evaluation.sample.frauds
    return [
        (name.replace("_", " "), *cumulated(Ranking.of(scores, frauds)))
        for name, scores in evaluation.scores.items()
    ]


def _axes(figure: Any) -> Any:
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return axes


def _title(evaluation: Evaluation, what: str) -> str:
    sample = evaluation.sample
    return (
        f"{what}: {evaluation.request.protocol}, {int(sample.frauds.sum()):,} frauds "
        f"in {len(sample):,} payments"
    )
