"""What judged alerts, and the sample below the threshold, are worth in money by budget: pure.

A budget of b alerts what is rarer than b, as on the budget's curve; a payment that was drawn counts for
as many as it stands for.  Days are those of scoring; the first and the last of the log are in part only
and left out where days remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.console.team.budget_curve import GRID
from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.impact.best_budget import Curve, curve_of
from streamer.impact.day_resampling import LEAST_DAYS, ends_of, resampled_means
from streamer.impact.gains import PARTS, Priced, daily_parts, value_by_budget
from streamer.impact.prices import Prices
from streamer.impact.worth import Worth, worth_of
from streamer.store.judged_alerts import JudgedAlert

__all__ = ["Impact", "Part", "impact_of"]

# As fine as the slider of the budget's page.
_BUDGETS: Final = np.geomspace(GRID[0], GRID[-1], 81)
# A page that is loaded again has the same intervals.
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Money a day, with its 95% interval; None with too few days."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Impact:
    """``parts`` are by the names in `PARTS`, of alerts that were judged and what was drawn; ``curve``
    has the value a day of each budget.  ``because`` says why there is none of it, else ""."""

    because: str
    currency: str
    n_days: int
    left_out: Mapping[str, int]
    parts: Mapping[str, Part]
    curve: Curve | None
    is_priced: bool = True

    def at(self, budget: float) -> Part | None:
        """Return what the nearest budget of the curve is worth a day."""
        if self.curve is None:
            return None
        at = int(np.abs(np.log(self.curve.grid / budget)).argmin())
        ends = self.curve.ends
        interval = None if ends is None else (float(ends[0, at]), float(ends[1, at]))
        return Part(float(self.curve.values[at]), interval)


def impact_of(judged: Sequence[JudgedAlert], prices: Prices, values: Mapping[str, float]) -> Impact:
    """Return what ``judged``, each alert once, comes to; ``values`` are of a unit of each currency."""
    days = np.array([each.scored_ms // DAY_MS for each in judged], dtype=np.int64)
    kept = list(judged)
    if len(days) and days.max() - days.min() >= 2:
        kept = [e for e, day in zip(judged, days, strict=True) if days.min() < day < days.max()]
    if not kept:
        return Impact("Nothing has been judged yet.", "", 0, {}, {}, None)
    try:
        amounts = np.array([each.amount for each in kept])
        worth = worth_of(amounts, [each.currency for each in kept], values)
    except ConfigurationError as error:
        return Impact(f"{error}.", "", 0, {}, {}, None)
    return _priced(kept, worth, prices)


def _priced(kept: Sequence[JudgedAlert], worth: Worth, prices: Prices) -> Impact:
    known = ~np.isnan(worth.amounts)
    judged = [each for each, is_known in zip(kept, known.tolist(), strict=True) if is_known]
    if not judged:
        because = f"STREAMER_CURRENCY_VALUES has no value for {', '.join(worth.left_out)}."
        return Impact(because, worth.currency, 0, worth.left_out, {}, None)
    days = np.array([each.scored_ms // DAY_MS for each in kept], dtype=np.int64)
    n_days = int(days.max() - days.min()) + 1
    priced = Priced(
        days=days[known] - int(days.min()),
        places=np.array([each.rarity for each in judged]),
        weights=np.array([each.weight for each in judged]),
        amounts=worth.amounts[known],
        frauds=np.array([each.is_fraud for each in judged], bool),
        alerted=np.array([not each.is_sampled for each in judged], bool),
    )
    rng = np.random.default_rng(_SEED)
    by_day = np.column_stack([daily_parts(priced, prices, n_days)[name] for name in PARTS])
    ends = ends_of(resampled_means(by_day, rng), n_days) if n_days >= LEAST_DAYS else None
    parts = {
        name: Part(
            float(by_day[:, i].mean()),
            None if ends is None else (float(ends[0, i]), float(ends[1, i])),
        )
        for i, name in enumerate(PARTS)
    }
    curve = curve_of(_BUDGETS, value_by_budget(priced, prices, _BUDGETS, n_days), rng)
    is_priced = not prices.are_none
    return Impact("", worth.currency, n_days, worth.left_out, parts, curve, is_priced)
