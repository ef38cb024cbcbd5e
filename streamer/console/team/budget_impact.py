"""What judged alerts, and the sample below the threshold, are worth in money by budget: pure.

A budget of b alerts what is rarer than b, as on the budget's curve; a payment that was drawn counts for
as many as it stands for.  Days are those of scoring; the first and the last of the log are in part only
and left out where days remain.

What waits in the queue is not known, and no false alarm: in what a budget would be worth a judged alert
stands for those of its rank that wait, too, and a judged draw for the draws that do
(`streamer.impact.unjudged`).  What alerts cost and saved is told of the judged alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats
from streamer.console.team.budget_curve import GRID
from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.impact.best_budget import Curve, curve_of
from streamer.impact.day_resampling import LEAST_DAYS, ends_of, resampled_means
from streamer.impact.gains import PARTS, Priced, daily_parts, value_by_budget
from streamer.impact.prices import Prices
from streamer.impact.unjudged import stands_for
from streamer.impact.worth import Worth, worth_of
from streamer.model.census import weighted_interval
from streamer.store import QueueRow
from streamer.store.judged_alerts import JudgedAlert

__all__ = ["Impact", "Part", "impact_of"]

# As fine as the slider of the budget's page.
_BUDGETS: Final = np.geomspace(GRID[0], GRID[-1], 81)
# A page that is loaded again has the same intervals.
_SEED: Final = 0
_LEAST_DRAWN_FRAUDS: Final = 10
"""Frauds among the draws below which nothing is told of budgets larger than what alerts."""


@dataclass(frozen=True, slots=True)
class Part:
    """Money a day, with its 95% interval; None with too few days."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Impact:
    """``parts`` are by the names in `PARTS`, of alerts that were judged and what was drawn; ``curve``
    has the value a day of each budget that is known: with few frauds among the draws up to the
    commonest alert that was judged, and then no best where that is the best of these.  What was missed
    is no part where nothing was drawn.  ``because`` says why there is none of it, else "".  Of these
    days' alerts ``n_judged`` were judged, and the curve has the ``n_waiting`` that were not by them."""

    because: str
    currency: str
    n_days: int
    left_out: Mapping[str, int]
    parts: Mapping[str, Part]
    curve: Curve | None
    is_priced: bool = True
    no_best: str = ""
    n_judged: int = 0
    n_waiting: int = 0

    def at(self, budget: float) -> Part | None:
        """Return what the nearest budget of the curve is worth a day."""
        if self.curve is None or budget > self.curve.grid[-1] * 1.0001:
            return None
        at = int(np.abs(np.log(self.curve.grid / budget)).argmin())
        ends = self.curve.ends
        interval = None if ends is None else (float(ends[0, at]), float(ends[1, at]))
        return Part(float(self.curve.values[at]), interval)


def impact_of(
    judged: Sequence[JudgedAlert],
    prices: Prices,
    values: Mapping[str, float],
    waiting: Sequence[QueueRow] = (),
) -> Impact:
    """Return what ``judged``, each alert once, comes to; ``values`` are of a unit of each currency.

    ``waiting`` are the alerts and draws that nobody has judged; what is in a currency without a value,
    or among ``judged``, is left out.
    """
    if not judged:
        return Impact("Nothing has been judged yet.", "", 0, {}, {}, None)
    first, last = _window(judged)
    kept = [each for each in judged if first <= each.scored_ms // DAY_MS <= last]
    if not kept:
        return Impact("Nothing of a whole day has been judged yet.", "", 0, {}, {}, None)
    try:
        amounts = np.array([each.amount for each in kept])
        worth = worth_of(amounts, [each.currency for each in kept], values)
    except ConfigurationError as error:
        return Impact(f"{error}.", "", 0, {}, {}, None)
    has_value = values.keys() if values else {each.currency for each in kept}
    # A row can be older than the verdict on it.
    done = {each.alert_id for each in judged}
    since = [
        each
        for each in waiting
        if first <= each.scored_ms // DAY_MS <= last
        and each.currency in has_value
        and each.alert_id not in done
    ]
    return _priced(kept, worth, prices, (first, last), since)


def _window(judged: Sequence[JudgedAlert]) -> tuple[int, int]:
    """Return the first and the last whole day of the stretch that has most verdicts.

    Of three days at least its ends are left out; there must be a verdict.
    """
    scored = np.array([each.scored_ms // DAY_MS for each in judged], dtype=np.int64)
    worked = [each.decided_ms // DAY_MS for each in judged]
    covered = np.unique(np.append(scored, worked))
    runs = np.split(covered, np.flatnonzero(np.diff(covered) > 1) + 1)
    # Of several as large the latest.
    _, run = max(
        (int(((scored >= each[0]) & (scored <= each[-1])).sum()), each.tolist()) for each in runs
    )
    within = scored[(scored >= run[0]) & (scored <= run[-1])]
    first, last = int(within.min()), int(within.max())
    return (first + 1, last - 1) if last - first >= 2 else (first, last)


def _priced(
    kept: Sequence[JudgedAlert],
    worth: Worth,
    prices: Prices,
    window: tuple[int, int],
    waiting: Sequence[QueueRow],
) -> Impact:
    n_days = window[1] - window[0] + 1
    known = ~np.isnan(worth.amounts)
    judged = [each for each, is_known in zip(kept, known.tolist(), strict=True) if is_known]
    if not judged:
        because = f"STREAMER_CURRENCY_VALUES has no value for {', '.join(worth.left_out)}."
        return Impact(because, worth.currency, 0, worth.left_out, {}, None)
    days = np.array([each.scored_ms // DAY_MS for each in kept], dtype=np.int64)
    priced = Priced(
        days=days[known] - window[0],
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
    missed = _missed(priced, n_days)
    del parts["loss_missed"]
    if missed is not None:
        parts["loss_missed"] = missed
    n_frauds = int((priced.frauds & ~priced.alerted).sum())
    grid, no_best = _BUDGETS, ""
    if n_frauds < _LEAST_DRAWN_FRAUDS:
        commonest = float(priced.places[priced.alerted].max(initial=_BUDGETS[0]))
        # The first budget that has them all, too.
        grid = _BUDGETS[: int(np.searchsorted(_BUDGETS, commonest)) + 1]
    sampled = _sampled(priced, waiting)
    all_of_it = priced._replace(weights=_with_waiting(priced, waiting, sampled))
    curve = curve_of(grid, value_by_budget(all_of_it, prices, grid, n_days), rng)
    if len(grid) < len(_BUDGETS) and curve.best.is_at_end:
        no_best = (
            f"Which budget would be worth most is not known: it may be larger than what alerts, and "
            f"of payments drawn from below {n_frauds} were frauds, {_LEAST_DRAWN_FRAUDS} are needed."
        )
    is_priced = not prices.are_none
    counts = int(priced.alerted.sum()), int((~sampled).sum())
    told = worth.currency, n_days, worth.left_out, parts, curve, is_priced, no_best
    return Impact("", *told, *counts)


def _sampled(priced: Priced, waiting: Sequence[QueueRow]) -> Flags:
    """Return which of those that wait were drawn, (m,).

    Of a row that does not say so its rank does: what is commoner than any judged alert, and has the
    severity of draws, was drawn.
    """
    commonest = float(priced.places[priced.alerted].max(initial=0.0))
    return np.array(
        [
            each.severity == "medium" and 1.0 - each.score > commonest
            if each.is_sampled is None
            else each.is_sampled
            for each in waiting
        ],
        bool,
    )


def _with_waiting(priced: Priced, waiting: Sequence[QueueRow], sampled: Flags) -> Floats:
    """Return for how many payments each that was judged stands, with those that wait, (n,)."""
    places = np.array([max(1.0 - each.score, 0.0) for each in waiting])
    weights = priced.weights.copy()
    alerted = priced.alerted
    weights[alerted] *= stands_for(priced.places[alerted], places[~sampled])
    if not alerted.all():
        # A draw is as likely to be judged as any other.
        weights[~alerted] *= 1.0 + sampled.sum() / (~alerted).sum()
    return weights


def _missed(priced: Priced, n_days: int) -> Part | None:
    """Return what was missed a day by the draws, None without one.

    A fraud that was drawn counts by weight times amount; one more by the mean weight of what was drawn,
    times the mean amount of a known fraud, or without one of any payment.
    """
    drawn = ~priced.alerted
    if not drawn.any():
        return None
    money = (priced.weights * priced.amounts)[drawn & priced.frauds]
    amounts = priced.amounts[priced.frauds] if priced.frauds.any() else priced.amounts
    one_more = float(priced.weights[drawn].mean()) * float(amounts.mean())
    total = float(money.sum())
    low, high = weighted_interval(total, float((money**2).sum()), one_more or 1.0)
    return Part(total / n_days, (low / n_days, high / n_days))
