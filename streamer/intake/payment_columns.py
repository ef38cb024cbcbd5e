"""The payments of a batch as columns: numbers, what stands for their names, and where the names are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamer.arrays import Integers
from streamer.contract.messages import Transaction
from streamer.contract.record_columns import Spans
from streamer.features.columns import Columns
from streamer.indexing.prints import combine, fingerprints

__all__ = ["CARD", "ID", "MERCHANT", "PaymentColumns"]


ID, CARD, MERCHANT = range(3)
"""The names of a payment: its own, the card's and the merchant's."""


@dataclass(frozen=True, slots=True)
class PaymentColumns:
    """n payments: ``columns`` are what the features read of them, ``ids`` and ``prints`` (n,) what
    stands for the payment's id and for card and id together.  A merchant that is not there has no bytes
    among the ``names`` (n, 3).
    """

    columns: Columns
    ids: Integers
    prints: Integers
    names: Spans

    @classmethod
    def of(cls, transactions: Sequence[Transaction], times_ms: Integers) -> PaymentColumns:
        """Return those of ``transactions``, which count at ``times_ms``."""
        columns = Columns.of(transactions, times_ms)
        names = [t.transaction_id for t in transactions], [t.card_id for t in transactions]
        ids, prints = fingerprints(names[0]), np.empty(len(transactions), dtype=np.int64)
        combine(columns.cards, ids, prints)
        merchants = [t.merchant_id or "" for t in transactions]
        return cls(columns, ids, prints, Spans.of(*names, merchants))

    def only(self, rows: Integers) -> PaymentColumns:
        """Return some of the payments, in this order."""
        kept = self.columns.only(rows), self.ids[rows], self.prints[rows]
        return PaymentColumns(*kept, self.names.within(rows))

    def followed_by(self, others: PaymentColumns) -> PaymentColumns:
        """Return these payments and then the others."""
        return PaymentColumns(
            self.columns.followed_by(others.columns),
            np.concatenate([self.ids, others.ids]),
            np.concatenate([self.prints, others.prints]),
            self.names.followed_by(others.names),
        )
