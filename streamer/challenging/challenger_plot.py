"""The comparison of challengers as a PNG file, drawn without pyplot: no display is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamer.challenging.compared import Compared

__all__ = ["draw_challengers"]

# Of Okabe and Ito's colours, which people who do not tell red from green can tell apart.
_COLOURS: Final = {
    "both": "#009E73",
    "only main": "#0072B2",
    "only challenger": "#E69F00",
    "neither": "#999999",
}
_DPI: Final = 130


def draw_challengers(found: Sequence[Compared], path: Path) -> None:
    """Write alerts and estimated frauds of each challenger, by who alerted them, to ``path``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 2.4 + 1.3 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1)
    places = np.arange(len(found))[::-1].astype(float)
    _draw_alerts(upper, found, places)
    _draw_frauds(lower, found, places)
    for axes in (upper, lower):
        axes.set_yticks(places, [each.name for each in found])
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path, dpi=_DPI, format="png")


def _draw_alerts(axes: Any, found: Sequence[Compared], places: Any) -> None:
    left = np.zeros(len(found))
    for who in ("both", "only main", "only challenger"):
        counts = np.array([each.alerts[who] for each in found], float)
        axes.barh(places, counts, 0.6, left, color=_COLOURS[who], label=who)
        left += counts
    n = max((each.payments_compared for each in found), default=0)
    axes.set_title(f"Alerts of up to {n:,} payments, by who raised them", loc="left")
    axes.set_xlabel("alerts")


def _draw_frauds(axes: Any, found: Sequence[Compared], places: Any) -> None:
    height = 0.2
    for row, (who, colour) in enumerate(_COLOURS.items()):
        at = places + (1.5 - row) * height
        each = [one.frauds[who] for one in found]
        values = np.array([one.frauds for one in each])
        ends = np.array([[one.frauds - one.low, one.high - one.frauds] for one in each]).T
        # Nothing judged is no interval, not an endless one.
        ends = np.where(np.isfinite(ends), np.maximum(ends, 0.0), np.nan)
        axes.barh(at, values, height, color=colour, label=who)
        axes.errorbar(values, at, xerr=ends, fmt="none", ecolor="black", capsize=2, linewidth=0.8)
    axes.set_title("Frauds among them by verdicts, with 95% intervals", loc="left")
    axes.set_xlabel("frauds, each judged payment for as many as it stands for")
