"""What verdicts on the random sample below the threshold say of what alerts miss: pure.

Every verdict of the log counts the same, however old; the model's own estimate, by the same equations
(`streamer.model.census`), forgets and knows of verdicts that others published.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from streamer.features import percent
from streamer.model.census import Census, Estimate, estimate
from streamer.store.judged_alerts import JudgedAlert

__all__ = ["Band", "Below", "Come", "Dot", "below_line", "drawing"]

WIDTH: Final = 600
HEIGHT: Final = 90
_BANDS: Final = (0.0, 0.01, 0.1, 1.0)
_LEAST_RARITY: Final = 1e-3
_MOST_DOTS: Final = 400
_MOST_FRAUDS: Final = 50
_FEW: Final = 10
_WIDE: Final = 0.2
_LEFT: Final = 0.1
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Come:
    """What came and is open: ``alerts`` of those that were not drawn, ``drawn`` of those that were."""

    alerts: int
    alerts_open: int
    drawn: int
    drawn_open: int


@dataclass(frozen=True, slots=True)
class Band:
    """What was judged of the sample between two rarities, and how many payments it stands for."""

    low: float
    high: float
    n: int
    payments: float
    n_frauds: int
    frauds: float


@dataclass(frozen=True, slots=True)
class Below:
    """All of it; ``weights`` are the least, the mean and the largest of the judged sample.

    ``frauds`` are those found, the latest first; ``unknown`` says what cannot be told yet, and why.
    """

    told: Estimate
    weights: tuple[float, float, float] | None
    bands: tuple[Band, ...]
    frauds: tuple[JudgedAlert, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A judged payment in a drawing of `WIDTH` by `HEIGHT`."""

    x: float
    y: float
    is_fraud: bool


def below_line(judged: Sequence[JudgedAlert], come: Come | None) -> Below:
    """Return what ``judged``, each alert once and newest first, says.

    ``come`` is None where it is not told how much of the sample is open.
    """
    sampled = [each for each in judged if each.is_sampled]
    told = estimate(_census(judged))
    weights = [each.weight for each in sampled]
    frauds = [each for each in sampled if each.is_fraud]
    spread = (min(weights), sum(weights) / len(weights), max(weights)) if weights else None
    bands = tuple(_band(sampled, *ends) for ends in pairwise(_BANDS))
    unknown = tuple(_unknown(told, come))
    return Below(told, spread, bands, tuple(frauds[:_MOST_FRAUDS]), unknown)


def drawing(judged: Sequence[JudgedAlert], budget: float) -> tuple[list[Dot], float]:
    """Return the latest of the judged sample by rarity, in equal ratios, and where the budget is."""
    sampled = [each for each in judged if each.is_sampled][:_MOST_DOTS]
    # Spread over the height, so that those of one rarity lie beside each other.
    dots = [
        Dot(_at(each.rarity), round(16 + 50 * (i * _GOLDEN % 1), 1), each.is_fraud)
        for i, each in enumerate(sampled)
    ]
    return sorted(dots, key=lambda each: each.is_fraud), _at(budget)


def _at(rarity: float) -> float:
    """Return where a rarity lies.

    >>> [_at(rarity) for rarity in (0.0, 0.001, 0.01, 1.0)]
    [8.0, 8.0, 202.7, 592.0]
    """
    share = math.log(max(rarity, _LEAST_RARITY) / _LEAST_RARITY) / -math.log(_LEAST_RARITY)
    return round(8 + (WIDTH - 16) * share, 1)


def _census(judged: Sequence[JudgedAlert]) -> Census:
    counts, squares = np.zeros((3, 2)), 0.0
    for each in judged:
        if each.is_sampled:
            counts[1, int(each.is_fraud)] += 1
            counts[2, int(each.is_fraud)] += each.weight
            squares += each.weight**2 if each.is_fraud else 0.0
        else:
            counts[0, int(each.is_fraud)] += 1
    return Census(counts, squares)


def _band(sampled: Sequence[JudgedAlert], low: float, high: float) -> Band:
    of_it = [each for each in sampled if low < each.rarity <= high]
    frauds = [each for each in of_it if each.is_fraud]
    stand_for = (sum(each.weight for each in some) for some in (of_it, frauds))
    payments, missed = stand_for
    return Band(low, high, len(of_it), payments, len(frauds), missed)


def _unknown(told: Estimate, come: Come | None) -> list[str]:
    found = []
    if not told.n_sampled:
        none = come is not None and not come.drawn
        found.append(
            "Recall is not known: nothing that was drawn from below the threshold has been judged. "
            + (
                "Nothing that was drawn has come: see STREAMER_SAMPLE_SHARE."
                if none
                else "It waits in the queue."
            )
        )
    elif told.recall is None or told.recall_interval is None:
        found.append("Recall is not known: nothing that was judged is a fraud.")
    else:
        low, high = told.recall_interval
        if not told.n_found:
            found.append(
                f"None of the {told.n_sampled:,.0f} that were drawn and judged is a fraud, so recall "
                "is known by its lower end alone: there may be frauds that nobody has drawn."
            )
        if high - low > _WIDE:
            times = ((high - low) / _WIDE) ** 2
            found.append(
                f"The interval of recall is {100 * (high - low):.0f} points wide. One of "
                f"{100 * _WIDE:.0f} takes about {times:.2g} times as many verdicts on the sample."
            )
    if told.n_judged < _FEW:
        found.append(f"Precision rests on {told.n_judged:,.0f} judged alerts, which says little.")
    if come is not None and come.drawn and come.alerts:
        sample, alerts = come.drawn_open / come.drawn, come.alerts_open / come.alerts
        if sample > alerts + _LEFT:
            found.append(
                f"Of what was drawn {percent(100 * sample)} is still open, of the alerts "
                f"{percent(100 * alerts)}: recall is overestimated while the sample is left."
            )
    return found
