"""What was resident over a run in an SVG file, drawn without pyplot: nothing global is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from load.resident import Flatness, Resident

__all__ = ["draw"]

_BLUE: Final = "#0072B2"
_GREY: Final = "#999999"
_MB: Final = 1e6


def draw(
    samples: Sequence[Resident],
    flat: Flatness,
    warm_up_s: float,
    allowed: float,
    about: Mapping[str, str],
    path: Path,
) -> None:
    """Write resident megabytes over minutes to ``path``, and what ``allowed`` lets them be."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    minutes = [sample.at_s / 60 for sample in samples]
    # Text stays text; equal figures give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "resident"}):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        low, high = ((1 + sign * allowed) * flat.first / _MB for sign in (-1, 1))
        axes.fill_between(
            [warm_up_s / 60, minutes[-1]], low, high, color=_GREY, alpha=0.25, linewidth=0
        )
        axes.plot(minutes, [s.n_bytes / _MB for s in samples], color=_BLUE, linewidth=1.0)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, minutes[-1])
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25)
        axes.set(xlabel="minutes", ylabel="resident, MB")
        axes.annotate(
            f"{flat.change:+.2%} from the first fifth to the last; grey: {allowed:.0%} to either side",
            (0.99, 0.06),
            xycoords="axes fraction",
            ha="right",
            fontsize=9,
        )
        axes.set_title(_title(about), loc="left", fontsize=10)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _title(about: Mapping[str, str]) -> str:
    return (
        f"{about['date']}, commit {about['commit']}, {about['cpus']} × {about['cpu_model']}, "
        f"{about['broker']} broker, {about['rate']} payments/s"
    )
