"""What the entities of a batch did before: read from the tables, then brought up to date.

The sums of every event are those *before* it, so that an event is never compared with itself.  One
that arrives late is taken at the latest time its entity has reached: it sees a gap of zero and rewinds
nothing.

A verification of a card (amount 0) is an event like any other of its card and its merchant, in place
and in pace; it leaves what is known of amounts as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.features.columns import Columns
from streamer.features.entities import EntityKind, EntityTable
from streamer.features.habit import against_habit, surprise
from streamer.features.observation import Visits
from streamer.features.places import PLACE_HALF_LIVES_S, PLACE_KINDS
from streamer.features.verdicts import CARD_VERDICTS, MERCHANT_VERDICTS, verdict_sums

__all__ = ["CARDS", "DAY", "MERCHANTS", "SPENDING", "History", "Tables"]

Floats = NDArray[np.float64]

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0

# Sums: payments at three speeds; the hours of the day as a decayed mean direction; visits to places.
# Last values: latitude, longitude and time (epoch ms) of the last card-present payment.
CARDS: Final = EntityKind(
    "cards",
    (HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, 30 * DAY_S, 30 * DAY_S, *PLACE_HALF_LIVES_S),
    n_last=3,
)
# Which of a card's sums are its payments of about a day.
DAY: Final = 1
_PLACES: Final = 6
# Sums: payments, ln amount and its square (the card's habit); amount over a day and over a month; by
# how much the card's payments went above its habit lately, and by how much below.
SPENDING: Final = EntityKind(
    "spending",
    (60 * DAY_S, 60 * DAY_S, 60 * DAY_S, DAY_S, 30 * DAY_S, 3 * DAY_S, HOUR_S),
)
_SURPRISES: Final = 5
# Sums: payments at two speeds; payments, ln amount and its square; by how much the payments went above
# their cards' habits.
MERCHANTS: Final = EntityKind(
    "merchants", (HOUR_S, DAY_S, 30 * DAY_S, 30 * DAY_S, 30 * DAY_S, 7 * DAY_S)
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The entity tables of one partition."""

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
        return (
            self.cards,
            self.spending,
            self.merchants,
            self.card_verdicts,
            self.merchant_verdicts,
        )

    def unknown(self, columns: Columns) -> dict[EntityTable, list[str]]:
        """Return the keys of ``columns`` that the tables do not hold, where there are any."""
        wanted = {
            self.cards: self.cards.unknown(columns.card_keys),
            self.spending: self.spending.unknown(columns.spending_keys),
            self.merchants: self.merchants.unknown(columns.merchant_keys),
            self.card_verdicts: self.card_verdicts.unknown(columns.card_keys),
            self.merchant_verdicts: self.merchant_verdicts.unknown(columns.merchant_ids),
        }
        return {table: keys for table, keys in wanted.items() if keys}


@dataclass(frozen=True, slots=True)
class History:
    """For every transaction of a batch, what was known just before it.

    Sums have shape (n, n_sums) and are 0 for an entity never seen; gaps (s) and last values are NaN
    there.  ``card_visits`` (n, 3) are those to the payment's merchant, country and category, NaN where
    it names none, ``card_payments`` (n, 3) all that named one.  ``n_late`` counts events that were
    older than what their card had already done.
    """

    card_sums: Floats
    card_gaps_s: Floats
    card_last: Floats
    card_visits: Floats
    card_payments: Floats
    spending_sums: Floats
    surprise_sums: Floats
    merchant_sums: Floats
    card_verdict_sums: Floats
    merchant_verdict_sums: Floats
    n_late: int

    @classmethod
    def observe(cls, columns: Columns, tables: Tables) -> History:
        """Return the history of each transaction and bring ``tables`` up to date (IN/OUT)."""
        n, times_ms, log_amounts = len(columns), columns.times_ms, columns.log_amounts
        angles = columns.local_hours * (2 * np.pi / 24)
        cards = Visits(tables.cards, columns.card_keys, times_ms)
        addends = np.ones((n, _PLACES))
        addends[:, 4], addends[:, 5] = np.cos(angles), np.sin(angles)
        card_sums = cards.add(addends)
        located = np.empty((n, CARDS.n_last))
        located[:, 0], located[:, 1] = columns.latitudes, columns.longitudes
        located[:, 2] = times_ms
        card_last = cards.carry(located)
        spending = Visits(tables.spending, columns.spending_keys, times_ms)
        has_amount = columns.amounts > 0
        logs = np.where(has_amount, log_amounts, 0.0)
        spent = np.empty((n, _SURPRISES))
        spent[:, 0], spent[:, 1], spent[:, 2] = has_amount, logs, logs**2
        spent[:, 3] = spent[:, 4] = columns.amounts
        habit = spending.add(spent)
        _, deviations = against_habit(log_amounts, habit[:, 0], habit[:, 1], habit[:, 2])
        surprises = np.empty((n, 2))
        surprises[:, 0], surprises[:, 1] = surprise(deviations), surprise(-deviations)
        surprise_sums = spending.add(surprises, first=_SURPRISES)
        spending.close()
        places = np.full((n, len(PLACE_KINDS)), -1, dtype=np.int64)
        places[:, 1], places[:, 2] = columns.countries, columns.categories
        merchant_sums = np.full((n, MERCHANTS.n_sums), np.nan)
        # Converted once: every indexing by a list would do it again.
        named = [i for i, key in enumerate(columns.merchant_keys) if key is not None]
        known = np.array(named, dtype=np.int64)
        if len(known):
            keys = [key for key in columns.merchant_keys if key is not None]
            merchants = Visits(tables.merchants, keys, times_ms.take(known))
            taken = np.ones((len(known), MERCHANTS.n_sums))
            taken[:, 2:5] = spent[:, :3].take(known, axis=0)
            taken[:, 5] = surprises[:, 0].take(known)
            merchant_sums[known] = merchants.add(taken)
            merchants.close()
            places[known, 0] = tables.merchants.hashes[merchants.rows].astype(np.int64)
        visits, payments = cards.visit(places, first=_PLACES)
        cards.close()
        return cls(
            card_sums,
            cards.gaps_s,
            card_last,
            visits,
            payments,
            habit,
            surprise_sums,
            merchant_sums,
            verdict_sums(tables.card_verdicts, columns.card_keys, columns.times_ms),
            verdict_sums(tables.merchant_verdicts, columns.merchant_ids, columns.times_ms),
            cards.n_late,
        )

    def repeated(self, index: int, n: int) -> History:
        """Return transaction ``index``'s history ``n`` times."""
        arrays = {
            field.name: np.repeat(getattr(self, field.name)[index : index + 1], n, axis=0)
            for field in fields(self)
            if field.name != "n_late"
        }
        return History(**arrays, n_late=0)
