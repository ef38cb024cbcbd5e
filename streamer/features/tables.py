"""The entity tables of one partition, and where a batch's payments are in them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from streamer.features.columns import Columns
from streamer.features.entities import EntityTable
from streamer.features.kinds import CARD_VERDICTS, CARDS, MERCHANT_VERDICTS, MERCHANTS, SPENDING
from streamer.features.records import Records

__all__ = ["Tables"]

_KINDS: Final = (CARDS, SPENDING, MERCHANTS, CARD_VERDICTS, MERCHANT_VERDICTS)
_ROWS: Final = np.dtype((np.record, [(kind.name, "<i8") for kind in _KINDS]))


class Tables(NamedTuple):
    """One table of each kind."""

    cards: EntityTable
    spending: EntityTable
    merchants: EntityTable
    card_verdicts: EntityTable
    merchant_verdicts: EntityTable

    @classmethod
    def empty(cls, cards_capacity: int, merchants_capacity: int) -> Tables:
        return cls(
            EntityTable(CARDS, cards_capacity),
            EntityTable(SPENDING, cards_capacity),
            EntityTable(MERCHANTS, merchants_capacity),
            EntityTable(CARD_VERDICTS, cards_capacity),
            EntityTable(MERCHANT_VERDICTS, merchants_capacity),
        )

    def all(self) -> tuple[EntityTable, ...]:
        return self

    def unknown(self, columns: Columns) -> dict[EntityTable, list[str]]:
        """Return the keys of ``columns`` that the tables do not hold, where there are any."""
        wanted = {
            table: table.unknown(keys) for table, keys in zip(self, columns.keys, strict=True)
        }
        return {table: keys for table, keys in wanted.items() if keys}

    def rows(self, columns: Columns) -> Records:
        """Return each payment's row in every table (n,), made where there was none.

        -1 where the payment names no merchant.  Before the first verdict none are made in a table of
        verdicts, whose row 0 is then of zeros as any other.
        """
        rows = np.empty(len(columns), _ROWS)
        for table, keys in zip(self, columns.keys, strict=True):
            is_changed = table.kind in (CARDS, SPENDING, MERCHANTS)
            is_needed = is_changed or len(table)
            rows[table.kind.name] = table.rows(keys, to_change=is_changed) if is_needed else 0
        return rows
