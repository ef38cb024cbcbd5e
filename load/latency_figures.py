"""Percentiles of what payments waited, exactly, and over which parts of their way; pure.

A percentile is a value that was measured: the smallest that at least so large a share does not
exceed, of all values in order.  An HDR histogram keeps two or three digits of each in a fixed room;
sorting keeps all digits, and some ten thousand alerts need no room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec
import numpy as np

from load.answer_times import percentile
from load.offering import NEVER
from load.open_loop import Lateness
from load.open_stage import OpenRun
from streamer.arrays import Floats
from streamer.errors import InvariantError

__all__ = [
    "BARS",
    "PARTS",
    "SHARES",
    "Bar",
    "LoadFigures",
    "bar_said",
    "done_per_s",
    "latencies_ms",
    "medians",
    "parts_ms",
    "percentiles",
]

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
PARTS: Final = ("sent", "stored", "fetched", "scored", "alerted", "read")
"""Where a payment's time goes: until it left the generator, was stored by Kafka, was fetched, was taken
to be scored, until its alert was built and handed to Kafka's client, and until a reader had it."""


class Bar(msgspec.Struct, frozen=True):
    """At a percentage of capacity a percentile is to be at most so many milliseconds."""

    percent: int
    name: str
    at_most_ms: float


BARS: Final = (Bar(10, "p99", 25.0), Bar(50, "p99", 60.0), Bar(80, "p95", 200.0))


class LoadFigures(msgspec.Struct, frozen=True):
    """What one load of one round came to, in ms: alerts from when their payment was due.

    ``until`` are p50 and p99 from when it was due until each of `PARTS`; ``rate`` is payments/s.
    """

    rate: float
    n_payments: int
    n_alerts: int
    alerts: dict[str, float]
    until: dict[str, dict[str, float]]
    lateness: Lateness
    worker_busy: float

    @classmethod
    def of(cls, run: OpenRun, rate: float, warm_s: float) -> LoadFigures:
        """Return them of a run, of which the first ``warm_s`` are left out."""
        parts = parts_ms(run, warm_s)
        due, sent = run.times[:, 0], run.times[:, 1]
        counted = due >= run.offered.started_ns + warm_s * 1e9
        return cls(
            rate=rate,
            n_payments=int(np.count_nonzero(counted)),
            n_alerts=len(parts["read"]),
            alerts=percentiles(parts["read"]),
            until={
                part: {name: percentiles(took)[name] for name in ("p50", "p99")}
                for part, took in parts.items()
                if len(took)
            },
            lateness=Lateness.of(due[counted], sent[counted], run.offered.busy),
            worker_busy=run.worker_busy,
        )


def done_per_s(run: OpenRun, warm_s: float, seconds: float) -> float:
    """Return how many messages a second the worker was done with while they came.

    From the first sample ``warm_s`` after the first payment was due to the last within ``seconds``.
    """
    first, last = run.began_at + warm_s, run.began_at + seconds
    inside = [each for each in run.samples if first <= each.at_s <= last]
    if len(inside) < 2 or inside[-1].n_done <= inside[0].n_done:
        raise InvariantError("messages must be done with meanwhile, got none; measure for longer")
    return (inside[-1].n_done - inside[0].n_done) / (inside[-1].at_s - inside[0].at_s)


def percentiles(took_ms: Floats) -> dict[str, float]:
    """Return what is told of durations in ms.

    >>> percentiles(np.array([4.0, 1.0, 3.0, 2.0]))["p50"]
    2.0
    """
    if not len(took_ms):
        raise InvariantError("percentiles need an alert at least, got none; measure for longer")
    ordered = np.sort(took_ms).tolist()
    return {name: percentile(ordered, share) for name, share in SHARES.items()}


def latencies_ms(run: OpenRun, warm_s: float) -> Floats:
    """Return for each alert the ms from when its payment was due until it was read, (m,)."""
    return parts_ms(run, warm_s)["read"]


def parts_ms(run: OpenRun, warm_s: float) -> dict[str, Floats]:
    """Return the ms from when payments were due until each of `PARTS`.

    Sent and stored are of all payments (stored: of those that were asked), the others of alerts.
    Fetched is empty of a worker that does not tell.
    """
    due, sent, stored = run.times.T
    counted = due >= run.offered.started_ns + warm_s * 1e9
    asked = counted & (stored != NEVER)
    numbers = run.alerts[:, 0].astype(np.int64) - run.offered.first
    is_in = counted[numbers]
    due_ms = due[numbers[is_in]] / 1e6
    fetched, scored, alerted, read = run.alerts[is_in, 4:].T
    told = fetched if len(fetched) and not np.isnan(fetched).any() else np.zeros(0)
    return {
        "sent": (sent - due)[counted] / 1e6,
        "stored": (stored - due)[asked] / 1e6,
        "fetched": told - due_ms if len(told) else told,
        "scored": scored - due_ms,
        "alerted": alerted - due_ms,
        "read": read - due_ms,
    }


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the rounds.

    >>> medians([{"p50": 1.0}, {"p50": 9.0}, {"p50": 2.0}])
    {'p50': 2.0}
    """
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def bar_said(bar: Bar, rounds: Sequence[LoadFigures]) -> str:
    """Return a line on whether a bar is met by the median of the rounds."""
    of_rounds = [each.alerts[bar.name] for each in rounds]
    found = median(of_rounds)
    word = "met" if found <= bar.at_most_ms else "missed"
    return (
        f"{bar.name} at {bar.percent}% of capacity: {found:.1f} ms ({min(of_rounds):.1f} to "
        f"{max(of_rounds):.1f}), at most {bar.at_most_ms:g}: {word}"
    )
