"""The budgets that a partition's last payments were scored under, where a policy has changed.

What was given under a larger budget is not held against a smaller one in full, or nothing would alert
until 5,000 payments have passed; and what was given under a smaller one counts in full under a larger.
An alert of the share b counts for one of the share c as

    min(1, c / b)

of an alert: for the fuse (`streamer.pipeline.fuse`), and in the debt (`streamer.pipeline.pacing`),
which is rescaled once, when the budget changes.  So of any 5,000 payments at most twice the budget
alert, each alert counted by the budget in force at its payment.

Invariant: with one budget all of this changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from streamer.model import ModelConfig, Scorer
from streamer.pipeline.pacing import alerts_due

__all__ = ["Budget", "counting", "followed", "packed_budgets", "still_known", "unpacked_budgets"]


class Budget(NamedTuple):
    """From the payment at ``place`` on: ``share`` of traffic, as last known, under these terms."""

    place: int
    share: float
    alert_budget: float
    alerts_per_hour: float
    review_cost: float
    review_spend_per_day: float


def followed(
    budgets: Sequence[Budget], debt: float, place: int, version: Scorer
) -> tuple[list[Budget], float]:
    """Return the budgets with that of ``version``, in force from ``place`` on, and the debt then."""
    share, terms = version.asked.target, _terms(version.config)
    now = Budget(place, share, *terms)
    if not budgets:
        return [now], debt
    *before, last = budgets
    if last[2:] == terms:
        # What so many alerts an hour are of all traffic is learned as it comes.
        return [*before, last._replace(share=share)], debt
    ratio = alerts_due(share) / alerts_due(last.share)
    return [*budgets, now], debt * min(1.0, ratio)


def counting(budgets: Sequence[Budget], places: Sequence[int]) -> list[float]:
    """Return what the alerts at ``places`` count under the last of ``budgets``.

    >>> large, small = Budget(0, 0.02, 0.02, 0, 0, 0), Budget(700, 0.002, 0.002, 0, 0, 0)
    >>> counting([large, small], [699, 700]), counting([small, large._replace(place=800)], [799])
    ([0.1, 1.0], [1.0])
    """
    if len(budgets) < 2:
        return [1.0] * len(places)
    begins, now = [each.place for each in budgets], budgets[-1].share
    then = (budgets[max(bisect_right(begins, place) - 1, 0)].share for place in places)
    return [min(1.0, now / share) for share in then]


def still_known(budgets: Sequence[Budget], first: int) -> list[Budget]:
    """Return those of ``budgets`` that were in force at the place ``first`` or later."""
    ends = [each.place for each in budgets[1:]]
    return list(budgets[bisect_right(ends, first) :])


def packed_budgets(budgets: Sequence[Budget]) -> tuple[float, ...]:
    """Return the budgets as numbers, six of each."""
    return tuple(float(number) for each in budgets for number in each)


def unpacked_budgets(numbers: Sequence[float]) -> list[Budget]:
    """Return the budgets that `packed_budgets` packed."""
    width = len(Budget._fields)
    rows = (numbers[i : i + width] for i in range(0, len(numbers), width))
    return [Budget(int(place), *rest) for place, *rest in rows]


def _terms(config: ModelConfig) -> tuple[float, float, float, float]:
    per_hour = config.alerts_per_hour or 0.0
    return config.alert_budget, per_hour, config.review_cost, config.review_spend_per_day
