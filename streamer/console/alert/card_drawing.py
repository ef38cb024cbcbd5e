"""The alerts of one card as a strip of amounts over time and as a map: numbers for drawings.

Pure.  The map is a plain one, degrees to pixels with the parallels drawn apart as they are in its
middle; it has a graticule and no tiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.durations import HOUR_MS
from streamer.features import money
from streamer.store import CardAlert

__all__ = ["CardMap", "Dot", "Line", "Strip", "map_of", "strip_of"]

STRIP_WIDTH: Final = 600
STRIP_HEIGHT: Final = 120
MAP_WIDTH: Final = 300
MAP_HEIGHT: Final = 200
_MARGIN: Final = 14.0
# Amounts are written there.
_LEFT: Final = 96.0
# A line nearer to the upper or right edge has no room for its text.
_FOR_TEXT: Final = 16.0
_FOR_LONG_TEXT: Final = 44.0
# A strip of less, or a map of fewer degrees, would show noise.
_LEAST_MS: Final = HOUR_MS
_LEAST_DEGREES: Final = 0.2
_LEAST_LOG: Final = math.log(4.0)
_STEPS_DEG: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
_MOST_LINES: Final = 6


@dataclass(frozen=True, slots=True)
class Dot:
    """A payment in a drawing: what was said of it, and whether it is the page's own."""

    x: float
    y: float
    verdict: str
    is_own: bool
    number: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a drawing, with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Amounts, upwards in equal ratios, over time, from ``first_ms`` to ``last_ms``.

    ``usual`` is top and height of the band in which two thirds of the card's amounts lie, None where
    that is not known.
    """

    dots: tuple[Dot, ...]
    amounts: tuple[Line, ...]
    first_ms: int
    last_ms: int
    usual: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class CardMap:
    """Places, with meridians and parallels."""

    dots: tuple[Dot, ...]
    meridians: tuple[Line, ...]
    parallels: tuple[Line, ...]


def strip_of(
    alerts: Sequence[CardAlert], own: str, usual: tuple[float, float] | None
) -> Strip | None:
    """Return the strip of ``alerts``, by time, in the currency of the one with the id ``own``.

    ``usual`` are mean and standard deviation of ln amount.  None where there is no amount.
    """
    currency = next((each.currency for each in alerts if each.alert_id == own), "")
    numbered = [
        (number, each)
        for number, each in enumerate(alerts, 1)
        if each.currency == currency and each.amount > 0
    ]
    if not numbered:
        return None
    logs = [math.log(each.amount) for _, each in numbered]
    ends = [] if usual is None else [usual[0] - usual[1], usual[0] + usual[1]]
    low, high = min(logs + ends), max(logs + ends)
    low, high = _widened(low, high, _LEAST_LOG)
    times = [each.event_ms for _, each in numbered]
    first, last = _widened(min(times), max(times), _LEAST_MS)

    def height(log: float) -> float:
        inner = STRIP_HEIGHT - 2 * _MARGIN
        return round(STRIP_HEIGHT - _MARGIN - inner * (log - low) / (high - low), 1)

    dots = tuple(
        Dot(
            _place(each.event_ms, first, last),
            height(log),
            each.verdict,
            each.alert_id == own,
            number,
        )
        for (number, each), log in zip(numbered, logs, strict=True)
    )
    band = None
    if usual is not None:
        top, bottom = height(usual[0] + usual[1]), height(usual[0] - usual[1])
        band = top, round(bottom - top, 1)
    shown = sorted({min(logs), max(logs)})
    lines = tuple(Line(height(log), money(math.exp(log), currency)) for log in shown)
    return Strip(dots, lines, round(first), round(last), band)


def map_of(alerts: Sequence[CardAlert], own: str) -> CardMap | None:
    """Return the map of the ``alerts`` that have a place; None where none has."""
    placed = [
        (number, each, each.latitude, each.longitude)
        for number, each in enumerate(alerts, 1)
        if each.latitude is not None and each.longitude is not None
    ]
    if not placed:
        return None
    souths = [latitude for *_, latitude, _ in placed]
    wests = [longitude for *_, longitude in placed]
    south, north = _widened(min(souths), max(souths), _LEAST_DEGREES)
    west, east = _widened(min(wests), max(wests), _LEAST_DEGREES)
    # A degree of longitude is so much of one of latitude in the middle of the map.
    narrow = max(math.cos(math.radians((south + north) / 2)), 0.1)
    scale = min(
        (MAP_WIDTH - 2 * _MARGIN) / ((east - west) * narrow),
        (MAP_HEIGHT - 2 * _MARGIN) / (north - south),
    )
    middle_x, middle_y = (west + east) / 2, (south + north) / 2

    def x_of(longitude: float) -> float:
        return round(MAP_WIDTH / 2 + (longitude - middle_x) * narrow * scale, 1)

    def y_of(latitude: float) -> float:
        return round(MAP_HEIGHT / 2 - (latitude - middle_y) * scale, 1)

    half_x, half_y = MAP_WIDTH / 2 / (narrow * scale), MAP_HEIGHT / 2 / scale
    return CardMap(
        tuple(
            Dot(x_of(longitude), y_of(latitude), each.verdict, each.alert_id == own, number)
            for number, each, latitude, longitude in placed
        ),
        tuple(
            Line(x_of(at), _degrees_text(at, "EW") if x_of(at) < MAP_WIDTH - _FOR_LONG_TEXT else "")
            for at in _graticule(max(middle_x - half_x, -180), min(middle_x + half_x, 180))
        ),
        tuple(
            Line(y_of(at), _degrees_text(at, "NS") if y_of(at) > _FOR_TEXT else "")
            for at in _graticule(max(middle_y - half_y, -90), min(middle_y + half_y, 90))
        ),
    )


def _degrees_text(degrees: float, sides: str) -> str:
    return f"{abs(degrees):g}° {sides[degrees < 0]}"


def _widened(low: float, high: float, least: float) -> tuple[float, float]:
    """Return both ends, moved apart evenly if they are nearer than ``least``."""
    missing = max(least - (high - low), 0.0) / 2
    return low - missing, high + missing


def _place(at: float, first: float, last: float) -> float:
    inner = STRIP_WIDTH - _LEFT - _MARGIN
    return round(_LEFT + inner * (at - first) / (last - first), 1)


def _graticule(low: float, high: float) -> list[float]:
    """Return the degrees between, in round steps, at most `_MOST_LINES`."""
    step = next((s for s in _STEPS_DEG if (high - low) / s <= _MOST_LINES), _STEPS_DEG[-1])
    first = math.ceil(low / step)
    return [round(k * step, 6) for k in range(first, math.floor(high / step) + 1)]
