"""How the team does: who judged how much, how fast, and how often alerts were right: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from streamer.durations import DAY_MS, HOUR_MS
from streamer.model.census import wilson
from streamer.store import QueueRow
from streamer.store.judged_alerts import JudgedAlert, standing

__all__ = ["Person", "Precision", "Waiting", "people", "precision_by_day", "waiting"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open alerts of a severity: how many, how many somebody has, how many are late, the oldest."""

    severity: str
    n_open: int
    n_claimed: int
    n_late: int
    oldest_ms: int
    limit_h: float


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody judged: ``median_ms`` from scoring to verdict, ``n_undone`` taken back."""

    name: str
    n_day: int
    n_week: int
    n_frauds: int
    n_undone: int
    median_ms: float


@dataclass(frozen=True, slots=True)
class Precision:
    """Of a day's alerts that were judged, the share that were frauds, with its 95% interval."""

    day: str
    n_judged: int
    share: float
    low: float
    high: float


def waiting(
    rows: Sequence[QueueRow], holders: Mapping[str, str], limits_h: Mapping[str, float], now_ms: int
) -> list[Waiting]:
    """Return what waits by severity, against the hours within which it is to be judged."""
    found = []
    for severity, limit_h in limits_h.items():
        of_it = [row for row in rows if row.severity == severity]
        ages = [now_ms - row.scored_ms for row in of_it]
        found.append(
            Waiting(
                severity,
                len(of_it),
                sum(bool(holders.get(row.alert_id)) for row in of_it),
                sum(age > limit_h * HOUR_MS for age in ages),
                max(ages, default=0),
                limit_h,
            )
        )
    return found


def people(entries: Sequence[JudgedAlert], now_ms: int) -> list[Person]:
    """Return who judged within the last seven days, most first; ``entries`` are newest first."""
    by_name: dict[str, list[JudgedAlert]] = defaultdict(list)
    for entry in entries:
        if now_ms - entry.decided_ms <= 7 * DAY_MS:
            by_name[entry.who].append(entry)
    found = []
    for name, own in by_name.items():
        firsts, stands = [each for each in own if not each.is_correction], standing(own)
        # Who overrules another's verdict has taken nothing back.
        judged = {each.alert_id for each in firsts}
        found.append(
            Person(
                name,
                sum(now_ms - each.decided_ms <= DAY_MS for each in stands),
                len(stands),
                sum(each.is_fraud for each in stands),
                sum(
                    each.is_correction and not each.is_ruling and each.alert_id in judged
                    for each in own
                ),
                median(each.decided_ms - each.scored_ms for each in firsts or own),
            )
        )
    return sorted(found, key=lambda each: (-each.n_week, each.name))


def precision_by_day(stands: Iterable[JudgedAlert]) -> list[Precision]:
    """Return the days with verdicts, the earliest first; what was sampled is no alert.

    ``stands`` has each alert once.
    """
    by_day: dict[int, list[bool]] = defaultdict(list)
    for entry in stands:
        if not entry.is_sampled:
            by_day[entry.scored_ms // DAY_MS].append(entry.is_fraud)
    found = []
    for number in sorted(by_day):
        n, frauds = len(by_day[number]), sum(by_day[number])
        day = f"{datetime.fromtimestamp(number * DAY_MS / 1000, UTC):%Y-%m-%d}"
        found.append(Precision(day, n, frauds / n, *wilson(frauds, n)))
    return found
