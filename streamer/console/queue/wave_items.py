"""Alerts that are one matter as one item of the queue: pure, from rows to items.

Which alerts those are the stream has said, by their ``wave_id``: of one card within a day, or of one
merchant within six hours (`streamer.pipeline.waves`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from streamer.store import QueueRow

__all__ = ["Item", "Kept", "items_of", "members_of"]

_R = TypeVar("_R")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Item:
    """An alert, or the alerts of a wave, the highest rank first."""

    rows: Sequence[QueueRow]

    @property
    def first(self) -> QueueRow:
        """The member that ranks highest, by which the item is ranked."""
        return self.rows[0]

    @property
    def is_wave(self) -> bool:
        """Whether it has more than one alert."""
        return len(self.rows) > 1

    @property
    def whose(self) -> str:
        """What its alerts have in common, in a word."""
        return "merchant" if self.first.wave_id.startswith("merchant-") else "card"

    @cached_property
    def totals(self) -> list[tuple[float, str]]:
        """The sum of its amounts in each currency, by the currency's code."""
        found: dict[str, float] = {}
        for row in self.rows:
            found[row.currency] = found.get(row.currency, 0.0) + row.amount
        return [(found[currency], currency) for currency in sorted(found)]

    @property
    def newest_ms(self) -> int:
        """When its newest alert was scored, in epoch milliseconds."""
        return max(row.scored_ms for row in self.rows)


def items_of(rows: Iterable[QueueRow]) -> list[list[QueueRow]]:
    """Return the rows of each item, in the order of the highest rank in it.

    ``rows`` are in the order of their ranks.  Where one leaves, the others keep their order.

    >>> def row(n, wave_id=""):
    ...     return QueueRow(f"a-{n}", "high", 0.9, 1.0, "EUR", 0, 0, "distance", wave_id=wave_id)
    >>> items = items_of([row(1), row(2, "card-0f"), row(3), row(4, "card-0f")])
    >>> [[each.alert_id for each in item] for item in items]
    [['a-1'], ['a-2', 'a-4'], ['a-3']]
    """
    found: dict[str, list[QueueRow]] = {}
    for row in rows:
        # No name of a wave has a space.
        found.setdefault(row.wave_id or f" {row.alert_id}", []).append(row)
    return list(found.values())


def members_of(rows: Iterable[QueueRow], wave_id: str) -> list[QueueRow]:
    """Return the rows of a wave, in their order; none for the empty name."""
    return [row for row in rows if wave_id and row.wave_id == wave_id]


class Kept(Generic[_R, _T]):
    """What ``make`` gives of a list, made again for another list only."""

    def __init__(self, make: Callable[[Sequence[_R]], _T]) -> None:
        self._make = make
        self._kept: tuple[Sequence[_R], _T] | None = None

    def of(self, rows: Sequence[_R]) -> _T:
        """Return it of these; whoever has the list must not change it."""
        kept = self._kept
        if kept is None or kept[0] is not rows:
            kept = self._kept = rows, self._make(rows)
        return kept[1]
