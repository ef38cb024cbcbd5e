"""Which critical figure of a version has degraded, if any."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from streamer.watching.watch_counts import Counts
from streamer.watching.watch_limits import WatchLimits

__all__ = ["Degraded", "judge_watch"]

# Fewer alerts than this would be told apart from none by chance alone.
_LEAST_DUE: Final = 10.0
# So many standard errors are chance: it is judged at every checkpoint, and alerts come in waves.
_CHANCE: Final = 4.0


class Degraded(NamedTuple):
    """A figure and what it is, against its limit, in words."""

    figure: str
    told: str


def judge_watch(facts: Counts, before: Counts, limits: WatchLimits) -> Degraded | None:
    """Return the first critical figure of ``facts`` beyond its limit, None where all are within.

    ``before`` is of the version that it replaced, or of the partitions without the canary.

    >>> judge_watch(Counts(payments=1, ranked=1, not_finite=1), Counts(), WatchLimits())
    Degraded(figure='finite', told='1 of 1 payments have no finite score, at most 0')
    """
    return next(_degraded(facts, before, limits), None)


def _degraded(facts: Counts, before: Counts, limits: WatchLimits) -> Iterator[Degraded]:
    if facts.not_finite:
        told = f"{facts.not_finite:,.0f} of {facts.ranked:,.0f} payments have no finite score"
        yield Degraded("finite", f"{told}, at most 0")
    if facts.payments + facts.dead_letters < limits.min_payments:
        return
    yield from _overload(facts, limits)
    yield from _beside(facts, before, limits)


def _overload(facts: Counts, limits: WatchLimits) -> Iterator[Degraded]:
    due = max(facts.due, _LEAST_DUE)
    for figure, n, limit, what in (
        ("fuse", facts.overflowed, limits.max_overflow_ratio, "held back by the fuse"),
        ("budget", facts.alerts + facts.overflowed, limits.max_budget_ratio, "alerted"),
    ):
        # Alerts are counts, whose variance is their mean at least.
        most = limit * due + _CHANCE * math.sqrt(limit * due)
        if n > most:
            told = f"{n:,.0f} {what} where {due:,.0f} alerts were due, at most {math.floor(most):,}"
            yield Degraded(figure, told)


def _beside(facts: Counts, before: Counts, limits: WatchLimits) -> Iterator[Degraded]:
    if before.payments < limits.min_payments:
        return
    rise = facts.error_share - before.error_share
    if rise > limits.max_error_rise:
        told = f"{facts.error_share:.1%} are dead letters, {before.error_share:.1%} before"
        yield Degraded("errors", f"{told}, at most {limits.max_error_rise:.1%} more")
    shift = facts.mean_ln_distance - before.mean_ln_distance
    # A NaN, of what was not ranked, is beyond no limit.
    if abs(shift) > limits.max_score_shift:
        told = f"mean ln distance has moved by {shift:+.2f}, at most {limits.max_score_shift:.2f}"
        yield Degraded("scores", told)
    took, took_before = facts.seconds_each, before.seconds_each
    if took and took_before and took > limits.max_latency_ratio * took_before:
        told = f"a payment takes {took * 1e6:,.0f} µs, {took_before * 1e6:,.0f} µs before"
        yield Degraded("latency", f"{told}, at most {limits.max_latency_ratio:g} times as long")
    precision, precision_before = facts.precision, before.precision
    if precision is None or precision_before is None:
        return
    n_verdicts = min(facts.frauds + facts.legitimate, before.frauds + before.legitimate)
    is_told = n_verdicts >= limits.min_verdicts
    if is_told and precision_before - precision > limits.max_precision_drop:
        told = f"{precision:.0%} of judged alerts are frauds, {precision_before:.0%} before"
        yield Degraded("precision", f"{told}, at most {limits.max_precision_drop:.0%} less")
