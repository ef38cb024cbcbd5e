"""Plots what the Service dashboard asks, over ten minutes of `streamer dev` with Redis away for two.

``python -m ops.pictures.dashboard`` takes twelve minutes and writes ``docs/service-dashboard.png``: the
panels' own expressions, limits and colours, drawn by matplotlib.  It is no screenshot of Grafana.
"""

from __future__ import annotations

import json
import math
import shutil
import signal
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.grafana.source import DASHBOARDS
from ops.grafana.source.panel import Dashboard, Panel
from ops.grafana.source.variables import substituted
from ops.pictures.traffic import traffic_of
from streamer.dev.stack import Stack

__all__ = ["SHOWN", "Line", "Recording", "draw", "main"]

SHOWN: Final = (
    ("Payments read", "Calls to Redis", "Circuit breaker of Redis"),
    ("Alert latency", "Records that wait", "Age of the last checkpoint"),
    ("What became of the records", "Ledger out by", "Records declared lost"),
    (
        "Age of the model version",
        "Payments that the model has seen",
        "Threshold since the start",
    ),
)
"""Of each of the dashboard's four rows, the titles of the panels that are drawn."""

_OPS: Final = Path(__file__).parents[1]
_PICTURE: Final = _OPS.parent / "docs" / "service-dashboard.png"
_N_WORKERS: Final = 2
_PAYMENTS_PER_S: Final = 150.0
_VERDICT_DELAY_S: Final = 20.0
_WARM_UP_S: Final = 90.0
_RUN_S: Final = 600.0
_AWAY_S: Final = (240.0, 360.0)
# As `streamer dev` scrapes; Grafana takes four scrapes for a rate.
_STEP_S: Final = 5
_BUILT_IN: Final = {"__rate_interval": "20s", "__range": "10m"}
_UNITS: Final = {"s": " (s)", "recps": " (records/s)", "cps": " (1/s)"}
# A limit so many times beyond the data is named and not drawn.
_FAR: Final = 3
_FIRING: Final = 'max by (alertname, severity) (ALERTS{alertstate="firing"})'


@dataclass(frozen=True, slots=True)
class Line:
    """One series: minutes since the beginning, and values."""

    name: str
    minutes: list[float]
    values: list[float]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was asked of Prometheus: lines by panel, and the alerts that fired with their severity."""

    panels: dict[str, list[Line]]
    alerts: dict[tuple[str, str], list[float]]


def main() -> int:
    """Run, ask and draw; return the exit code."""
    if shutil.which("prometheus") is None:
        print("prometheus must be installed, got none on the PATH", file=sys.stderr)
        return 1
    draw(_recorded(), _PICTURE)
    print(f"{_PICTURE} ({_PICTURE.stat().st_size:,} bytes)")
    return 0


def _recorded() -> Recording:
    with (
        Stack(_N_WORKERS, _OPS / "prometheus", print) as stack,
        traffic_of(stack, _PAYMENTS_PER_S, verdict_delay_s=_VERDICT_DELAY_S),
    ):
        _wait(stack, _WARM_UP_S)
        began = time.time()
        _wait(stack, _AWAY_S[0])
        stack.redis.process.send_signal(signal.SIGSTOP)
        _wait(stack, _AWAY_S[1] - _AWAY_S[0])
        stack.redis.process.send_signal(signal.SIGCONT)
        _wait(stack, _RUN_S - _AWAY_S[1])
        return _asked(str(stack.prometheus_url), began)


def _wait(stack: Stack, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1.0)
        stack.restart_dead()


def _asked(url: str, began: float) -> Recording:
    panels: dict[str, list[Line]] = {}
    for panel in _service().panels:
        lines = panels[panel.title] = []
        for query in panel.queries:
            for series in _range(url, substituted(query.promql, _BUILT_IN), began):
                name = query.legend
                for label, value in series["metric"].items():
                    name = name.replace(f"{{{{{label}}}}}", value)
                times = [(float(at) - began) / 60 for at, _ in series["values"]]
                values = [float(value) for _, value in series["values"]]
                lines.append(Line(name.strip(), times, values))
    alerts = {
        (series["metric"]["alertname"], series["metric"]["severity"]): [
            (float(at) - began) / 60 for at, _ in series["values"]
        ]
        for series in _range(url, _FIRING, began)
    }
    return Recording(panels, alerts)


def _range(url: str, promql: str, began: float) -> list[dict[str, Any]]:
    asked = {"query": promql, "start": began, "end": began + _RUN_S, "step": _STEP_S}
    address = f"{url}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - of this machine
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def _service() -> Dashboard:
    (service,) = (board for board in DASHBOARDS if board.name == "service")
    return service


def draw(recording: Recording, path: Path) -> None:
    """Draw a recording; the strip on top has the alerts that fired."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.5, 12), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(SHOWN) + 1, 3, height_ratios=[0.6, *[1.0] * len(SHOWN)])
    _draw_alerts(figure.add_subplot(grid[0, :]), recording.alerts)
    panels = {panel.title: panel for panel in _service().panels}
    for i, (row, titles) in enumerate(zip(_service().rows, SHOWN, strict=True), start=1):
        for column, title in enumerate(titles):
            axes = figure.add_subplot(grid[i, column])
            _draw_panel(axes, panels[title], recording.panels[title])
            if column == 0:
                axes.set_ylabel(row.title, fontsize=11, fontweight="bold")
            if i == len(SHOWN):
                axes.set_xlabel("minutes", fontsize=8)
    figure.suptitle(
        "What the dashboard “streamer: service” asks, plotted over ten minutes with Redis away for two "
        "(grey)",
        fontsize=12,
    )
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90)


def _draw_alerts(axes: Any, alerts: dict[tuple[str, str], list[float]]) -> None:
    colours = {"page": "tab:red", "ticket": "tab:orange", "info": "tab:blue"}
    for y, ((name, severity), minutes) in enumerate(sorted(alerts.items(), reverse=True)):
        spans = [(at, _STEP_S / 60) for at in minutes]
        axes.broken_barh(spans, (y - 0.4, 0.8), color=colours[severity], linewidth=0, alpha=0.6)
        # Within the strip, on whichever side of the bar's beginning there is room.
        side = "left" if minutes[0] < 0.7 * _RUN_S / 60 else "right"
        axes.text(minutes[0], y, f" {name} ({severity}) ", va="center", ha=side, fontsize=8)
    axes.set_ylim(-0.6, max(len(alerts), 1) - 0.4)
    axes.set_yticks([])
    _finish(axes, "Alerts that fire")


def _draw_panel(axes: Any, panel: Panel, lines: list[Line]) -> None:
    shown = sorted(lines, key=lambda line: -_largest(line))
    top = max(map(_largest, shown), default=0.0)
    if panel.is_stacked and shown:
        names = [line.name for line in shown]
        filled = [[v if math.isfinite(v) else 0 for v in line.values] for line in shown]
        axes.stackplot(shown[0].minutes, filled, labels=names, alpha=0.7)
        top = max(map(sum, zip(*filled, strict=False)))
    else:
        for line in shown:
            axes.plot(line.minutes, line.values, label=line.name, linewidth=1.3)
    title = panel.title + _UNITS.get(panel.unit, "")
    if panel.states:
        axes.set_yticks([value for value, _, _ in panel.states])
        axes.set_yticklabels([text for _, text, _ in panel.states])
        axes.set_ylim(-0.2, 1.5)
    else:
        for step in panel.steps[1:]:
            limit = step.value or 0.0
            if limit > _FAR * max(top, 0.5):
                # Drawn to scale nothing else would be seen.
                title += f"; alert above {limit:g}"
            else:
                axes.axhline(limit, color=step.colour, linestyle="--", linewidth=1)
                top = max(top, limit)
        axes.set_ylim(0, 1.35 * top or 1)
    _finish(axes, title)
    if len(shown) > 1:
        axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=2)


def _largest(line: Line) -> float:
    return max(filter(math.isfinite, line.values), default=0.0)


def _finish(axes: Any, title: str) -> None:
    begin, end = (at / 60 for at in _AWAY_S)
    axes.axvspan(begin, end, color="grey", alpha=0.2, linewidth=0)
    axes.set_xlim(0, _RUN_S / 60)
    axes.set_title(title, loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    sys.exit(main())
