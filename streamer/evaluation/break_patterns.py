"""What a break does with a victim's card: one episode's payments, by kind.

Paces and amounts are those that the simulator's frauds have (`streamer.simulator.scenarios`: a card
that is tested, one that is emptied); what is new is where and when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.contract.messages import Transaction
from streamer.durations import HOUR_MS, MINUTE_MS
from streamer.evaluation.breaks import Kind

__all__ = ["PATTERNS", "Habit", "Step"]

_LAST_START_H: Final = 20

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Habit:
    """What a card did in the weeks before: ``last`` is its last payment, the arrays are (n,)."""

    last: Transaction
    times_ms: Integers
    amounts: Floats
    merchants: tuple[str | None, ...]

    @property
    def usual(self) -> float:
        """The median of its amounts."""
        return float(np.median(self.amounts))

    def oddest_hour(self) -> int:
        """Return the hour (UTC) around which the card paid least.

        >>> hours = np.array([hour for hour in range(24) if hour not in (8, 12)])
        >>> Habit(None, hours * 3_600_000, hours * 1.0, ()).oddest_hour()
        8
        """
        by_hour = np.bincount(self.times_ms // HOUR_MS % 24, minlength=24)
        around = by_hour * 2 + np.roll(by_hour, 1) + np.roll(by_hour, -1)
        return int(around.argmin())


@dataclass(frozen=True, slots=True)
class Step:
    """One payment of an episode."""

    time_ms: int
    amount: float
    merchant_id: str | None


def small_bursts(_: Habit, rng: Rng, day_ms: int, new_merchant: str) -> list[Step]:
    """Return 8 to 20 payments of 0.40 to 2.50 within 2 to 8 minutes at a merchant nobody knew."""
    n = int(rng.integers(8, 21))
    start_ms = day_ms + int(rng.uniform(0, _LAST_START_H) * HOUR_MS)
    after_ms = np.sort(rng.uniform(0, rng.uniform(2, 8), n)) * MINUTE_MS
    return [
        Step(start_ms + int(after), float(amount), new_merchant)
        for after, amount in zip(after_ms, rng.uniform(0.4, 2.5, n), strict=True)
    ]


def large_at_odd_hours(habit: Habit, rng: Rng, day_ms: int, _: str) -> list[Step]:
    """Return 3 to 6 payments of 4 to 10 times the habit in the card's oddest hour, where it pays."""
    n = int(rng.integers(3, 7))
    start_ms = day_ms + habit.oddest_hour() * HOUR_MS
    times_ms = start_ms + np.sort(rng.uniform(0, 1, n)) * HOUR_MS
    amounts = habit.usual * rng.uniform(4, 10, n)
    merchants = rng.integers(0, len(habit.merchants), n).tolist()
    return [
        Step(int(time_ms), float(amount), habit.merchants[merchant])
        for time_ms, amount, merchant in zip(times_ms, amounts, merchants, strict=True)
    ]


def verified_then_high(habit: Habit, rng: Rng, day_ms: int, new_merchant: str) -> list[Step]:
    """Return 3 to 6 verifications within 5 minutes, and one payment of 8 to 15 times the habit."""
    n = int(rng.integers(3, 7))
    start_ms = day_ms + int(rng.uniform(0, _LAST_START_H) * HOUR_MS)
    times_ms = start_ms + np.sort(rng.uniform(0, 5, n)) * MINUTE_MS
    high_ms = int(times_ms[-1]) + int(rng.uniform(10, 120) * MINUTE_MS)
    checks = [Step(int(time_ms), 0.0, new_merchant) for time_ms in times_ms]
    return [*checks, Step(high_ms, float(habit.usual * rng.uniform(8, 15)), new_merchant)]


Pattern = Callable[[Habit, Rng, int, str], list[Step]]

PATTERNS: Final[dict[Kind, Pattern]] = {
    "small-bursts": small_bursts,
    "large-at-odd-hours": large_at_odd_hours,
    "verified-then-high": verified_then_high,
}
