"""The days of a backtest drawn: alerts of either run, and what of them was fraud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Final

import numpy as np

from streamer.backtesting.comparison import Daily

__all__ = ["daily_png"]

_DPI: Final = 110
_COLOURS: Final = ("#7a7a7a", "#0b6e99")


def daily_png(daily: Daily, names: tuple[str, str], *, has_labels: bool) -> bytes:
    """Return a PNG file with a line for each run, dashed for its frauds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    epoch = datetime.fromtimestamp(0, UTC)
    days = [epoch + timedelta(days=daily.first_day + i) for i in range(len(daily.base))]
    runs = (daily.base, daily.base_frauds), (daily.changed, daily.changed_frauds)
    for name, colour, (alerts, frauds) in zip(names, _COLOURS, runs, strict=True):
        axes.step(np.array(days), alerts, where="mid", color=colour, label=name)
        if has_labels:
            known = f"{name}: frauds"
            axes.step(np.array(days), frauds, where="mid", color=colour, linestyle=":", label=known)
    axes.set(ylabel="alerts a day", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    figure.autofmt_xdate()
    file = BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()
