"""The peers' rates in an SVG file, drawn without pyplot: nothing global is touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from load.peers.entrants import CONSUME, DECODE, STREAMER
from load.peers.peer_table import PeerFigures

__all__ = ["draw"]

# Of Okabe and Ito's colours, which people who do not tell red from green can tell apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_GREY: Final = "#999999"


def draw(figures: Mapping[str, PeerFigures], about: Mapping[str, str], path: Path) -> None:
    """Write median rates with their extremes to ``path``, machine and date below."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    names = sorted(figures, key=lambda name: figures[name].per_second.median)
    # Text stays text; equal figures give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "peers"}):
        figure = Figure(figsize=(9.0, 0.42 * len(names) + 1.3), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        for place, name in enumerate(names):
            rate = figures[name].per_second
            axes.errorbar(
                rate.median,
                place,
                xerr=[[rate.median - rate.low], [rate.high - rate.median]],
                fmt="o",
                color=_colour(name),
                capsize=3,
            )
            axes.annotate(f"   {rate.median:,.0f}", (rate.high, place), va="center", fontsize=9)
        axes.set_yticks(range(len(names)), [figures[name].title for name in names])
        axes.set_xscale("log")
        axes.set_xlim(right=3.0 * max(each.per_second.high for each in figures.values()))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
        axes.set_axisbelow(True)
        axes.set(xlabel="payments per second, one process on two cores shared with the broker")
        axes.set_title(_title(about), loc="left", fontsize=10)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _colour(name: str) -> str:
    if name == STREAMER:
        return _BLUE
    return _GREY if name in (CONSUME, DECODE) else _ORANGE


def _title(about: Mapping[str, str]) -> str:
    return (
        f"{about['date']}, commit {about['commit']}, {about['cpus']} × {about['cpu_model']}, "
        f"{about['broker']} broker, {about['rounds']} rounds"
    )
