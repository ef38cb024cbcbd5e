"""The simulator: genuine traffic and fraud, event-day by event-day, handed out n at a time.

The day is the unit of randomness and the hand-out is only a cut through it, so the payments do not
depend on how many are asked for at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.simulator.payments import Payments, Registry
from streamer.simulator.scenarios import PATTERN_NAMES
from streamer.simulator.schedule import Fraud
from streamer.simulator.simulator_config import SimulatorConfig
from streamer.simulator.slow_change import Drift
from streamer.simulator.traffic import Traffic
from streamer.simulator.working_rows import ROW, Rows
from streamer.simulator.world import World

__all__ = ["Simulator"]

_WORLD_STREAM: Final = 3  # Third word of the seed, beside those of traffic and fraud.


class Simulator:
    """An endless, seeded stream of payments in event-time order.

    >>> simulator = Simulator(SimulatorConfig(seed=1, n_customers=50, n_merchants=40))
    >>> payments = simulator.generate(3)
    >>> payments.transaction_ids
    ['tx-1-000000000', 'tx-1-000000001', 'tx-1-000000002']
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        drift = Drift.of(config)
        self.world = World.draw(config, np.random.default_rng([config.seed, 0, _WORLD_STREAM]))
        self._traffic = Traffic(config, self.world, drift)
        self._fraud = Fraud(config, self.world, drift)
        self._registry = Registry(config.seed, self.world, PATTERN_NAMES)
        self._day = 0
        self._waiting: Rows = np.zeros(0, dtype=ROW)
        self._handed_out = 0
        self._by_pattern = np.zeros(1 + len(PATTERN_NAMES), dtype=np.int64)

    @property
    def pattern_counts(self) -> dict[str, int]:
        """Fraudulent payments handed out so far, by pattern; every pattern has an entry."""
        return dict(zip(PATTERN_NAMES, self._by_pattern[1:].tolist(), strict=True))

    def generate(self, n: int) -> Payments:
        """Return the next ``n`` payments in event-time order; deterministic for a seed."""
        if n < 0:
            raise ValueError(f"n must be 0 or more, got {n}")
        days, held = [self._waiting], len(self._waiting)
        while held < n:
            days.append(self._next_day())
            held += len(days[-1])
        rows = np.concatenate(days)
        # A copy, so that a small rest does not keep a large day in memory.
        rows, self._waiting = rows[:n], rows[n:].copy()
        payments = self._registry.payments(rows, self._handed_out)
        self._handed_out += n
        self._by_pattern += np.bincount(rows["pattern"], minlength=len(self._by_pattern))
        return payments

    def _next_day(self) -> Rows:
        day = self._day
        genuine = self._traffic.day(day)
        self._day += 1
        return self._fraud.day(day, genuine, self._traffic.travelling(day))
