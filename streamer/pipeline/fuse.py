"""The fuse: whatever a model does, reviewers get at most twice what they agreed to.

A partition's scored payments are numbered; an alert's number is its *place*.  Of any 5,000 payments in
a row at most ``2 x share x 5,000`` may alert.  Where that is less than one alert, one is allowed among
as many payments as make the ratio two.

Invariants:
* A place is admitted only if no window that contains it then holds more alerts than its limit, those
  before it and those after it counted: the bound is exact for every window, not for a grid of them.
* Pure: the caller keeps the places.  Those of the last 5,000 payments and the one before them suffice
  (`still_counted`): only a limit of one alert looks farther back, and it asks for the nearest.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["WINDOW", "Limit", "admit", "limit_of", "still_counted"]

WINDOW: Final = 5_000
_RATIO: Final = 2.0
# 2 x 0.0003 x 5,000 is a little less than 3 in binary.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``n_alerts`` among any ``window`` payments in a row."""

    window: int
    n_alerts: int


def limit_of(share: float) -> Limit:
    """Return the limit where ``share`` of the payments were to alert.

    >>> limit_of(0.005)
    Limit(window=5000, n_alerts=50)
    >>> limit_of(0.00001)
    Limit(window=50000, n_alerts=1)
    """
    n_alerts = math.floor(_RATIO * share * WINDOW + _ROUNDING)
    if n_alerts:
        return Limit(WINDOW, n_alerts)
    return Limit(math.ceil(1.0 / (_RATIO * share) - _ROUNDING), 1)


def admit(
    alerted: Sequence[int],
    candidates: Sequence[int],
    limits: Sequence[Limit],
    weights: Sequence[float] = (),
) -> tuple[bool, ...]:
    """Return which candidates may alert beside what has alerted, the first asked first.

    ``alerted`` and ``candidates`` are places; ``limits`` one for each candidate.  ``weights`` are what
    each of ``alerted`` counts, from 0 to 1, where its budget was another one; all of them 1 without.
    """
    if any(weight < 1.0 for weight in weights):
        return _admit_weighted(alerted, candidates, limits, weights)
    places = sorted(alerted)
    admitted = []
    for place, limit in zip(candidates, limits, strict=True):
        is_admitted = _has_room(places, place, limit)
        if is_admitted:
            insort(places, place)
        admitted.append(is_admitted)
    return tuple(admitted)


def still_counted(places: Sequence[int], next_place: int) -> list[int]:
    """Return those of ascending ``places`` that count for a payment at ``next_place`` or beyond."""
    first = bisect_right(places, next_place - WINDOW)
    return list(places[max(first - 1, 0) :])


def _has_room(places: list[int], place: int, limit: Limit) -> bool:
    first = bisect_left(places, place - limit.window + 1)
    end = bisect_right(places, place + limit.window - 1)
    n = limit.n_alerts
    for i in range(first, end - n + 1):
        spanned = max(places[i + n - 1], place) - min(places[i], place)
        if spanned < limit.window:
            return False
    return True


def _admit_weighted(
    alerted: Sequence[int],
    candidates: Sequence[int],
    limits: Sequence[Limit],
    weights: Sequence[float],
) -> tuple[bool, ...]:
    counted = sorted(zip(alerted, weights, strict=True))
    admitted = []
    for place, limit in zip(candidates, limits, strict=True):
        is_admitted = 1.0 + _most_around(counted, place, limit.window) <= limit.n_alerts + _ROUNDING
        if is_admitted:
            insort(counted, (place, 1.0))
        admitted.append(is_admitted)
    return tuple(admitted)


def _most_around(counted: list[tuple[int, float]], place: int, window: int) -> float:
    """Return the most that the alerts of any ``window`` payments count which have ``place`` among them.

    Of those windows it is enough to look at the ones that begin with an alert, and at the last.
    """
    near = [each for each in counted if abs(each[0] - place) < window]
    starts = [at for at, _ in near if at <= place] + [place]
    return max(
        sum(weight for at, weight in near if start <= at < start + window) for start in starts
    )
