"""The alert budget: which share of recent traffic is to alert, and which of it is due at which hour.

What is agreed is a share of traffic, or a number of alerts per hour of event time: as a share target_h
of the hour h of the day (UTC), the same for every hour, or ``alerts_per_hour`` divided by the payments
per hour that are expected in h, and ``alert_budget`` at most.  Where a day's reviews may cost so much,
it is no more than that buys: the spend, over the cost of one, over the payments of a day (of the last
week's).  With r_h how risky the hour is, the alerts that it gave over those that it was asked for,
relative to all hours, over days (in event time),

    alert_hours   asked_h             due_h
    risk          target_h            target_h · r_h, with the mean of target_h over all traffic
    equal         target_h / r_h      target_h

* asked_h is where the threshold lies: at the quantile 1 - asked_h of recent traffic (`recent`).  By
  risk it is the same for every hour, as far as the budget is, and alerts follow the risk.
* due_h is what is expected to alert, which `streamer.pipeline.pacing` holds a partition to.

The ratio holds what came against what was *asked*, pace and correction included: a correction in force
does not hide the deviation that it corrects.

Payments per hour are the decayed payments of each hour of the day over the decayed hours of event
time that were covered.  A delta brings its first and last event time, which merge as minimum and
maximum; the time covered is what a merge moves the last one forward by.  So it does not matter over
how many partitions and checkpoints an hour is spread.  Where no payment came for a day, the time
between counts for nothing: nobody sent, or a version was imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.compiled import compiled
from streamer.durations import DAY_S, HOUR_MS, HOUR_S
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = [
    "N_HOURS",
    "Asked",
    "achieved_per_hour",
    "achieved_share",
    "asked",
    "follow_hours",
    "hour_of",
    "note_time",
    "payments_per_hour",
]


N_HOURS: Final = 24
# With 85% of all frauds in six hours of the night, these give four times what they are asked for.
_MAX_RISK: Final = 8.0
# Alerts that an hour is taken to have given as asked, before any came: with as many of its own, half
# of its deviation is believed.
_PRIOR_ALERTS: Final = 5.0
# The habits of a week, so that weekdays and weekends take part as they come.
_HALF_LIFE_S: Final = 7 * DAY_S
# An hour of the day borrows the mean rate with the weight of about a minute.
_PRIOR_HOURS: Final = 0.02
# What is known of the rate before as much time was covered is mostly how fast the first batch came.
_LEAST_HOURS: Final = 0.1
# A day with other traffic than the same hours of the days before is told by the last hours.
_PACE_HALF_LIFE_S: Final = 3 * HOUR_S
_PRIOR_PACE_HOURS: Final = 0.5
_MAX_PACE: Final = 4.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Shares of recent traffic, counted from the top.

    ``share`` is for payments of an unknown hour, ``hourly`` (24,) by hour of the day, and ``due`` (24,)
    what is expected to alert.  ``target`` is the budget as a share of all traffic, ``hourly_targets``
    (24,) as a share of each hour's.
    """

    share: float
    hourly: Floats
    due: Floats
    target: float
    hourly_targets: Floats


@compiled
def hour_of(time_ms: int) -> int:
    """Return the hour of the day in UTC of an epoch time in milliseconds.

    >>> [hour_of(time_ms) for time_ms in (0, 3_599_999, 3_600_000, 90_000_000)]
    [0, 0, 1, 1]
    """
    return time_ms // HOUR_MS % N_HOURS


def asked(sums: Sums, config: ModelConfig) -> Asked:
    """Return which shares of recent traffic are to alert."""
    hourly, traffic = _hourly_targets(sums, config), sums.hour_weights
    n = float(traffic.sum())
    target = float(hourly @ traffic) / n if n > 0 else float(hourly.mean())
    risks = _risks(sums)
    if config.alert_hours == "equal":
        return Asked(target, hourly / risks, hourly, target, hourly)
    risky = hourly * risks
    came = float(risky @ traffic) / n if n > 0 else target
    return Asked(target, hourly, risky * (target / came), target, hourly)


def payments_per_hour(sums: Sums) -> Floats | None:
    """Return the payments expected per hour, by hour of the day; None while too little is known."""
    usual = _usual(sums)
    if usual is None:
        return None
    came, expected = sums.traffic_pace
    prior = _PRIOR_PACE_HOURS * float(usual.mean())
    pace = np.clip((came + prior) / (expected + prior), 1 / _MAX_PACE, _MAX_PACE)
    return np.asarray(usual * pace)


def achieved_share(sums: Sums) -> float:
    """Return the share of recent payments that alerted; 0 before there are any."""
    weight = float(sums.scored_weight)
    return float(sums.alerted_weight) / weight if weight > 0 else 0.0


def achieved_per_hour(sums: Sums) -> float | None:
    """Return the alerts per hour of event time over the last days; None while too little is known."""
    covered = float(sums.hour_exposures.sum())
    return float(sums.hour_alerts.sum()) / covered if covered >= _LEAST_HOURS else None


@compiled
def note_time(event_span: Floats, time_ms: int) -> None:
    """Widen a delta's span of event time (IN/OUT)."""
    time_s = time_ms / 1000.0
    event_span[0] = max(event_span[0], -time_s)
    event_span[1] = max(event_span[1], time_s)


def follow_hours(head: Sums, delta: Sums) -> tuple[float, Floats, float, Floats]:
    """Return how the event time that ``delta`` covers changes the sums by hour.

    OUT: the discount of what was counted before; the hours covered, (24,) by hour of the day; the
    discount of ``traffic_pace``, and what is added to it.
    """
    start, end = _covered(head, delta)
    exposures = (_until(end) - _until(start)) / HOUR_S
    rates = _usual(head)
    came = float(delta.hour_weights.sum())
    pace = np.zeros(2) if rates is None else np.array([came, rates @ exposures])
    elapsed = end - start
    return 0.5 ** (elapsed / _HALF_LIFE_S), exposures, 0.5 ** (elapsed / _PACE_HALF_LIFE_S), pace


def _usual(sums: Sums) -> Floats | None:
    """Return the payments per hour, by hour of the day, of the last days."""
    covered = float(sums.hour_exposures.sum())
    if covered < _LEAST_HOURS or not sums.hour_weights.any():
        return None
    mean = float(sums.hour_weights.sum()) / covered
    return np.asarray(
        (sums.hour_weights + _PRIOR_HOURS * mean) / (sums.hour_exposures + _PRIOR_HOURS)
    )


def _hourly_targets(sums: Sums, config: ModelConfig) -> Floats:
    targets = np.full(N_HOURS, min(config.alert_budget, _affordable(sums, config)))
    rates = None if config.alerts_per_hour is None else payments_per_hour(sums)
    if rates is None or config.alerts_per_hour is None:
        return targets
    return np.asarray(np.minimum(targets, config.alerts_per_hour / np.maximum(rates, 1e-9)))


def _affordable(sums: Sums, config: ModelConfig) -> float:
    """Return the share of traffic whose reviews cost what a day's may; infinite while it is unknown."""
    usual = _usual(sums) if config.review_spend_per_day else None
    if usual is None or not config.review_cost:
        return math.inf
    return config.review_spend_per_day / config.review_cost / float(usual.sum())


def _risks(sums: Sums) -> Floats:
    """Return r_h: the alerts that an hour gives for each that it is asked for, against all hours."""
    n_asked = float(sums.hour_asked.sum())
    if n_asked <= 0:
        return np.ones(N_HOURS)
    overall = float(sums.hour_alerts.sum()) / n_asked
    ratios = (sums.hour_alerts + _PRIOR_ALERTS) / (sums.hour_asked * overall + _PRIOR_ALERTS)
    return np.asarray(np.clip(ratios, 1 / _MAX_RISK, _MAX_RISK))


def _covered(head: Sums, delta: Sums) -> tuple[float, float]:
    """Return from when to when ``delta`` covers event time that nothing before it had covered."""
    first, last = -float(delta.event_span[0]), float(delta.event_span[1])
    if not np.isfinite(last):
        return 0.0, 0.0
    start = float(head.event_span[1])
    if first - start > DAY_S:
        start = first
    return start, max(start, last)


def _until(t: float) -> Floats:
    """Return how many seconds of each hour of the day lie before the epoch time ``t``, shape (24,)."""
    days, rest = divmod(t, DAY_S)
    today = np.clip(rest - HOUR_S * np.arange(N_HOURS), 0.0, HOUR_S)
    return np.asarray(days * HOUR_S + today)
