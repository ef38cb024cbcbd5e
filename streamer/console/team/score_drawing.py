"""Recent payments by what they are ranked by, as a drawing, and where a budget lies in it: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.model import Scorer
from streamer.model.histogram import log2_at, log_losses_at, places_below
from streamer.model.odds import log_odds_at

__all__ = ["HEIGHT", "WIDTH", "ScoreDrawing", "drawing_of"]

WIDTH: Final = 400
HEIGHT: Final = 80
_N_BARS: Final = 50
# What lies further out is in the first and last bar; beyond the rarest budget there is next to nothing.
_LOWEST_SHARE: Final = 0.001
_HIGHEST_SHARE: Final = 0.0001
# A bar of this share of payments has no height, one of all of them the whole.
_LEAST_SHARE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class ScoreDrawing:
    """``outline`` is the path of the bars in `WIDTH` by `HEIGHT`, whose height is a logarithm.

    ``low`` and ``high`` are the values at both ends in words, ``what`` is what they are values of.
    """

    outline: str
    what: str
    low: str
    high: str
    below: Floats
    first: float
    last: float

    def at(self, budget: float) -> float:
        """Return where payments begin that are rarer than ``budget``, from 0 to `WIDTH`."""
        place: float = places_below(self.below, np.array([1.0 - budget])).item()
        x = WIDTH * (place - self.first) / (self.last - self.first)
        return round(min(max(x, 0.0), float(WIDTH)), 1)


def drawing_of(version: Scorer) -> ScoreDrawing | None:
    """Return the drawing of a version's recent sample, None where it has none."""
    below, what = {
        "distance": (version.distances_below, "unlikeness to similar payments"),
        "log_odds": (version.odds_below, "log-odds of fraud"),
        "expected_loss": (version.losses_below, "expected loss"),
    }[version.ranked_by]
    if version.is_warming or not below[-1] > 0:
        return None
    ends = np.array([_LOWEST_SHARE, 1.0 - _HIGHEST_SHARE])
    first, last = places_below(below, ends).tolist()
    if not last > first:
        first, last = first - 1.0, last + 1.0
    edges = np.linspace(first, last, _N_BARS + 1)
    shares = np.diff(np.interp(edges[1:-1], np.arange(len(below)), below), prepend=0.0, append=1.0)
    low, high = (_words(version.ranked_by, place) for place in (first, last))
    return ScoreDrawing(_outline(shares), what, low, high, below, first, last)


def _outline(shares: Floats) -> str:
    parts, width = [f"M0 {HEIGHT}"], WIDTH / _N_BARS
    for share in shares.tolist():
        height = HEIGHT * (1 - math.log(max(share, _LEAST_SHARE)) / math.log(_LEAST_SHARE))
        parts.append(f"V{HEIGHT - height:.1f}h{width:g}")
    return "".join([*parts, f"V{HEIGHT}z"])


def _words(ranked_by: str, place: float) -> str:
    places = np.array([place])
    if ranked_by == "log_odds":
        return f"{log_odds_at(places).item():+.2g}"
    if ranked_by == "expected_loss":
        return f"{math.exp(log_losses_at(places).item()):,.2g}"
    return f"{math.sqrt(2.0 ** np.asarray(log2_at(places)).item()):.2g}"
