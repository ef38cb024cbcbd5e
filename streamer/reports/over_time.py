"""How right alerts were over a run, and how much of the fraud they found, by the payments' time.

Every alert counts whose payment is labelled, judged or not, but those drawn at random from below the
line: these are there to measure what is missed, and mostly are no frauds by design.  The odds take over
with the first alert that is ranked by them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from streamer.durations import DAY_MS

__all__ = ["OverTime", "Share", "Slice"]

_LATEST: Final = 100


@dataclass(frozen=True, slots=True)
class Share:
    """``n`` of ``of``; `value` is None of nothing."""

    n: int
    of: int

    @property
    def value(self) -> float | None:
        """Between 0 and 1."""
        return self.n / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the payments' time, in days since the first: how right alerts were, and what part
    of the frauds they found."""

    first_day: float
    last_day: float
    precision: Share
    recall: Share


@dataclass(slots=True)
class OverTime:
    """Alerts and frauds by the time of their payments, in milliseconds since 1970."""

    first_ms: int | None = None
    last_ms: int = 0
    odds_since_ms: int | None = None
    _alerts: list[tuple[int, bool]] = field(default_factory=list)
    _frauds: list[int] = field(default_factory=list)
    _latest: deque[bool] = field(default_factory=lambda: deque(maxlen=_LATEST))

    def paid(self, first_ms: int, last_ms: int) -> None:
        """Note that payments of such times were sent."""
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.last_ms = max(self.last_ms, last_ms)

    def cheated(self, time_ms: int) -> None:
        """Note a fraud."""
        self._frauds.append(time_ms)

    def alerted(self, time_ms: int, is_fraud: bool, *, by_odds: bool) -> None:
        """Note an alert that was not drawn at random."""
        self._alerts.append((time_ms, is_fraud))
        self._latest.append(is_fraud)
        if by_odds:
            self.odds_since_ms = min(self.odds_since_ms or time_ms, time_ms)

    @property
    def latest(self) -> Share:
        """The precision of the latest alerts, as they were read."""
        return Share(sum(self._latest), len(self._latest))

    @property
    def n_days(self) -> float:
        """How long the payments went on, by their own time."""
        return 0.0 if self.first_ms is None else (self.last_ms - self.first_ms) / DAY_MS

    @property
    def odds_since_day(self) -> float | None:
        """When the odds took over, in days since the first payment; None if they have not."""
        if self.odds_since_ms is None or self.first_ms is None:
            return None
        return max(self.odds_since_ms - self.first_ms, 0) / DAY_MS

    def between(self, first_day: float, last_day: float) -> Slice:
        """Return what there was from ``first_day`` on and before ``last_day``."""
        start = self.first_ms or 0
        low, high = start + first_day * DAY_MS, start + last_day * DAY_MS
        alerts = [is_fraud for time_ms, is_fraud in self._alerts if low <= time_ms < high]
        frauds = sum(low <= time_ms < high for time_ms in self._frauds)
        right = sum(alerts)
        return Slice(first_day, last_day, Share(right, len(alerts)), Share(right, frauds))

    def slices(self, n: int) -> list[Slice]:
        """Return ``n`` slices of the same length; none where no time has passed."""
        days = self.n_days
        if days <= 0.0:
            return []
        # The last payment is in the last slice.
        edges = [days * i / n for i in range(n)] + [days * (1 + 1e-9)]
        return [self.between(*pair) for pair in pairwise(edges)]

    def before_and_after(self) -> tuple[Slice, Slice] | None:
        """Return what there was before the odds took over, and since; None if they have not."""
        day = self.odds_since_day
        if day is None:
            return None
        return self.between(0.0, day), self.between(day, self.n_days * (1 + 1e-9))

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        told: dict[str, Any] = {"odds_since_day": self.odds_since_day, "days": self.n_days}
        halves = self.before_and_after()
        for name, each in zip(("before", "after"), halves or (), strict=False):
            told[name] = {
                "alerts": each.precision.of,
                "precision": each.precision.value,
                "frauds": each.recall.of,
                "recall": each.recall.value,
            }
        return told
