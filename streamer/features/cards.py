"""Cards: one row for what a card does, and for what it spends in its first currency.

Amounts of different currencies are never compared.  What a card spends in another one has a row of its
own, of which only that is used; few cards have any.
"""

from __future__ import annotations

import numpy as np

from streamer.arrays import Integers
from streamer.compiled import compiled
from streamer.features.entities import EntityTable, add_sums
from streamer.features.kinds import CARDS
from streamer.features.places import add_visits, forget, salt_of
from streamer.features.records import Records
from streamer.indexing import extended

__all__ = ["CardTable"]


# What is in a row of another currency.
_SPENDING = ("small_series", "spent_1d", "high_series", "spent_30d", "payments", "logs", "logs_sq")


class CardTable(EntityTable):
    """The states of up to ``capacity`` cards, and of their other currencies."""

    def __init__(self, capacity: int) -> None:
        super().__init__(CARDS, capacity)

    def make_habits(self, habits: Integers, rows: Integers) -> None:
        """Make rows for what cards, which have ``rows``, spend in other currencies."""
        self.make(habits, np.full(len(habits), -1))
        # Of a card that waits for what is stored of it nothing is known to be stored.
        self._waits[self._index.find(habits)] = self._waits[rows]

    def _merge(self, rows: Integers, stored: Records) -> None:
        own, cards = self.records[rows], self._index.prints[rows]
        mine, theirs = own["currency"].astype(int), stored["currency"].astype(int)
        is_other = (mine != theirs) & (mine > 0) & (theirs > 0)
        moving = _spending(own[is_other])
        # What it spent in the first currency that is stored has had a row of its own till now.
        returning = np.where(is_other, self._index.find(extended(cards, theirs - 1)), -1)
        is_back = returning >= 0
        for name in _SPENDING:
            own[name][is_other] = 0.0
        back = own[is_back]
        add_sums(back, _spending(self.records[returning[is_back]]), self.kind.half_lives_s)
        own[is_back] = back
        self._drop(returning[is_back])
        add_cards(own, stored, cards)
        add_sums(own, stored, self.kind.half_lives_s)
        self._put(rows, own)
        if len(moving):
            habits = extended(cards[is_other], mine[is_other] - 1)
            self.mark_unloaded(self.unknown(habits))
            super()._merge(self.rows(habits), moving)


def _spending(records: Records) -> Records:
    """Return rows that have no more of these than what their cards spent."""
    alone: Records = np.zeros(len(records), CARDS.row)
    for name in ("time_ms", *_SPENDING):
        alone[name] = records[name]
    return alone


@compiled
def add_cards(own: Records, stored: Records, prints: Integers) -> None:
    """Add stored places to cards' own (both IN/OUT), and take what they do not know from there."""
    for i in range(len(own)):
        salt = salt_of(prints[i])
        latest_ms = max(own[i].time_ms, stored[i].time_ms)
        forget(own[i], latest_ms, salt)
        forget(stored[i], latest_ms, salt)
        add_visits(own[i], stored[i])
        if own[i].present_ms == 0:
            own[i].present_ms = stored[i].present_ms
            own[i].latitude, own[i].longitude = stored[i].latitude, stored[i].longitude
        if stored[i].currency > 0:
            own[i].currency = stored[i].currency
