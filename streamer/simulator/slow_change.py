"""How the world changes slowly: prices rise, and a new merchant category takes off.

Neither change is fraud.  A model that does not follow them raises ever more false alerts, which is
what they are for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamer.simulator.simulator_config import SimulatorConfig

__all__ = ["NEW_CATEGORY_SHARE", "Drift"]

# A high but real rate of inflation: visible in a month of events without outrunning a customer's
# spread.
_INFLATION_PER_DAY: Final = 0.03 / 30
# The new category rises after a week of normal traffic, so that a reference can be frozen before.
_RISE_FIRST_DAY: Final = 7
_RISE_DAYS: Final = 28
NEW_CATEGORY_SHARE: Final = 0.08


@dataclass(frozen=True)
class Drift:
    """The price level and the new category's share on each event-day."""

    prices: bool
    category: bool

    @classmethod
    def of(cls, config: SimulatorConfig) -> Drift:
        """Return the drift that the configuration switches on."""
        return cls(prices=config.price_drift, category=config.category_drift)

    def price_level(self, day: int) -> float:
        """Return prices on event-day ``day`` as a multiple of those on day 0: 3% per 30 days.

        >>> round(Drift(prices=True, category=True).price_level(30), 3)
        1.03
        """
        return float((1 + _INFLATION_PER_DAY) ** day) if self.prices else 1.0

    def new_category_share(self, day: int) -> float:
        """Return the share of genuine payments in the new category: 0 for a week, then up to 8%.

        >>> drift = Drift(prices=True, category=True)
        >>> [drift.new_category_share(day) for day in (0, 7, 21, 35, 90)]
        [0.0, 0.0, 0.04, 0.08, 0.08]
        """
        if not self.category:
            return 0.0
        risen = min(max((day - _RISE_FIRST_DAY) / _RISE_DAYS, 0.0), 1.0)
        return NEW_CATEGORY_SHARE * risen
