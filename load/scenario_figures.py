"""What a scenario came to: throughput, lag over time, latency, alerts, dead letters; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from load.figures import Sample
from load.latency_figures import SHARES, parts_ms, percentiles
from load.open_loop import Lateness
from load.open_stage import OpenRun
from streamer.arrays import Floats
from streamer.contract.ledger import Ledger

__all__ = ["Lag", "ScenarioFigures", "lag_over_time", "scenario_lines"]

_SHOWN: Final = 12


class Lag(msgspec.Struct, frozen=True):
    """How many messages were due and not done, so many seconds after the first was due."""

    at_s: float
    n: int


class ScenarioFigures(msgspec.Struct, frozen=True):
    """One run of a scenario.

    ``per_second`` counts from when the first message was due until the last was done; ``caught_up_s``
    is how long after the last was due that was.  ``alerts`` are ms from due to read; empty without
    alerts.  ``cpu_us`` is the worker's processor time for a message.
    """

    n_messages: int
    n_bad: int
    n_verdicts: int
    per_second: float
    caught_up_s: float
    cpu_us: float
    n_alerts: int
    alerts: dict[str, float]
    largest_lag: int
    lag: tuple[Lag, ...]
    lateness: Lateness

    @classmethod
    def of(cls, run: OpenRun, n_before: int) -> ScenarioFigures:
        """Return them of a run; the worker was done with ``n_before`` messages before."""
        due, sent = run.times[:, 0], run.times[:, 1]
        due_s = (due - run.offered.started_ns) / 1e9
        n, samples = len(due), run.samples
        lag = lag_over_time(due_s, samples, run.began_at, n_before)
        last = next(each for each in samples if each.n_done >= n_before + n)
        seconds = last.at_s - run.began_at
        read = parts_ms(run, 0.0)["read"]
        return cls(
            n_messages=n,
            n_bad=run.offered.n_bad,
            n_verdicts=run.offered.n_verdicts,
            per_second=n / seconds,
            caught_up_s=max(seconds - float(due_s[-1]), 0.0),
            cpu_us=(last.cpu_s - samples[0].cpu_s) / n * 1e6,
            n_alerts=len(read),
            alerts=percentiles(read) if len(read) else {},
            largest_lag=max(each.n for each in lag),
            lag=tuple(lag),
            lateness=Lateness.of(due, sent, run.offered.busy),
        )


def lag_over_time(
    due_s: Floats, samples: Sequence[Sample], began_at: float, n_before: int
) -> list[Lag]:
    """Return the lag at each sample; ``due_s`` (n,) from the start, which was ``began_at``.

    >>> lag_over_time(np.array([0.0, 1.0, 2.0]), [Sample(101.5, 11), Sample(103.0, 13)], 100.0, 10)
    [Lag(at_s=1.5, n=1), Lag(at_s=3.0, n=0)]
    """
    found = []
    for each in samples:
        at_s = each.at_s - began_at
        n_due = int(np.searchsorted(due_s, at_s, side="right"))
        found.append(Lag(round(at_s, 3), max(n_due - (each.n_done - n_before), 0)))
    return found


def scenario_lines(figures: ScenarioFigures, ledger: Ledger, about: Mapping[str, str]) -> list[str]:
    """Return what is printed of a run."""
    step = max(len(figures.lag) // _SHOWN, 1)
    shown = ", ".join(f"{each.at_s:.0f} s {each.n:,}" for each in figures.lag[::step])
    latency = ", ".join(f"{name} {figures.alerts[name]:.1f}" for name in SHARES if figures.alerts)
    late = figures.lateness
    return [
        f"messages: {figures.n_messages:,}, of which bad {figures.n_bad:,}; verdicts "
        f"{figures.n_verdicts:,}",
        f"throughput: {figures.per_second:,.0f} messages/s, {figures.cpu_us:.1f} µs of the worker's "
        f"CPU each; caught up {figures.caught_up_s:.1f} s after the last was due",
        f"lag: at most {figures.largest_lag:,}; {shown}",
        f"alerts: {figures.n_alerts:,}; ms from due to read: {latency or 'none'}",
        f"sent late: {late.p99_ms:.1f} ms at p99"
        + ("" if late.kept_up else ": THE GENERATOR DID NOT KEEP UP"),
        f"ledger: exact, {ledger.consumed:,} consumed, {ledger.scored:,} scored, "
        f"{ledger.dead_lettered:,} dead letters, {ledger.alerted:,} alerts, none twice",
        *(f"{name}: {value}" for name, value in about.items()),
    ]
