"""Decoded transactions as columns: what the features read of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.codes import COUNTRIES, CURRENCY_INDEX
from streamer.events import Transaction

__all__ = ["Columns"]

# A card is somewhere only when it is there itself; anything else with coordinates is the shop's.
_REMOTE_CHANNELS = frozenset({"ecommerce", "moto"})
# A number that stays the country's when the list of countries grows; -1 where there is none.
_COUNTRY_NUMBERS: dict[str | None, int] = {None: -1} | {
    code: int.from_bytes(code.encode(), "big") for code in COUNTRIES
}
_KEY_SEPARATOR = "\x1f"
# Every amount is valid, but the logarithm of the smallest float would be -744.
_SMALLEST_AMOUNT = 1e-3


@dataclass(frozen=True, slots=True)
class Columns:
    """One entry per transaction, in order of arrival.

    ``spending_keys`` and ``merchant_keys`` carry the currency: amounts of different currencies are
    never compared.  ``latitudes`` and ``longitudes`` (degrees) are NaN unless the card was present.
    ``countries`` and ``categories`` are numbers that identify them, -1 where the payment names none.
    ``local_hours`` is the wall clock at the producer's offset, in hours.
    """

    card_keys: list[str]
    merchant_ids: list[str | None]
    spending_keys: list[str]
    merchant_keys: list[str | None]
    times_ms: NDArray[np.int64]
    local_hours: NDArray[np.float64]
    amounts: NDArray[np.float64]
    currencies: NDArray[np.int64]
    countries: NDArray[np.int64]
    categories: NDArray[np.int64]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.card_keys)

    @property
    def log_amounts(self) -> NDArray[np.float64]:
        """Return ln amount, shape (n,); what is below a thousandth counts as a thousandth.

        An amount of 0 verifies a card and is none: NaN.
        """
        logs: NDArray[np.float64] = np.log(np.maximum(self.amounts, _SMALLEST_AMOUNT))
        logs[self.amounts == 0.0] = np.nan
        return logs

    @classmethod
    def of(cls, transactions: Sequence[Transaction], times_ms: Sequence[int]) -> Columns:
        """Return the columns of ``transactions``, whose epoch times are ``times_ms``."""
        present = [
            t.latitude is not None and t.longitude is not None and t.channel not in _REMOTE_CHANNELS
            for t in transactions
        ]
        at = list(zip(transactions, present, strict=True))
        return cls(
            card_keys=[t.card_id for t in transactions],
            merchant_ids=[t.merchant_id for t in transactions],
            spending_keys=[t.card_id + _KEY_SEPARATOR + t.currency for t in transactions],
            merchant_keys=[
                None if t.merchant_id is None else t.merchant_id + _KEY_SEPARATOR + t.currency
                for t in transactions
            ],
            times_ms=np.array(times_ms, dtype=np.int64),
            local_hours=np.array(
                [t.timestamp.hour + t.timestamp.minute / 60 for t in transactions]
            ),
            amounts=np.array([t.amount for t in transactions]),
            currencies=np.array([CURRENCY_INDEX[t.currency] for t in transactions], dtype=np.int64),
            countries=np.array([_COUNTRY_NUMBERS[t.country] for t in transactions], dtype=np.int64),
            categories=np.array(
                [-1 if t.mcc is None else int(t.mcc) for t in transactions], dtype=np.int64
            ),
            latitudes=np.array([t.latitude if here else np.nan for t, here in at], dtype=float),
            longitudes=np.array([t.longitude if here else np.nan for t, here in at], dtype=float),
        )

    def repeated_with_amounts(self, index: int, amounts: NDArray[np.float64]) -> Columns:
        """Return transaction ``index`` once per entry of ``amounts``, with that amount."""
        n = len(amounts)
        picked: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            value = column[index]
            picked[field.name] = [value] * n if isinstance(column, list) else np.full(n, value)
        return replace(Columns(**picked), amounts=amounts)
