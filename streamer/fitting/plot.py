"""The curve as a PNG file, drawn without pyplot: nothing global is touched, no display is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from streamer.fitting.choosing import quality
from streamer.fitting.fit import Fit

__all__ = ["draw"]

# Of Okabe and Ito's colours, which people who do not tell red from green can tell apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_DPI: Final = 130


def draw(fit: Fit, path: Path) -> None:
    """Write silhouette, stability and their product by k to ``path``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    ks = [point.n_clusters for point in fit.points]
    # As wide apart as they are listed: 2, 3 and 4 matter as much as 16, 24 and 32.
    places = np.arange(len(ks))
    # None becomes NaN, which leaves a gap.
    silhouettes = np.array([p.silhouette for p in fit.points], dtype=float)
    products = np.array([quality(p) for p in fit.points], dtype=float)
    upper.plot(places, silhouettes, color=_BLUE, marker="o", label="silhouette")
    upper.plot(places, products, color=_ORANGE, marker="s", label="silhouette × stability")
    lower.errorbar(
        places,
        [point.stability for point in fit.points],
        yerr=[point.stability_error for point in fit.points],
        color=_BLUE,
        marker="o",
        capsize=3,
        label="mean of 5 pairs of fits, standard error",
    )
    at = ks.index(fit.chosen.n_clusters)
    for axes in (upper, lower):
        axes.axvline(at, color="black", linewidth=0.8, linestyle=":")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    _dress(upper, lower, ks, at, fit)
    figure.savefig(path, dpi=_DPI, format="png")


def _dress(upper: Any, lower: Any, ks: list[int], at: int, fit: Fit) -> None:
    upper.set(ylabel="silhouette")
    bottom, top = upper.get_ylim()
    # Room for the note above the highest point.
    upper.set_ylim(min(0.0, bottom), top + 0.15 * (top - min(0.0, bottom)))
    upper.annotate(
        f" chosen: {ks[at]}", (at, 1.0), xycoords=("data", "axes fraction"), fontsize=9,
        va="top", ha="left" if at < len(ks) / 2 or len(ks) == 1 else "right",
    )  # fmt: skip
    lower.set(xlabel="k, number of clusters", ylabel="adjusted Rand index")
    lower.set_ylim(min(0.0, lower.get_ylim()[0]), 1.02)
    lower.set_xticks(range(len(ks)), [str(k) for k in ks])
    for axes in (upper, lower):
        axes.legend(frameon=False, loc="best")
    upper.set_title(
        f"Fitted to {fit.n_fitting:,} payments, measured on the next {fit.n_held_back:,}",
        loc="left",
    )
