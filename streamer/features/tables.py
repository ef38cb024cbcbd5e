"""The entity tables of one partition, and where a batch's payments are in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.features.cards import CardTable
from streamer.features.columns import Columns
from streamer.features.entities import EntityTable
from streamer.features.kinds import CARD_VERDICTS, MERCHANT_VERDICTS, MERCHANTS
from streamer.features.records import Records

__all__ = ["Tables"]

_NAMES: Final = ("cards", "habits", "merchants", "card_verdicts", "merchant_verdicts")
_ROWS: Final = np.dtype((np.record, [(name, "<i8") for name in _NAMES]))


class Tables(NamedTuple):
    """One table of each kind."""

    cards: CardTable
    merchants: EntityTable
    card_verdicts: EntityTable
    merchant_verdicts: EntityTable

    @classmethod
    def empty(cls, cards_capacity: int, merchants_capacity: int) -> Tables:
        return cls(
            CardTable(cards_capacity),
            EntityTable(MERCHANTS, merchants_capacity),
            EntityTable(CARD_VERDICTS, cards_capacity),
            EntityTable(MERCHANT_VERDICTS, merchants_capacity),
        )

    def all(self) -> tuple[EntityTable, ...]:
        return self

    def unknown(self, columns: Columns) -> dict[EntityTable, list[str]]:
        """Return the names of whose stored states the tables do not hold, where there are any.

        What a card spends in another currency is asked for once the card is there: ask twice.
        """
        own, tills = columns.cards, columns.tills
        wanted: dict[EntityTable, list[str]] = {
            # Who has a row was asked for then, and whoever is not stored need not be asked for again.
            self.card_verdicts: self.card_verdicts.unknown(own, self.cards.lacks(own)),
            self.merchant_verdicts: self.merchant_verdicts.unknown(
                columns.merchants, self.merchants.lacks(tills)
            ),
            self.cards: self.cards.unknown_paying(own, columns.currencies),
            self.merchants: self.merchants.unknown(tills),
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

        -1 where the payment names no merchant, and where nobody was judged.
        """
        rows = np.empty(len(columns), _ROWS)
        rows["cards"], rows["habits"] = self.cards.paying(columns.cards, columns.currencies)
        rows["merchants"] = self.merchants.rows(columns.tills, to_change=True)
        rows["card_verdicts"] = self.card_verdicts.rows(columns.cards)
        rows["merchant_verdicts"] = self.merchant_verdicts.rows(columns.merchants)
        return rows
