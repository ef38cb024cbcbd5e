"""The alert budget: which share of the recent scores is to alert, at which hour of the day.

What is asked for is a share of traffic, or a number of alerts per hour of event time.  For the hour h
of the day (UTC) the threshold lies at the quantile 1 - asked_h of the score histogram,

    asked_h = target_h · g · c_h

* target_h is the budget as a share: the same for every hour, or ``alerts_per_hour`` divided by the
  payments per hour that are expected in h, and ``alert_budget`` at most.
* g says by how much the histogram lags behind the traffic: the alerts that were due according to it
  over those that came, recently (in payments, as the histogram decays).
* c_h says how unlike the rest the hour is: the alerts that h was asked for over those that it gave,
  relative to all hours, over days (in event time).

Both ratios hold what came against what was *asked*, not against the budget: the correction that is in
force already is part of what was asked, so a lasting deviation is made up for in full.

Payments per hour are the decayed payments of each hour of the day over the decayed hours of event
time that were covered.  A delta brings its first and last event time, which merge as minimum and
maximum; the time covered is what a merge moves the last one forward by.  So it does not matter over
how many partitions and checkpoints an hour is spread.  Where no payment came for a day, the time
between counts for nothing: nobody sent, or a version was imported.
"""

from __future__ import annotations

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
_MAX_LAG: Final = 2.0
# Payments at night that are a tenth farther away alert twice as often as all others together.
_MAX_HOUR_CORRECTION: Final = 4.0
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
    """Shares of the score histogram, counted from the top.

    ``share`` is for payments of an unknown hour, ``hourly`` (24,) by hour of the day.  ``due`` (24,) is
    the part of ``hourly`` that is no correction of the hour: what is expected to alert, if the
    histogram is right.  ``target`` is the budget as a share of all traffic, ``hourly_targets`` (24,)
    as a share of each hour's.
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
    """Return which shares of the recent scores are to alert."""
    lag = _lag(float(sums.due_weight), float(sums.alerted_weight))
    hourly = _hourly_targets(sums, config)
    traffic = float(sums.hour_weights.sum())
    target = float(hourly @ sums.hour_weights) / traffic if traffic > 0 else float(hourly.mean())
    return Asked(target * lag, hourly * lag * _unlike(sums), hourly * lag, target, hourly)


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
    weight = float(sums.score_histogram.sum())
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
    targets = np.full(N_HOURS, config.alert_budget)
    rates = None if config.alerts_per_hour is None else payments_per_hour(sums)
    if rates is None or config.alerts_per_hour is None:
        return targets
    return np.asarray(np.minimum(targets, config.alerts_per_hour / np.maximum(rates, 1e-9)))


def _unlike(sums: Sums) -> Floats:
    """Return c_h: by what to multiply an hour's share so that it gives what is asked."""
    n_asked = float(sums.hour_asked.sum())
    if n_asked <= 0:
        return np.ones(N_HOURS)
    overall = float(sums.hour_alerts.sum()) / n_asked
    ratios = (sums.hour_asked * overall + _PRIOR_ALERTS) / (sums.hour_alerts + _PRIOR_ALERTS)
    return np.asarray(np.clip(ratios, 1 / _MAX_HOUR_CORRECTION, _MAX_HOUR_CORRECTION))


def _lag(due: float, came: float) -> float:
    """Return g: by what to multiply every share to make up for the histogram's lag."""
    return float(np.clip(due / max(came, 1e-9), 1 / _MAX_LAG, _MAX_LAG))


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
