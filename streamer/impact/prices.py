"""What reviews, false alarms and frauds are worth, in one reference currency, as settings say it.

    value of an alert = s · amount - r        of a fraud
                      = -(f + φ · amount) - r of a legitimate payment

r is the cost of a review, s the share of a fraud's amount that its alert saves, f what a false alarm
costs beyond its review and φ the same as a share of the payment's amount: the costs of a classifier by
example (Elkan 2001; for card fraud Bahnsen et al. 2013), against having no alert at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from streamer.arrays import Flags, Floats
from streamer.settings import Settings

__all__ = ["NO_PRICES", "Prices", "prices_of"]

NO_PRICES = (
    "Reviews and false alarms have no price, so no budget would be too large: set "
    "STREAMER_REVIEW_COST or STREAMER_FALSE_ALARM_COST."
)
"""Why no budget is told as the best."""


@dataclass(frozen=True, slots=True)
class Prices:
    """All of them at least 0, shares at most 1."""

    review: float
    false_alarm: float
    false_alarm_share: float
    saved_share: float

    def saved(self, amounts: Floats, frauds: Flags) -> Floats:
        """Return what an alert on each of n payments saves; all arrays (n,)."""
        return self.saved_share * amounts * frauds

    def friction(self, amounts: Floats, frauds: Flags) -> Floats:
        """Return what a false alarm on each would cost beyond its review; all arrays (n,)."""
        return (self.false_alarm + self.false_alarm_share * amounts) * ~frauds

    def gains(self, amounts: Floats, frauds: Flags) -> Floats:
        """Return what an alert on each would be worth; all arrays (n,).

        >>> import numpy as np
        >>> prices = Prices(5.0, 2.0, 0.01, 0.9)
        >>> prices.gains(np.array([100.0, 100.0]), np.array([True, False]))
        array([85., -8.])
        """
        return self.saved(amounts, frauds) - self.friction(amounts, frauds) - self.review

    @property
    def are_none(self) -> bool:
        """Whether an alert costs nothing, so that no budget is too large."""
        return not (self.review or self.false_alarm or self.false_alarm_share)

    def to_dict(self) -> dict[str, float]:
        """Return them by name."""
        return asdict(self)


def prices_of(settings: Settings) -> Prices:
    """Return what the settings say."""
    return Prices(
        settings.review_cost,
        settings.false_alarm_cost,
        settings.false_alarm_share,
        settings.saved_share,
    )
