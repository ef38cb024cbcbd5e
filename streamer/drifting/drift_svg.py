"""A feature's distributions as inline SVG: the reference in grey, recent traffic as a line over it."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import numpy as np

from streamer.features import FEATURE_NAMES, FEATURES

__all__ = ["feature_svg"]

_WIDTH: Final = 660
_LEFT: Final = 44
_RIGHT: Final = 16
_TOP: Final = 8
_BASE: Final = 128
_HEIGHT: Final = 176
_STRIP: Final = 168
# Less than this is not worth the room.
_LEAST_SHARE: Final = 1e-3
_LONG_LABEL: Final = 12


def feature_svg(feature: dict[str, Any], currency: str) -> str:
    """Return the plot of a feature of `drift_findings`, its axis in the feature's unit.

    Below the axis: where nine of ten of the latest payments lie, with a dot at the median.
    """
    edges = np.array(feature["bins"]["edges"])
    before, now = (np.array(feature["bins"][name])[1:] for name in ("reference", "now"))
    shown = np.flatnonzero(np.maximum(before, now) > _LEAST_SHARE)
    if not len(shown):
        return '<p class="quiet">Known of no payment.</p>'
    first, last = int(shown[0]), int(shown[-1]) + 1
    edges, before, now = edges[first : last + 1], before[first:last], now[first:last]
    top = float(max(before.max(), now.max()))
    x = _LEFT + (edges - edges[0]) / (edges[-1] - edges[0]) * (_WIDTH - _LEFT - _RIGHT)
    heights = [_BASE - shares / top * (_BASE - _TOP) for shares in (before, now)]
    name = feature["feature"].replace("_", " ")
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(name)}: reference and now">',
        *_bars(x, heights[0]),
        f'<path class="now" d="{_steps(x, heights[1])}"/>',
        *_axes(x, edges, top, feature["feature"], currency),
        *_latest(feature["latest"], x, edges),
        "</svg>",
    ]
    return "".join(parts)


def _bars(x: Any, heights: Any) -> list[str]:
    return [
        f'<rect class="before" x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" '
        f'height="{_BASE - y:.1f}"/>'
        for left, right, y in zip(x[:-1], x[1:], heights, strict=True)
        if y < _BASE - 0.05
    ]


def _steps(x: Any, heights: Any) -> str:
    """Return the outline of a histogram, from the base line and back to it."""
    points = [f"M{x[0]:.1f},{_BASE}"]
    for left, right, y in zip(x[:-1], x[1:], heights, strict=True):
        points.append(f"L{left:.1f},{y:.1f}L{right:.1f},{y:.1f}")
    return "".join([*points, f"L{x[-1]:.1f},{_BASE}"])


def _axes(x: Any, edges: Any, top: float, name: str, currency: str) -> list[str]:
    feature = FEATURES[FEATURE_NAMES.index(name)]

    def told(edge: float) -> str:
        return feature.quantity(feature.to_unit(edge), currency)

    widest = max(len(told(float(edge))) for edge in edges)
    n_ticks = min(3 if widest > _LONG_LABEL else 6, len(edges))
    places = np.unique(np.linspace(0, len(edges) - 1, n_ticks).round().astype(int))
    parts = [
        f'<line class="axis" x1="{_LEFT}" y1="{_BASE}" x2="{_WIDTH - _RIGHT}" y2="{_BASE}"/>',
        f'<text x="{_LEFT - 6}" y="{_TOP + 9}" text-anchor="end">{top:.0%}</text>',
        f'<text x="{_LEFT - 6}" y="{_BASE}" text-anchor="end">0</text>',
    ]
    for place in places.tolist():
        anchor = "start" if place == 0 else "end" if place == len(edges) - 1 else "middle"
        parts.append(
            f'<line class="axis" x1="{x[place]:.1f}" y1="{_BASE}" x2="{x[place]:.1f}" '
            f'y2="{_BASE + 4}"/><text x="{x[place]:.1f}" y="{_BASE + 17}" '
            f'text-anchor="{anchor}">{escape(told(float(edges[place])))}</text>'
        )
    return parts


def _latest(latest: dict[str, Any] | None, x: Any, edges: Any) -> list[str]:
    if latest is None:
        return []
    low, middle, high = np.interp(latest["scaled"], edges, x).tolist()
    return [
        f'<line class="latest" x1="{low:.1f}" y1="{_STRIP}" x2="{high:.1f}" y2="{_STRIP}"/>',
        f'<circle class="dot" cx="{middle:.1f}" cy="{_STRIP}" r="4"/>',
    ]
