"""What another budget would find and miss, by verdicts on alerts and on the sample below: pure.

Everything that was judged has a rarity, the share of recent traffic that scored higher, and stands for
``weight`` payments.  A budget of b alerts what is rarer than b.  So of judged frauds those rarer than b
would be caught; their weighted counts have the intervals of `streamer.model.census`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.durations import DAY_MS
from streamer.model.census import weighted_interval, wilson
from streamer.store.judged_alerts import JudgedAlert

__all__ = ["GRID", "Curve", "Expected", "curve_of"]

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


@dataclass(frozen=True, slots=True)
class Curve:
    """What was judged in the order of rarity, summed up so that each budget is looked up.

    ``rarities`` (n,) rise.  Of those up to each and of those beyond it, (n + 1,): ``above`` and
    ``above_sq`` are weights and their squares, ``caught`` and ``missed`` the weights of frauds,
    ``missed_sq`` their squares, ``missed_money`` what those came to in ``currency`` over ``days``;
    ``sampled`` how many up to each were drawn from below the threshold.
    """

    rarities: Floats
    above: Floats
    above_sq: Floats
    caught: Floats
    missed: Floats
    missed_sq: Floats
    missed_money: Floats
    sampled: Floats
    currency: str
    days: float
    n_sampled: int
    mean_weight: float
    rarest_sampled: float

    def expected(self, budget: float, current: float, payments_a_day: float | None) -> Expected:
        """Return what ``budget`` would come to; ``current`` is in force, below which few are judged."""
        n = int(np.searchsorted(self.rarities, budget, side="right"))
        # Of what never alerted only the sample tells; without any of it all would be as above.
        is_known = budget <= current or int(self.sampled[n]) > 0
        precision, precision_interval = self._precision(n) if is_known else (None, None)
        recall, recall_interval = self._recall(n)
        is_told = bool(self.currency) and self.rarest_sampled > budget
        return Expected(
            budget,
            None if payments_a_day is None else budget * payments_a_day,
            precision,
            precision_interval,
            recall,
            recall_interval,
            float(self.missed_money[n]) / self.days if is_told else None,
            self.currency if is_told else "",
            budget > current,
        )

    def _precision(self, n: int) -> tuple[float | None, Interval | None]:
        """Return the share of frauds by weight, with the interval for as many as those are worth."""
        if n < _LEAST_JUDGED:
            return None, None
        total = float(self.above[n])
        worth = total * total / float(self.above_sq[n])
        share = float(self.caught[n]) / total
        return share, wilson(share * worth, worth)

    def _recall(self, n: int) -> tuple[float | None, Interval | None]:
        """Return the share of frauds that would be caught; nothing where nothing below was judged."""
        caught, missed = float(self.caught[n]), float(self.missed[n])
        if self.n_sampled < _LEAST_JUDGED or n == len(self.rarities) or caught <= 0:
            return None, None
        low, high = weighted_interval(missed, float(self.missed_sq[n]), self.mean_weight)
        return caught / (caught + missed), (caught / (caught + high), caught / (caught + low))


def curve_of(judged: Sequence[JudgedAlert]) -> Curve:
    """Return the curve of what was ``judged``, each alert once."""
    ranked = sorted(judged, key=lambda each: each.rarity)
    weights = np.array([each.weight for each in ranked])
    is_fraud = np.array([each.is_fraud for each in ranked], bool)
    frauds = weights * is_fraud
    names = [each.currency for each in ranked if each.is_fraud]
    # The one that most frauds are in.
    currency = max(sorted(set(names)), key=names.count, default="")
    money = np.array([each.amount * (each.currency == currency) for each in ranked])
    times = [each.scored_ms for each in ranked]
    sampled = [each for each in ranked if each.is_sampled]
    return Curve(
        np.array([each.rarity for each in ranked]),
        _up_to(weights),
        _up_to(weights**2),
        _up_to(frauds),
        _beyond(frauds),
        _beyond(frauds**2),
        _beyond(frauds * money),
        _up_to(np.array([float(each.is_sampled) for each in ranked])),
        currency,
        max((max(times, default=0) - min(times, default=0)) / DAY_MS, 1.0),
        len(sampled),
        sum(each.weight for each in sampled) / max(len(sampled), 1),
        max((each.rarity for each in sampled), default=-1.0),
    )


def _up_to(values: Floats) -> Floats:
    return np.append(0.0, np.cumsum(values))


def _beyond(values: Floats) -> Floats:
    """Return the sums from each on; where nothing is left, 0 to the bit."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)
