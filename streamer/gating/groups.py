"""How often payments of a country, or in a currency, alert, beside all payments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.contract.codes import CURRENCIES
from streamer.features import country_of

__all__ = ["Group", "groups_of"]

_NONE = -1


@dataclass(frozen=True, slots=True)
class Group:
    """``kind`` is ``country`` or ``currency``, ``ratio`` its alert rate over that of all payments."""

    kind: str
    name: str
    n_payments: int
    n_alerts: int
    ratio: float


def groups_of(countries: Integers, currencies: Integers, alerted: Flags, least: int) -> list[Group]:
    """Return the groups of at least so many payments, the highest alert rate first; arrays (n,)."""
    overall = alerted.mean() if len(alerted) else 0.0
    if not overall:
        return []
    found = []
    for kind, column in (("country", countries), ("currency", currencies)):
        numbers, n_payments = np.unique(column, return_counts=True)
        for number, n in zip(numbers.tolist(), n_payments.tolist(), strict=True):
            if number == _NONE or n < least:
                continue
            n_alerts = int(alerted[column == number].sum())
            name = country_of(number) if kind == "country" else CURRENCIES[number]
            found.append(Group(kind, name, n, n_alerts, float(n_alerts / n / overall)))
    return sorted(found, key=lambda group: -group.ratio)
