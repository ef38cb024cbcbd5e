"""When fraud happens: which episodes start on which event-day, so that shares come out as asked.

Each pattern has an account.  Every day pays a fifth of the fraud aimed for into it; an episode that
starts takes out the payments it will make.  An episode starts while the account holds half an
average one, so the long-run share is met and episodes of every size are spread evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.durations import DAY_MS
from streamer.simulator.scenarios import FRAUD_PATTERNS, PATTERN_NAMES, Scene
from streamer.simulator.simulator_config import SimulatorConfig
from streamer.simulator.slow_change import Drift
from streamer.simulator.working_rows import ROW, Rows, in_time_order
from streamer.simulator.world import World

__all__ = ["FRAUD_FREE_DAYS", "Fraud"]

_STREAM: Final = 2  # Third word of the seed: keeps genuine and fraudulent draws apart.
# A model warms up on the first day without learning fraud as normal.
FRAUD_FREE_DAYS: Final = 1
# After its episode a card is left alone: its owner has a new one, and episodes stay apart.
_REST_MS: Final = 30 * DAY_MS
# At a compromised merchant some payments stay genuine, or are never disputed.
_DISPUTED_SHARE: Final = 0.8
_BREACH_DAYS: Final = (14, 29)
# A merchant that was breached has its terminals replaced; a quarter later it may happen again.
_BREACH_REST_DAYS: Final = 90
_COMPROMISED: Final = "compromised_merchant"


@dataclass(frozen=True)
class _Breach:
    """One compromised merchant, until the event-day ``last_day``, and what is expected of it."""

    merchant: int
    last_day: int
    disputed_per_day: float


class Fraud:
    """Fraudulent payments by event-day; call `day` with 0, 1, 2, … in turn."""

    def __init__(self, config: SimulatorConfig, world: World, drift: Drift) -> None:
        genuine_per_day = config.n_customers * config.payments_per_customer_per_day
        fraud_per_day = genuine_per_day * config.fraud_share / (1 - config.fraud_share)
        self._config = config
        self._world = world
        self._drift = drift
        self._per_pattern_per_day = fraud_per_day / len(PATTERN_NAMES)
        self._accounts = {
            name: self._per_pattern_per_day * pattern.outstanding_days
            for name, pattern in FRAUD_PATTERNS.items()
        }
        self._to_come: Rows = np.zeros(0, dtype=ROW)
        self._resting_until_ms = np.full(config.n_customers, -(2**62))
        self._visits: Integers = np.zeros(config.n_merchants, dtype=np.int64)
        self._breachable_from: Integers = np.zeros(config.n_merchants, dtype=np.int64)
        self._breaches: list[_Breach] = []

    def day(self, day: int, genuine: Rows, travelling: Flags) -> Rows:
        """Return the whole day in time order: genuine rows, some marked, and fraudulent ones."""
        self._visits += np.bincount(genuine["merchant"], minlength=len(self._visits))
        if self._per_pattern_per_day == 0 or day < FRAUD_FREE_DAYS:
            return genuine
        rng = np.random.default_rng([self._config.seed, day, _STREAM])
        end_ms = self._config.start_ms + (day + 1) * DAY_MS
        started = self._start_episodes(day, genuine, ~travelling, rng)
        marked = self._mark_compromised(day, genuine, rng)
        pending = in_time_order(self._to_come, *started)
        due = pending["time_ms"] < end_ms
        self._to_come = pending[~due]
        return in_time_order(marked, pending[due])

    def _start_episodes(
        self, day: int, genuine: Rows, at_home: Flags, rng: np.random.Generator
    ) -> list[Rows]:
        started = []
        start_ms = self._config.start_ms + day * DAY_MS
        for name, pattern in FRAUD_PATTERNS.items():
            if pattern.episode is None:
                continue
            self._accounts[name] += self._per_pattern_per_day
            while self._accounts[name] >= pattern.mean_size / 2:
                free = self._resting_until_ms < start_ms
                price_level = self._drift.price_level(day)
                scene = Scene(self._world, start_ms, price_level, genuine, free, at_home)
                rows = pattern.episode(scene, rng)
                if rows is None:  # No card to steal today; the account keeps what it holds.
                    break
                self._accounts[name] -= len(rows)
                self._resting_until_ms[rows["customer"]] = rows["time_ms"].max() + _REST_MS
                started.append(rows)
        return started

    def _mark_compromised(self, day: int, genuine: Rows, rng: np.random.Generator) -> Rows:
        """Return the genuine rows, those disputed at compromised merchants marked as fraud."""
        self._accounts[_COMPROMISED] += self._per_pattern_per_day
        while self._breach(day, rng):
            pass
        self._breaches = [breach for breach in self._breaches if breach.last_day >= day]
        breached = [breach.merchant for breach in self._breaches]
        marked = np.isin(genuine["merchant"], breached)
        marked &= rng.random(len(genuine)) < _DISPUTED_SHARE
        # What was paid for at the start was an estimate; the account follows what came.
        expected = sum(breach.disputed_per_day for breach in self._breaches)
        self._accounts[_COMPROMISED] -= int(marked.sum()) - expected
        rows = genuine.copy()
        rows["pattern"][marked] = PATTERN_NAMES.index(_COMPROMISED) + 1
        return rows

    def _breach(self, day: int, rng: np.random.Generator) -> bool:
        """Compromise one merchant if the account allows it; return whether it did.

        It is one of the five whose traffic comes closest to the pattern's daily share of fraud.
        """
        disputed_per_day = self._visits * _DISPUTED_SHARE / (day + 1)
        candidates = np.flatnonzero((self._breachable_from < day) & (disputed_per_day > 0))
        if not len(candidates):
            return False
        misfit = np.abs(np.log(disputed_per_day[candidates] / self._per_pattern_per_day))
        merchant = int(rng.choice(candidates[np.argsort(misfit, kind="stable")[:5]]))
        last_day = day + int(rng.integers(*_BREACH_DAYS)) - 1
        size = disputed_per_day[merchant] * (last_day - day + 1)
        if self._accounts[_COMPROMISED] < size / 2:
            return False
        self._accounts[_COMPROMISED] -= size
        self._breachable_from[merchant] = last_day + _BREACH_REST_DAYS
        self._breaches.append(_Breach(merchant, last_day, float(disputed_per_day[merchant])))
        return True
