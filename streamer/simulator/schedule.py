"""When fraud happens: which episodes start on which event-day, so that shares come out as asked.

Each pattern has an account.  Every day pays a fifth of the fraud aimed for into it; an episode that
starts takes out the payments it will make.  An episode starts while the account holds half an
average one, so the long-run share is met and episodes of every size are spread evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.simulator.config import DAY_MS, SimulatorConfig
from streamer.simulator.drift import Drift
from streamer.simulator.rows import ROW, Rows, in_time_order
from streamer.simulator.scenarios import EPISODES, PATTERN_NAMES, Scene
from streamer.simulator.world import World

__all__ = ["FRAUD_FREE_DAYS", "Fraud"]

_STREAM: Final = 2  # Third word of the seed: keeps genuine and fraudulent draws apart.
# A model warms up on the first day without learning fraud as normal.
FRAUD_FREE_DAYS: Final = 1
# Payments per episode, on average: what `scenarios` draws.
_MEAN_SIZE: Final = {
    "card_testing": 14.0,
    "spending_spree": 10.0,
    "impossible_travel": 2.0,
    "slow_drain": 10.5,
}
# A drain is paid for when it starts and pays out one a day: half its days are always outstanding.
_OUTSTANDING_DAYS: Final = {"slow_drain": 5.25}
# After its episode a card is left alone: its owner has a new one, and episodes stay apart.
_REST_MS: Final = 30 * DAY_MS
# At a compromised merchant some payments stay genuine, or are never disputed.
_DISPUTED_SHARE: Final = 0.8
_COMPROMISED = PATTERN_NAMES.index("compromised_merchant") + 1


@dataclass
class _Breach:
    """One compromised merchant, until the event-day ``last_day``."""

    merchant: int
    last_day: int


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
            name: self._per_pattern_per_day * _OUTSTANDING_DAYS.get(name, 0.0) for name in EPISODES
        }
        self._to_come: Rows = np.zeros(0, dtype=ROW)
        self._resting_until_ms = np.full(config.n_customers, -(2**62))
        self._visits: NDArray[np.int64] = np.zeros(config.n_merchants, dtype=np.int64)
        self._breached: NDArray[np.bool_] = np.zeros(config.n_merchants, dtype=np.bool_)
        self._breaches: list[_Breach] = []

    def day(self, day: int, genuine: Rows, travelling: NDArray[np.bool_]) -> Rows:
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
        self, day: int, genuine: Rows, at_home: NDArray[np.bool_], rng: np.random.Generator
    ) -> list[Rows]:
        started = []
        start_ms = self._config.start_ms + day * DAY_MS
        for name, episode in EPISODES.items():
            self._accounts[name] += self._per_pattern_per_day
            while self._accounts[name] >= _MEAN_SIZE[name] / 2:
                free = self._resting_until_ms < start_ms
                price_level = self._drift.price_level(day)
                scene = Scene(self._world, start_ms, price_level, genuine, free, at_home)
                rows = episode(scene, rng)
                if rows is None:  # No card to steal today; the account keeps what it holds.
                    break
                self._accounts[name] -= len(rows)
                self._resting_until_ms[rows["customer"][0]] = rows["time_ms"].max() + _REST_MS
                started.append(rows)
        return started

    def _mark_compromised(self, day: int, genuine: Rows, rng: np.random.Generator) -> Rows:
        """Return the genuine rows, those disputed at compromised merchants marked as fraud."""
        self._breaches = [breach for breach in self._breaches if breach.last_day >= day]
        disputed_per_day = self._visits * _DISPUTED_SHARE / (day + 1)
        lacking = self._per_pattern_per_day - sum(
            disputed_per_day[breach.merchant] for breach in self._breaches
        )
        # A third short is near enough: merchants come in the sizes they have.
        while lacking > self._per_pattern_per_day / 3:
            merchant = self._breach(day, disputed_per_day, lacking, rng)
            if merchant is None:
                break
            lacking -= disputed_per_day[merchant]
        breached = [breach.merchant for breach in self._breaches]
        disputed = rng.random(len(genuine)) < _DISPUTED_SHARE
        rows = genuine.copy()
        rows["pattern"][np.isin(rows["merchant"], breached) & disputed] = _COMPROMISED
        return rows

    def _breach(
        self,
        day: int,
        disputed_per_day: NDArray[np.float64],
        lacking: float,
        rng: np.random.Generator,
    ) -> int | None:
        """Compromise one of the five merchants whose traffic comes closest to what is lacking."""
        candidates = np.flatnonzero(~self._breached & (disputed_per_day > 0))
        if not len(candidates):
            return None
        misfit = np.abs(np.log(disputed_per_day[candidates] / lacking))
        merchant = int(rng.choice(candidates[np.argsort(misfit, kind="stable")[:5]]))
        self._breached[merchant] = True
        self._breaches.append(_Breach(merchant, day + int(rng.integers(13, 28))))
        return merchant
