"""Decoded transactions as columns: what the features read of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.contract.clocks import clocks
from streamer.contract.codes import COUNTRIES, CURRENCY_INDEX
from streamer.contract.messages import Transaction
from streamer.features.records import Records, empty_records, record
from streamer.indexing import FREE, extended, fingerprints

__all__ = ["PAYMENT", "Columns"]

PAYMENT: Final = record("local_hour", "amount", "country", "category", "latitude", "longitude")
# A card is somewhere only when it is there itself; anything else with coordinates is the shop's.
_REMOTE_CHANNELS: Final = frozenset({"ecommerce", "moto"})
# Numbers that identify a country, also when the list of countries grows, and a category.
_COUNTRY_NUMBERS: Final[dict[str | None, int]] = {None: -1} | {
    code: int.from_bytes(code.encode(), "big") for code in COUNTRIES
}
_CATEGORY_NUMBERS: Final[dict[str | None, int]] = {None: -1} | {
    f"{number:04d}": number for number in range(10_000)
}


def country_of(number: int) -> str:
    """Return the code of the country that a number identifies.

    >>> country_of(_COUNTRY_NUMBERS["NL"])
    'NL'
    """
    return number.to_bytes(2, "big").decode()


@dataclass(frozen=True, slots=True)
class Columns:
    """One entry per transaction, in order of arrival.

    ``cards`` and ``merchants`` are what stands for their names (`streamer.indexing`), -1 for none;
    ``tills`` stand for merchant and currency: amounts of different currencies are never compared.
    ``payments`` (n,) are records of `PAYMENT`: the wall clock at the producer's offset
    in hours, the amount, numbers that identify country and category, -1 where the payment names none,
    and degrees, NaN unless the card was present.
    """

    cards: Integers
    merchants: Integers
    tills: Integers
    times_ms: Integers
    currencies: Integers
    payments: Records

    def __len__(self) -> int:
        return len(self.cards)

    @property
    def amounts(self) -> Floats:
        """The amounts in units of their currencies, shape (n,)."""
        amounts: Floats = self.payments["amount"]
        return amounts

    @classmethod
    def of(cls, transactions: Sequence[Transaction], times_ms: Sequence[int] | Integers) -> Columns:
        """Return the columns of ``transactions``, whose epoch times are ``times_ms``."""
        merchants = fingerprints([t.merchant_id or "" for t in transactions])
        merchants[[t.merchant_id is None for t in transactions]] = FREE
        currencies = np.array([CURRENCY_INDEX[t.currency] for t in transactions], dtype=np.int64)
        return cls(
            cards=fingerprints([t.card_id for t in transactions]),
            merchants=merchants,
            tills=extended(merchants, currencies),
            times_ms=np.asarray(times_ms, dtype=np.int64),
            currencies=currencies,
            payments=_payments(transactions),
        )

    def only(self, rows: Integers) -> Columns:
        """Return those of some of the payments, in this order."""
        return Columns(*(column[rows] for column in self._all()))

    def followed_by(self, others: Columns) -> Columns:
        """Return those of these payments and then of the others."""
        pairs = zip(self._all(), others._all(), strict=True)
        return Columns(*(np.concatenate(pair) for pair in pairs))

    def _all(self) -> tuple[Any, ...]:
        """Return the columns in the order in which they are declared."""
        names = self.cards, self.merchants, self.tills
        return *names, self.times_ms, self.currencies, self.payments


def _payments(transactions: Sequence[Transaction]) -> Records:
    payments = empty_records(len(transactions), PAYMENT)
    payments["local_hour"] = clocks([t.timestamp for t in transactions]).local_hours
    payments["amount"] = [t.amount for t in transactions]
    payments["country"] = [_COUNTRY_NUMBERS[t.country] for t in transactions]
    payments["category"] = [_CATEGORY_NUMBERS[t.mcc] for t in transactions]
    payments["latitude"] = payments["longitude"] = math.nan
    placed = [
        (i, t.latitude, t.longitude)
        for i, t in enumerate(transactions)
        if t.latitude is not None and t.longitude is not None and t.channel not in _REMOTE_CHANNELS
    ]
    if placed:
        at, latitudes, longitudes = zip(*placed, strict=True)
        payments["latitude"][list(at)], payments["longitude"][list(at)] = latitudes, longitudes
    return payments
