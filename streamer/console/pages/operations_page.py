"""The operations page: the four questions of the Service dashboard, and what is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from streamer.console.console import Console
from streamer.console.pages.visits import Visit
from streamer.console.service.worker_figures import FIGURES, ROWS, Row
from streamer.console.service.worker_scrapes import Point
from streamer.status import troubles_of

__all__ = ["Shown", "curve", "operations"]

_WIDTH: Final = 180.0
_HEIGHT: Final = 36.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One figure as it is shown; ``path`` is its last quarter of an hour as an SVG path."""

    title: str
    told: str
    normal: str
    is_bad: bool
    path: str


async def operations(visit: Visit) -> Response:
    """Show the figures of all workers, and what is wrong with the page that says what to do."""
    console = visit.console
    status = await console.status.get()
    scrapes, rows = console.scrapes, list(_rows(console))
    return await visit.page(
        "operations.html",
        status=status,
        troubles=troubles_of(status),
        rows=rows,
        n_odd=sum(figure.is_bad for _, figures in rows for figure in figures),
        urls=scrapes.urls,
        silent=scrapes.silent,
        is_known=scrapes.window is not None,
        age_s=scrapes.age_s,
        is_opa_asked=console.guard.opa is not None,
        opa_trouble=console.opa_trouble,
    )


def _rows(console: Console) -> Iterator[tuple[Row, list[Shown]]]:
    window, points = console.scrapes.window, list(console.scrapes.points)
    shown: dict[Row, list[Shown]] = {row: [] for row in ROWS}
    for n, figure in enumerate(FIGURES):
        value = None if window is None else figure.of(window)
        shown[figure.row].append(
            Shown(
                figure.title,
                "not known" if value is None else figure.told(value),
                figure.normal,
                value is not None and window is not None and figure.is_bad(value, window),
                curve(points, n),
            )
        )
    yield from shown.items()


def curve(points: Sequence[Point], n: int) -> str:
    """Return the ``n``-th figure of ``points`` as an SVG path from the left, 0 at the bottom.

    A time at which nobody said it is a gap; fewer than two values are no curve.

    >>> curve([Point(0.0, [0.0]), Point(9.0, [2.0]), Point(18.0, [1.0])], 0)
    'M0.0,36.0L90.0,0.0L180.0,18.0'
    """
    known = [value for point in points if (value := point.values[n]) is not None]
    if len(known) < 2:
        return ""
    began, spent = points[0].at_s, points[-1].at_s - points[0].at_s
    top = max(*known, 0.0) or 1.0
    parts, is_on = [], False
    for point in points:
        value = point.values[n]
        if value is not None:
            x = _WIDTH * (point.at_s - began) / spent if spent > 0 else 0.0
            y = _HEIGHT * (1 - max(value, 0.0) / top)
            parts.append(f"{'L' if is_on else 'M'}{x:.1f},{y:.1f}")
        is_on = value is not None
    return "".join(parts)
