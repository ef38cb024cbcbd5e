"""The entity tables of one partition, and where a batch's payments are in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.compiled import compiled
from streamer.features.cards import CardTable
from streamer.features.columns import Columns
from streamer.features.entities import EntityTable
from streamer.features.fraud_shares import MerchantVerdictTable
from streamer.features.kinds import CARD_VERDICTS, MERCHANTS
from streamer.features.records import Records, empty_records
from streamer.indexing import extended
from streamer.indexing.index import Slots, place_of
from streamer.indexing.prints import extend_print

__all__ = ["ROWS", "Tables", "find_rows"]


_NAMES: Final = ("cards", "habits", "merchants", "card_verdicts", "merchant_verdicts")
ROWS: Final = np.dtype((np.record, [(name, "<i8") for name in _NAMES]))
"""A payment's row in each table, -1 for none."""


class Tables(NamedTuple):
    """One table of each kind."""

    cards: CardTable
    merchants: EntityTable
    card_verdicts: EntityTable
    merchant_verdicts: MerchantVerdictTable

    @classmethod
    def empty(cls, cards_capacity: int, merchants_capacity: int) -> Tables:
        return cls(
            CardTable(cards_capacity),
            EntityTable(MERCHANTS, merchants_capacity),
            EntityTable(CARD_VERDICTS, cards_capacity),
            MerchantVerdictTable(merchants_capacity),
        )

    def all(self) -> tuple[EntityTable, ...]:
        return self

    def unknown(self, columns: Columns) -> dict[EntityTable, list[str]]:
        """Return the names of whose stored states the tables do not hold, where there are any.

        What a card spends in another currency is asked for once the card is there: ask twice.
        """
        rows, _ = self._find(columns, to_change=False)
        own, tills, cards = rows["cards"], rows["merchants"], columns.cards
        # Who has a row was asked for then, and whoever is not stored need not be asked for again.
        of_cards = self.card_verdicts.unheld(cards, rows["card_verdicts"], own < 0)
        judged = rows["merchant_verdicts"]
        of_shops = self.merchant_verdicts.unheld(columns.merchants, judged)
        if (others := (own >= 0) & (rows["habits"] != own)).any():
            habits = extended(cards[others], columns.currencies[others])
            cards = np.concatenate([cards, habits])
            own = np.concatenate([own, rows["habits"][others]])
        wanted: dict[EntityTable, list[str]] = {
            self.card_verdicts: of_cards,
            self.merchant_verdicts: of_shops,
            self.cards: self.cards.unheld(cards, own),
            self.merchants: self.merchants.unheld(columns.tills, tills),
        }
        return {table: names for table, names in wanted.items() if names}

    def load(self, stored: Mapping[str, Mapping[str, bytes | None]]) -> None:
        """Take in stored states by kind and name, see `EntityTable.load`."""
        for table in self:
            if table.kind.name in stored:
                table.load(stored[table.kind.name])

    def mark_unloaded(self, names: Mapping[str, Sequence[str]]) -> None:
        """Remember of which entities, by kind, the stored states could not be read."""
        for table in self:
            if table.kind.name in names:
                table.mark_unloaded(names[table.kind.name])

    def rows(self, columns: Columns) -> Records:
        """Return each payment's row in every table (n,), made where there was none.

        -1 where the payment names no merchant, and for a card that nobody has judged.
        """
        for table in self:
            table.tick()
        rows, n_absent = self._find(columns, to_change=True)
        if n_absent:
            self.cards.make(columns.cards, rows["cards"])
            self.merchants.make(columns.tills, rows["merchants"])
            self.merchant_verdicts.make(columns.merchants, rows["merchant_verdicts"])
            rows, n_absent = self._find(columns, to_change=True)
        if n_absent:
            # Of cards, which have rows by now, what they spend in a currency that is not their first.
            others = rows["habits"] < 0
            habits = extended(columns.cards[others], columns.currencies[others])
            self.cards.make_habits(habits, rows["cards"][others])
            rows, _ = self._find(columns, to_change=True)
        return rows

    def _find(self, columns: Columns, *, to_change: bool) -> tuple[Records, int]:
        """Return what `find_rows` fills, and how many rows are to be made."""
        rows = empty_records(len(columns), ROWS)
        n_absent = find_rows(
            columns.cards,
            columns.currencies,
            columns.tills,
            columns.merchants,
            rows,
            to_change,
            self.cards.records,
            *self.cards.search,
            self.cards.changed,
            self.cards.clock,
            *self.merchants.search,
            self.merchants.changed,
            self.merchants.clock,
            *self.card_verdicts.search,
            self.card_verdicts.clock,
            *self.merchant_verdicts.search,
            self.merchant_verdicts.changed,
            self.merchant_verdicts.clock,
        )
        return rows, n_absent


@compiled
def find_rows(
    cards: Integers,
    currencies: Integers,
    tills: Integers,
    merchants: Integers,
    rows: Records,
    to_change: bool,
    records: Records,
    card_table: Slots,
    card_prints: Integers,
    card_used_at: Integers,
    card_changed: Flags,
    card_clock: int,
    till_table: Slots,
    till_prints: Integers,
    till_used_at: Integers,
    till_changed: Flags,
    till_clock: int,
    judged_card_table: Slots,
    judged_card_prints: Integers,
    judged_card_used_at: Integers,
    judged_card_clock: int,
    judged_table: Slots,
    judged_prints: Integers,
    judged_used_at: Integers,
    judged_changed: Flags,
    judged_clock: int,
) -> int:
    """Fill ``rows`` (OUT, n), -1 for none, and return how many cards, habits and tills have none.

    Which are used is noted at the tables' clocks, and that they are changed where it is so.  What a
    card spends in the first currency of its payments is in its own row: ``to_change`` lets one that
    has none yet have its payment's as its first (``records`` IN/OUT).
    """
    n_absent = 0
    for i in range(len(cards)):
        own = habit = card_table[place_of(cards[i], card_table, card_prints)]
        if own >= 0:
            card_used_at[own] = card_clock
            card_changed[own] |= to_change
            first = records[own].currency
            if first == 0 and to_change:
                records[own].currency = currencies[i] + 1
            elif first > 0 and first != currencies[i] + 1:
                other = extend_print(cards[i], currencies[i])
                habit = card_table[place_of(other, card_table, card_prints)]
                if habit >= 0:
                    card_used_at[habit] = card_clock
                    card_changed[habit] |= to_change
        till = till_table[place_of(tills[i], till_table, till_prints)]
        if till >= 0:
            till_used_at[till] = till_clock
            till_changed[till] |= to_change
        judged_card = judged_card_table[place_of(cards[i], judged_card_table, judged_card_prints)]
        if judged_card >= 0:
            judged_card_used_at[judged_card] = judged_card_clock
        judged = judged_table[place_of(merchants[i], judged_table, judged_prints)]
        if judged >= 0:
            judged_used_at[judged] = judged_clock
            judged_changed[judged] |= to_change
        n_absent += int(habit < 0) + int((till < 0 or judged < 0) and tills[i] >= 0)
        row = rows[i]
        row.cards, row.habits, row.merchants = own, habit, till
        row.card_verdicts, row.merchant_verdicts = judged_card, judged
    return n_absent
