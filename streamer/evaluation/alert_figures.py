"""What reviewers would have had of a detector: how many alerts, how evenly, and how many of them right.

The streamer's alerts are its own, as they went out.  Any other ranking alerts by one causal threshold:
the score that the budget's share of its own last 50,000 scores exceeds, set anew every day, so that no
alert needs to know what comes after it, and a scale that moves while a detector learns is followed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.model import Estimate, census_of, estimate

__all__ = [
    "BLOCKS",
    "RECENT",
    "AlertFigures",
    "Value",
    "Workload",
    "alert_figures",
    "causal_alerts",
    "workload",
]


BLOCKS: Final = (5_000, 50_000)
"""Payments in a row within which the budget has to hold."""
RECENT: Final = 50_000
"""How many scores a causal threshold is taken from."""


@dataclass(frozen=True, slots=True)
class Workload:
    """``n`` alerts, ``budget_ratio`` times what was agreed.

    ``worst`` is the highest such ratio over any block of as many payments in a row as `BLOCKS` says,
    NaN where there are fewer.
    """

    n: int
    budget_ratio: float
    worst: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What the frauds that alerted were worth, and the others, in the reference currency; ``share`` is
    the former of both, NaN where there is neither."""

    loss_caught: float
    loss_missed: float
    share: float


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """A workload with its precision and recall; NaN where there is no alert, or no fraud.

    ``estimate`` is what verdicts on the alerts alone say of them, None without a sample; ``value`` is
    None where nobody said what payments are worth.
    """

    workload: Workload
    precision: float
    recall: float
    estimate: Estimate | None = None
    value: Value | None = None


def workload(alerted: Flags, budget: float) -> Workload:
    """Return how many of payments (n,) in their order alerted, against the share that was agreed.

    >>> workload(np.array([True, False] * 5_000), 0.25)
    Workload(n=5000, budget_ratio=2.0, worst=(2.0, nan))
    """
    n = int(alerted.sum())
    ratio = n / (budget * len(alerted)) if len(alerted) else float("nan")
    before = np.concatenate([[0], np.cumsum(alerted)])
    worst = (
        float((before[size:] - before[:-size]).max()) / (budget * size)
        if len(alerted) >= size
        else float("nan")
        for size in BLOCKS
    )
    return Workload(n, ratio, tuple(worst))


def alert_figures(
    alerted: Flags,
    measured: Flags,
    frauds: Flags,
    budget: float,
    sample_weights: Floats | None = None,
    stakes: Floats | None = None,
) -> AlertFigures:
    """Return the figures of ``alerted``; all arrays (n,), over payments in their order.

    ``sample_weights`` and ``stakes`` are those of `Rows`, None where there is no sample, and where
    nobody said what payments are worth.

    The workload is that of all of them: reviewers get the alerts of payments, too, that are not
    measured.  Precision and recall are of the ``measured`` ones.
    """
    n_caught = int((alerted & measured & frauds).sum())
    n_alerts, n_frauds = int((alerted & measured).sum()), int((measured & frauds).sum())
    return AlertFigures(
        workload(alerted, budget),
        n_caught / n_alerts if n_alerts else float("nan"),
        n_caught / n_frauds if n_frauds else float("nan"),
        None if sample_weights is None else _estimate(alerted & measured, frauds, sample_weights),
        None if stakes is None else _value(alerted, stakes * (measured & frauds)),
    )


def _value(alerted: Flags, losses: Floats) -> Value:
    """Return what of ``losses`` (n,), 0 for what is none, ``alerted``."""
    caught, missed = float(losses[alerted].sum()), float(losses[~alerted].sum())
    return Value(caught, missed, caught / (caught + missed) if caught + missed else math.nan)


def _estimate(alerted: Flags, frauds: Flags, sample_weights: Floats) -> Estimate | None:
    """Return what verdicts on what ``alerted`` tell of all frauds; None without a sample."""
    if not (sample_weights > 0).any():
        return None
    stakes = np.where(sample_weights > 0, sample_weights, 1.0)[alerted]
    return estimate(census_of(stakes, frauds[alerted].astype(float), np.ones(len(stakes))))


def causal_alerts(scores: Floats, periods: Integers, budget: float) -> Flags:
    """Return which of ``scores`` (n,) exceed the causal threshold.

    It is that of the `RECENT` scores before, and is renewed wherever ``periods`` (n,), days or the
    like, reaches a number higher than any before; before the first such place, and as long as the
    budget of those scores is less than one alert, nothing alerts.
    """
    alerted = np.zeros(len(scores), dtype=bool)
    latest = np.maximum.accumulate(periods)
    starts = np.flatnonzero(np.diff(latest, prepend=-1) > 0).tolist()
    for first, end in pairwise([*starts, len(scores)]):
        recent = scores[max(first - RECENT, 0) : first]
        n_above = math.floor(budget * len(recent))
        if n_above:
            at = len(recent) - n_above - 1
            threshold = np.partition(recent, at)[at]
            alerted[first:end] = scores[first:end] > threshold
    return alerted
