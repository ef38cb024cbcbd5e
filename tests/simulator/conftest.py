"""One large run of the default world, shared by the tests that measure it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.durations import DAY_MS
from streamer.simulator import Payments, Simulator, SimulatorConfig
from streamer.simulator.world_tables import MONEY


@dataclass(frozen=True)
class Run:
    """A simulator's payments with the columns that measurements need, in EUR, hours and indices."""

    simulator: Simulator
    payments: Payments
    card: NDArray[np.int64]
    pattern: NDArray[Any]
    eur: NDArray[np.float64]
    local_hour: NDArray[np.float64]
    day: NDArray[np.int64]

    @classmethod
    def of(cls, config: SimulatorConfig, n: int) -> Run:
        simulator = Simulator(config)
        payments = simulator.generate(n)
        time_ms = payments.timestamps_ms
        local_min = time_ms / 60_000 + payments.utc_offsets_min
        return cls(
            simulator=simulator,
            payments=payments,
            card=np.array([int(card.removeprefix("card-")) for card in payments.card_ids]),
            pattern=np.array([name or "" for name in payments.patterns], dtype=object),
            eur=payments.amounts / [MONEY[code].units_per_eur for code in payments.currencies],
            local_hour=local_min / 60 % 24,
            day=(time_ms - config.start_ms) // DAY_MS,
        )

    @property
    def ordinary(self) -> NDArray[np.bool_]:
        """What customers themselves did: payments at a compromised merchant included."""
        return np.isin(self.pattern, ["", "compromised_merchant"])

    @property
    def located(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.payments.latitudes)

    def episodes(self, name: str) -> Iterator[NDArray[np.int64]]:
        """Yield the payments of each complete episode of a pattern, as row numbers in time order.

        A card rests for 30 days after an episode, so that a gap of 5 days tells two apart.  One
        that starts in the last 15 days may be cut off by the end of the run and is left out.
        """
        rows = np.flatnonzero(self.pattern == name)
        time_ms = self.payments.timestamps_ms
        for card in np.unique(self.card[rows]):
            own = rows[self.card[rows] == card]
            cuts = np.flatnonzero(np.diff(time_ms[own]) > 5 * DAY_MS) + 1
            for episode in np.split(own, cuts):
                if time_ms[episode[0]] < time_ms[-1] - 15 * DAY_MS:
                    yield episode

    def usual_eur(self, card: int) -> float:
        """Return the median of what the card's owner pays."""
        return float(np.median(self.eur[self.ordinary & (self.card == card)]))


@pytest.fixture(scope="session")
def run() -> Run:
    """About 40 event-days of the default world."""
    return Run.of(SimulatorConfig(seed=11), 240_000)
