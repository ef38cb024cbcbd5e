"""A batch of records through the compiled loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamer.arrays import Integers
from streamer.contract.batch import Batch
from streamer.contract.record_columns import Spans
from streamer.features.columns import PAYMENT, Columns
from streamer.features.records import empty_records
from streamer.intake.payment_columns import PaymentColumns
from streamer.intake.scanning.scanner import N_FIELDS, N_NUMBERS, scan_messages

__all__ = ["Scanned", "scan"]


class Scanned(NamedTuple):
    """What became of each record of a batch (n,), and how many are payments; what is none has a row in
    ``payments`` all the same, in which nothing means anything."""

    becomes: Integers
    n_read: int
    n_key_mismatches: int
    payments: PaymentColumns


def scan(batch: Batch, earliest_ms: int, latest_ms: int, *, checks_cards: bool = True) -> Scanned:
    """Return what can be read of ``batch`` without making objects, and what cannot.

    An event's time is believed between ``earliest_ms`` and ``latest_ms``; ``checks_cards`` is as in
    `scan_messages`.
    """
    n, values = len(batch), batch.values()
    numbers, payments = np.empty((N_NUMBERS, n), np.int64), empty_records(n, PAYMENT)
    names, scratch = np.empty((2, n, 3), np.int64), np.empty((2, N_FIELDS), np.int64)
    counts = scan_messages(
        *values,
        *batch.keys(),
        batch.timestamps,
        batch.received_at_ms,
        earliest_ms,
        latest_ms,
        checks_cards,
        scratch,
        numbers,
        payments,
        names,
    )
    becomes, times_ms, currencies, cards, merchants, tills, ids, prints = numbers
    columns = Columns(cards, merchants, tills, times_ms, currencies, payments)
    spans = Spans(values.content, *names)
    return Scanned(becomes, *counts, PaymentColumns(columns, ids, prints, spans))
