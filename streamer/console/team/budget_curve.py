"""What another budget would find and miss, by verdicts on alerts and on the sample below: pure.

Everything that was judged has a rarity, the share of recent traffic that scored higher, and stands for
``weight`` payments.  A budget of b alerts what is rarer than b.  So of judged frauds those rarer than b
would be caught; their weighted counts have the intervals of `streamer.model.census`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.durations import DAY_MS
from streamer.model.census import weighted_interval, wilson
from streamer.store.judged_alerts import JudgedAlert

__all__ = ["GRID", "Expected", "expected"]

GRID: Final = (0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05)
"""Budgets that are told side by side, as shares of payments."""

Interval = tuple[float, float]
# Fewer say nothing of a share.
_LEAST_JUDGED: Final = 10


@dataclass(frozen=True, slots=True)
class Expected:
    """What a budget would come to; None where too little was judged to tell.

    ``missed_a_day`` is what frauds below the line came to, in ``currency``, the one of most of them.
    ``is_beyond`` where payments that common were only ever sampled, so that all rests on few.
    """

    budget: float
    alerts_a_day: float | None
    precision: float | None
    precision_interval: Interval | None
    recall: float | None
    recall_interval: Interval | None
    missed_a_day: float | None
    currency: str
    is_beyond: bool


def expected(
    judged: Sequence[JudgedAlert], budget: float, current: float, payments_a_day: float | None
) -> Expected:
    """Return what ``budget`` would come to, by what was ``judged``, each alert once.

    ``current`` is the budget in force, below which payments are only sampled.
    """
    above = [each for each in judged if each.rarity <= budget]
    precision, precision_interval = _precision(above)
    recall, recall_interval = _recall(judged, budget)
    missed, currency = _missed(judged, budget)
    return Expected(
        budget,
        None if payments_a_day is None else budget * payments_a_day,
        precision,
        precision_interval,
        recall,
        recall_interval,
        missed,
        currency,
        budget > current,
    )


def _precision(above: Sequence[JudgedAlert]) -> tuple[float | None, Interval | None]:
    """Return the share of frauds by weight, with the interval for as many as the weights are worth."""
    if len(above) < _LEAST_JUDGED:
        return None, None
    total = sum(each.weight for each in above)
    worth = total * total / sum(each.weight**2 for each in above)
    share = sum(each.weight for each in above if each.is_fraud) / total
    return share, wilson(share * worth, worth)


def _recall(judged: Sequence[JudgedAlert], budget: float) -> tuple[float | None, Interval | None]:
    """Return the share of frauds that would be caught; nothing where nothing below was judged."""
    sampled = [each for each in judged if each.is_sampled]
    below = [each for each in judged if each.rarity > budget]
    caught = sum(each.weight for each in judged if each.is_fraud and each.rarity <= budget)
    if len(sampled) < _LEAST_JUDGED or not below:
        return None, None
    missed = sum(each.weight for each in below if each.is_fraud)
    squares = sum(each.weight**2 for each in below if each.is_fraud)
    mean_weight = sum(each.weight for each in sampled) / len(sampled)
    low, high = weighted_interval(missed, squares, mean_weight)
    if caught <= 0:
        return None, None
    return caught / (caught + missed), (caught / (caught + high), caught / (caught + low))


def _missed(judged: Sequence[JudgedAlert], budget: float) -> tuple[float | None, str]:
    """Return what frauds below the line came to a day, in the currency that most frauds are in."""
    frauds = [each for each in judged if each.is_fraud]
    if not frauds or not any(each.is_sampled and each.rarity > budget for each in judged):
        return None, ""
    names = [each.currency for each in frauds]
    currency = max(sorted(set(names)), key=names.count)
    times = [each.scored_ms for each in judged]
    days = max((max(times) - min(times)) / DAY_MS, 1.0)
    missed = [each for each in frauds if each.rarity > budget and each.currency == currency]
    return sum(each.weight * each.amount for each in missed) / days, currency
