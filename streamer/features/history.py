"""What each payment of a batch looks like against what its entities did before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamer.arrays import Floats
from streamer.features.catalogue import FEATURE_ROW, FEATURES
from streamer.features.columns import Columns
from streamer.features.context import CONTEXT_FEATURES, CONTEXT_ROW
from streamer.features.kinds import CARDS, MERCHANTS
from streamer.features.observation import observe
from streamer.features.records import Records, as_records, empty_records
from streamer.features.tables import Tables

__all__ = ["History"]


class History(NamedTuple):
    """For every transaction of a batch, what is known of it from what happened before.

    ``X`` (n, n_features), the model's features, and ``V`` (n, n_context), what only the odds take, are
    NaN where nothing can be known.  ``X[:, 0]`` is ln amount in the payment's own currency; the model
    centres it per currency.  ``card_payments_1d`` (n,) are the card's payments of about a day, and
    ``spending`` and ``merchants`` (n,) the rows that amounts are compared with, as they were before.
    ``n_late`` counts events that were older than what their card had already done.
    """

    X: Floats
    V: Floats
    card_payments_1d: Floats
    spending: Records
    merchants: Records
    n_late: int

    @classmethod
    def observe(cls, columns: Columns, tables: Tables, n_partitions: int = 1) -> History:
        """Return the history of each transaction and bring ``tables`` up to date (IN/OUT).

        A merchant's payments are spread over ``n_partitions``, and its verdicts are not.
        """
        return cls.described(
            columns,
            tables.rows(columns),
            (
                tables.cards.records,
                tables.merchants.records,
                tables.card_verdicts.records,
                tables.merchant_verdicts.records,
            ),
            n_partitions,
        )

    @classmethod
    def described(
        cls,
        columns: Columns,
        rows: Records,
        records: tuple[Records, Records, Records, Records],
        n_partitions: int,
    ) -> History:
        """Return the history of each transaction.

        ``rows`` (n,) are its rows in ``records`` (IN/OUT): of cards, of merchants, and of what verdicts
        said of either.
        """
        n = len(columns)
        X, V = np.empty((n, len(FEATURES))), np.empty((n, len(CONTEXT_FEATURES)))
        X.fill(np.nan)
        V.fill(np.nan)
        of_the_day = np.empty(n)
        spending, merchants = empty_records(n, CARDS.row), empty_records(n, MERCHANTS.row)
        n_late = observe(
            columns.payments,
            columns.times_ms,
            columns.cards,
            columns.merchants,
            rows,
            *records,
            n_partitions,
            as_records(X, FEATURE_ROW),
            as_records(V, CONTEXT_ROW),
            of_the_day,
            spending,
            merchants,
        )
        return cls(X, V, of_the_day, spending, merchants, n_late)
