"""What a simulation is asked for, checked before anything is drawn.

Every fault of a configuration is reported at once, each as ``<field> must be <condition>, got
<value>``, so that a person corrects the settings in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from streamer.errors import ConfigurationError

__all__ = ["SimulatorConfig"]


# Three cities, each with a till and a cash machine, need this many merchants beside the online
# ones.
_MIN_MERCHANTS: Final = 20
# Six digits of card number; columns of a larger world would also outgrow a laptop's memory.
_MAX_CUSTOMERS: Final = 1_000_000
_MAX_MERCHANTS: Final = 100_000
# At 3 payments a day this is met; at 0.2 the cards that may be stolen ran out and half of it came.
_MAX_FRAUD_SHARE: Final = 0.05
# Far below this a small world needs years of event time for one payment.
_MIN_PAYMENTS_PER_DAY: Final = 0.01
_MAX_PAYMENTS_PER_DAY: Final = 100.0


@dataclass(frozen=True)
class SimulatorConfig:
    """The size, seed and behaviour of a simulated world of payments.

    ``fraud_share`` is the aimed-at share of fraudulent payments after the first event-day, which
    has none.  A card is stolen about once a month at most, so that above 0.15 fraudulent payments
    per customer and day there may be fewer.  ``payments_per_customer_per_day`` is the mean over all
    customers.  ``price_drift`` and ``category_drift`` switch inflation and the rise of a new
    merchant category.

    >>> SimulatorConfig(seed=7).n_customers
    2000
    >>> SimulatorConfig(seed=7, fraud_share=0.7)
    Traceback (most recent call last):
        ...
    streamer.errors.ConfigurationError: fraud_share must be between 0 and 0.05, got 0.7
    """

    seed: int
    n_customers: int = 2_000
    n_merchants: int = 500
    fraud_share: float = 0.005
    start: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    payments_per_customer_per_day: float = 3.0
    price_drift: bool = True
    category_drift: bool = True

    def __post_init__(self) -> None:
        """Raise `ConfigurationError` naming every field that cannot be used."""
        faults = [
            _integer_fault("seed", self.seed, 0, 2**63 - 1),
            _integer_fault("n_customers", self.n_customers, 1, _MAX_CUSTOMERS),
            _integer_fault("n_merchants", self.n_merchants, _MIN_MERCHANTS, _MAX_MERCHANTS),
            _share_fault("fraud_share", self.fraud_share),
            _start_fault(self.start),
            _rate_fault("payments_per_customer_per_day", self.payments_per_customer_per_day),
        ]
        found = [fault for fault in faults if fault]
        if found:
            raise ConfigurationError("; ".join(found))

    @property
    def start_ms(self) -> int:
        """The start in milliseconds since the epoch, UTC."""
        return round(self.start.timestamp() * 1000)


def _integer_fault(field: str, value: int, low: int, high: int) -> str | None:
    # A bool is an int to Python, but "seed=True" is a mistake.
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return None
    return f"{field} must be an integer between {low} and {high}, got {value!r}"


def _share_fault(field: str, value: float) -> str | None:
    if 0 <= value <= _MAX_FRAUD_SHARE:
        return None
    return f"{field} must be between 0 and {_MAX_FRAUD_SHARE}, got {value!r}"


def _rate_fault(field: str, value: float) -> str | None:
    if _MIN_PAYMENTS_PER_DAY <= value <= _MAX_PAYMENTS_PER_DAY:
        return None
    low, high = _MIN_PAYMENTS_PER_DAY, _MAX_PAYMENTS_PER_DAY
    return f"{field} must be between {low:g} and {high:g}, got {value!r}"


def _start_fault(value: datetime) -> str | None:
    if value.tzinfo is not None:
        return None
    return f"start must be a time with an offset, got {value.isoformat()}; add tzinfo=UTC"
