"""Country, channel, category and currency of each row, noted while a run passes over a file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamer.arrays import Integers
from streamer.contract.codes import CURRENCIES
from streamer.fairness.observed import DIMENSIONS, MOST_GROUPS, NOT_KNOWN, OTHERS, Grouping
from streamer.features import country_of
from streamer.offline.offline_partition import ScoredPart

__all__ = ["GroupNotes"]


def _no_parts() -> dict[str, list[Integers]]:
    return {dimension: [] for dimension in DIMENSIONS}


@dataclass(slots=True)
class GroupNotes:
    """The numbers that stand for what each row names, `NOT_KNOWN` where it names nothing."""

    _rows: list[Integers] = field(default_factory=list)
    _parts: dict[str, list[Integers]] = field(default_factory=_no_parts)
    _merchants: list[Integers] = field(default_factory=list)
    _channels: dict[str, int] = field(default_factory=dict)

    def note(self, part: ScoredPart) -> None:
        """Take note of what has been scored."""
        decoded, columns = part.prepared.decoded, part.prepared.columns
        if columns is None:
            return
        # Nothing that scores reads the channel, so it is not among the columns.
        channels = [self._channel(transaction.channel) for transaction in decoded.transactions]
        self._rows.append(decoded.offsets)
        self._merchants.append(columns.merchants)
        for dimension, values in (
            ("country", columns.payments["country"]),
            ("channel", np.array(channels)),
            ("category", columns.payments["category"]),
            ("currency", columns.currencies),
        ):
            self._parts[dimension].append(values.astype(np.int64))

    def _channel(self, name: str | None) -> int:
        numbers = self._channels
        if name is None:
            return NOT_KNOWN
        if name not in numbers and len(numbers) >= MOST_GROUPS:
            name = OTHERS
        return numbers.setdefault(name, len(numbers))

    def column(self, dimension: str, n: int) -> Integers:
        """Return the numbers of n rows."""
        return self._column(self._parts[dimension], n)

    def merchants(self, n: int) -> Integers:
        """Return what stands for the merchants of n rows, `NOT_KNOWN` without one."""
        return self._column(self._merchants, n)

    def _column(self, parts: list[Integers], n: int) -> Integers:
        column = np.full(n, NOT_KNOWN)
        rows = np.concatenate([*self._rows, np.zeros(0, np.int64)])
        column[rows] = np.concatenate([*parts, np.zeros(0, np.int64)])
        return column

    def groupings(self, n: int) -> dict[str, Grouping]:
        """Return the groups of n rows by dimension."""
        return {dimension: self._grouping(dimension, n) for dimension in DIMENSIONS}

    def _grouping(self, dimension: str, n: int) -> Grouping:
        column = self.column(dimension, n)
        numbers, codes = np.unique(column[column != NOT_KNOWN], return_inverse=True)
        places = np.full(n, NOT_KNOWN)
        places[column != NOT_KNOWN] = codes
        return Grouping(tuple(self._name(dimension, each) for each in numbers.tolist()), places)

    def _name(self, dimension: str, number: int) -> str:
        if dimension == "country":
            return country_of(number)
        if dimension == "currency":
            return CURRENCIES[number]
        return f"{number:04d}" if dimension == "category" else list(self._channels)[number]
