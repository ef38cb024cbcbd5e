"""Latency by percentile in an SVG file, on the axis of HDR histograms: each nine as wide as the last.

Drawn without pyplot: nothing global is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from load.latency_figures import BARS, SHARES
from streamer.arrays import Floats

__all__ = ["draw_latencies"]

# Okabe and Ito's, which people who do not tell red from green can tell apart.
_COLOURS: Final = ("#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7")
# Beyond the last alert there is nothing to draw.
_TICKS: Final = {"50": 0.5, "90": 0.9, "95": 0.95, "99": 0.99, "99.9": 0.999, "99.99": 0.9999}


def draw_latencies(took_ms: Mapping[int, Floats], about: Mapping[str, str], path: Path) -> None:
    """Write the alerts of all rounds, in ms by percentage of capacity, to ``path``; bars are marked."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Text stays text; equal figures give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "latency"}):
        figure = Figure(figsize=(9.0, 5.0), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        colours = dict(zip(took_ms, _COLOURS, strict=False))
        for percent, took in took_ms.items():
            x, y = curve(took)
            label = f"{percent}% of capacity ({len(took):,} alerts)"
            axes.plot(x, y, color=colours[percent], drawstyle="steps-post", label=label)
        for bar in BARS:
            if bar.percent in colours:
                place = 1 / (1 - SHARES[bar.name])
                axes.plot(
                    [place],
                    [bar.at_most_ms],
                    marker="_",
                    markersize=22,
                    markeredgewidth=3,
                    color=colours[bar.percent],
                )
                axes.annotate(
                    f"at most {bar.at_most_ms:g} ms",
                    (place, bar.at_most_ms),
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha="center",
                    fontsize=8,
                )
        axes.set_xscale("log")
        axes.set_yscale("log")
        n_most = max(map(len, took_ms.values()))
        ticks = {name: 1 / (1 - share) for name, share in _TICKS.items() if 1 - share >= 1 / n_most}
        axes.set_xticks(list(ticks.values()), [f"{name}%" for name in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlabel="percentile", ylabel="ms from when a payment was due to its alert read")
        axes.set_title(_title(about), loc="left", fontsize=10)
        axes.legend(frameon=False, fontsize=9)
        figure.savefig(path, format="svg", metadata={"Date": None})


def curve(took_ms: Floats, n_most: int = 400) -> tuple[Floats, Floats]:
    """Return where a line of ``took_ms`` (n,) goes: 1/(1 - p) and ms, from p = 0 to the last value.

    >>> x, y = curve(np.array([3.0, 1.0, 2.0, 4.0]))
    >>> x.round(6).tolist(), y.tolist()
    ([1.0, 1.333333, 2.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    """
    ordered, n = np.sort(took_ms), len(took_ms)
    # As many points between two nines as between any others.
    wanted = n - np.geomspace(n, 1, min(n, n_most))
    places = np.unique(np.round(wanted).astype(np.int64)) if n > n_most else np.arange(n)
    return n / (n - places), ordered[places]


def _title(about: Mapping[str, str]) -> str:
    return (
        f"{about['date']}, commit {about['commit']}, {about['cpus']} × {about['cpu_model']}, "
        f"{about['broker']} broker, {about['rounds']} rounds"
    )
