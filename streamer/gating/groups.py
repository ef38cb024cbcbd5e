"""How often payments of a country, or in a currency, alert, beside all payments."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.contract.codes import CURRENCIES
from streamer.features import country_of
from streamer.offline.offline_partition import ScoredPart

__all__ = ["Group", "GroupWitness", "groups_of"]

_NONE = -1


@dataclass(frozen=True, slots=True)
class Group:
    """``kind`` is ``country`` or ``currency``, ``ratio`` its alert rate over that of all payments."""

    kind: str
    name: str
    n_payments: int
    n_alerts: int
    ratio: float


@dataclass(slots=True)
class GroupWitness:
    """Country and currency of each row, noted while a run passes; as numbers."""

    _rows: list[Integers] = field(default_factory=list)
    _countries: list[Integers] = field(default_factory=list)
    _currencies: list[Integers] = field(default_factory=list)

    def note(self, part: ScoredPart) -> None:
        """Take note of what has been scored."""
        columns = part.prepared.columns
        if columns is not None:
            self._rows.append(part.prepared.decoded.offsets)
            self._countries.append(columns.payments["country"].astype(np.int64))
            self._currencies.append(columns.currencies)

    def columns(self, n: int) -> tuple[Integers, Integers]:
        """Return countries and currencies of n rows, -1 for what is not known."""
        rows, found = np.concatenate([*self._rows, np.zeros(0, np.int64)]), []
        for parts in (self._countries, self._currencies):
            column = np.full(n, _NONE)
            column[rows] = np.concatenate([*parts, np.zeros(0, np.int64)])
            found.append(column)
        return found[0], found[1]


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
