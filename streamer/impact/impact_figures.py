"""Business impact as an object of plain values: ``--json`` prints it, text is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np

from streamer.arrays import Flags, Floats
from streamer.impact.best_budget import Curve, curve_of
from streamer.impact.day_resampling import LEAST_DAYS, ends_of, resampled_means
from streamer.impact.gains import PARTS, Priced, daily_parts, value_by_budget
from streamer.impact.prices import NO_PRICES, Prices
from streamer.impact.worth import Worth
from streamer.model.census import weighted_interval

__all__ = ["FilePayments", "impact_figures", "told_lines"]

_N_BUDGETS: Final = 60
_LARGEST_SHARE: Final = 0.05
"""Of a day's payments: the largest share that a budget of the console has, too."""
_SHOWN: Final = 12
_WORDS: Final = {
    "review_cost": "reviews cost",
    "loss_caught": "fraud that alerted",
    "loss_missed": "fraud that did not",
    "saved": "saved by alerts",
    "friction": "friction of false alarms",
    "net": "net value",
}


@dataclass(frozen=True, slots=True)
class FilePayments:
    """Labelled payments of whole days; ``drawn`` (n,) are the weights of those that were drawn."""

    priced: Priced
    drawn: Floats
    n_days: int
    worth: Worth


def impact_figures(payments: FilePayments, prices: Prices, seed: int) -> dict[str, Any]:
    """Return what alerts cost and were worth a day, and the budget that would be worth most."""
    priced, n_days = payments.priced, payments.n_days
    rng = np.random.default_rng(seed)
    parts = daily_parts(priced, prices, n_days)
    by_day = np.column_stack([parts[name] for name in PARTS])
    ends = ends_of(resampled_means(by_day, rng), n_days) if n_days >= LEAST_DAYS else None
    grid = _grid(len(priced.days) / n_days)
    curve = curve_of(grid, value_by_budget(priced, prices, grid, n_days), rng)
    frauds, alerted = priced.frauds, priced.alerted
    return {
        "currency": payments.worth.currency,
        "prices": prices.to_dict(),
        "days": n_days,
        "payments": len(priced.days),
        "unpriced": payments.worth.left_out,
        "alerts_per_day": _number(float(alerted.sum()) / n_days),
        "drawn_per_day": _number(float((payments.drawn > 0).sum()) / n_days),
        "false_alarms_per_day": _number(float((alerted & ~frauds).sum()) / n_days),
        "frauds": {
            "alerted": int((frauds & alerted).sum()),
            "missed": int((frauds & ~alerted).sum()),
        },
        "per_day": {
            name: {
                "value": _number(float(by_day[:, i].mean())),
                "interval": None if ends is None else _ends(ends[:, i]),
            }
            for i, name in enumerate(PARTS)
        },
        "missed_by_sample": _missed_by_sample(payments),
        "best": None if prices.are_none else _best(curve),
        "budgets": [
            {
                "alerts_per_day": _number(float(grid[i])),
                "value": _number(float(curve.values[i])),
                "interval": None if curve.ends is None else _ends(curve.ends[:, i]),
            }
            for i in range(len(grid))
        ],
        "resampled": None if curve.ends is None else "weeks of days",
    }


def told_lines(found: dict[str, Any]) -> list[str]:
    """Return what was found as lines for a terminal."""
    unit, prices, best = found["currency"], found["prices"], found["best"]
    lines = [
        f"{found['payments']:,} payments of {found['days']} whole days, {found['alerts_per_day']:,.1f} "
        f"alerts a day ({found['drawn_per_day']:,.1f} of them drawn from below the threshold), "
        f"{found['false_alarms_per_day']:,.1f} on legitimate payments.",
        f"Prices: a review {prices['review']:,g}, a false alarm {prices['false_alarm']:,g} and "
        f"{prices['false_alarm_share']:.2%} of its amount, an alerted fraud saves "
        f"{prices['saved_share']:.0%} of its own ({unit}).",
        "",
        f"A day, {unit}:",
    ]
    for name, each in found["per_day"].items():
        lines.append(f"  {_WORDS[name]:26}{_money(each['value'])}{_between(each['interval'])}")
    sample = found["missed_by_sample"]
    if sample is not None:
        told = f"{_money(sample['value'])}{_between(sample['interval'])}"
        by = f"by {sample['frauds']:,} frauds among {sample['drawn']:,} drawn"
        lines.append(f"  {'missed, by the sample':26}{told}, {by}")
    lines += ["", *_of_best(best, unit), "", f"{'alerts a day':>14}  value a day, {unit}"]
    every = max(len(found["budgets"]) // _SHOWN, 1)
    for each in found["budgets"][::every]:
        lines.append(
            f"{each['alerts_per_day']:>14,.0f}  {_money(each['value'])}{_between(each['interval'])}"
        )
    if found["unpriced"]:
        told = ", ".join(f"{n:,} in {code}" for code, n in found["unpriced"].items())
        lines += ["", f"Left out, without a value in STREAMER_CURRENCY_VALUES: {told}."]
    return [
        *lines,
        "",
        "Net is against no alert at all. A budget's value is that of the highest scores of each day, "
        "which are known at its end only. Brackets are 95% intervals, by "
        f"{found['resampled'] or f'nothing: there are fewer than {LEAST_DAYS} days'}.",
    ]


def _of_best(best: dict[str, Any] | None, unit: str) -> list[str]:
    if best is None:
        return [NO_PRICES]
    n, value = best["alerts_per_day"], _money(best["value"]).strip()
    told = f"Most is worth a budget of {n:,.0f} alerts a day: {value} {unit} a day"
    lines = [f"{told}{_between(best['interval'])}."]
    if best["as_good"] is not None:
        low, high = best["as_good"]
        lines.append(
            f"From {low:,.0f} to {high:,.0f} a day may be as good; {_money(best['expected']).strip()} "
            "is to be expected of it, since the highest of several is too high on average."
        )
    if best["is_at_end"]:
        lines.append("It is the largest budget that was tried.")
    return lines


def _best(curve: Curve) -> dict[str, Any]:
    best = curve.best
    return {
        "alerts_per_day": _number(best.budget),
        "value": _number(best.value),
        "interval": None if best.interval is None else _ends(best.interval),
        "expected": None if best.expected is None else _number(best.expected),
        "budget_interval": None if best.budget_interval is None else _ends(best.budget_interval),
        "as_good": None if best.as_good is None else _ends(best.as_good),
        "is_at_end": best.is_at_end,
    }


def _missed_by_sample(payments: FilePayments) -> dict[str, Any] | None:
    """Return what was missed a day as only the sample would tell; None where nothing was drawn.

    A fraud that was drawn counts by weight times amount; one more by the mean weight of what was drawn,
    times the mean amount of a known fraud.
    """
    priced, drawn = payments.priced, payments.drawn > 0
    if not drawn.any():
        return None
    found: Flags = drawn & priced.frauds
    money = payments.drawn[found] * priced.amounts[found]
    known = priced.amounts[priced.frauds & priced.alerted]
    one_more = float(payments.drawn[drawn].mean()) * (float(known.mean()) if len(known) else 0.0)
    total = float(money.sum())
    low, high = weighted_interval(total, float((money**2).sum()), one_more or 1.0)
    return {
        "value": _number(total / payments.n_days),
        "interval": [_number(low / payments.n_days), _number(high / payments.n_days)],
        "drawn": int(drawn.sum()),
        "frauds": int(found.sum()),
    }


def _grid(payments_per_day: float) -> Floats:
    """Return budgets in alerts a day: none, and whole numbers in about equal ratios.

    >>> _grid(100.0).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    most = max(round(_LARGEST_SHARE * payments_per_day), 1)
    return np.append(0.0, np.unique(np.round(np.geomspace(1.0, most, _N_BUDGETS))))


def _ends(pair: Sequence[float] | Floats) -> list[float | None]:
    low, high = (float(end) for end in pair)
    return [_number(low), _number(high)]


def _number(value: float) -> float | None:
    return float(f"{value:.8g}") if isfinite(value) else None


def _money(value: float | None) -> str:
    return "not known" if value is None else f"{value:14,.2f}"


def _between(ends: list[float | None] | None) -> str:
    if ends is None:
        return ""
    low, high = (_money(end).strip() for end in ends)
    return f" ({low} to {high})"
