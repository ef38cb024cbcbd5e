"""A batch of records through the compiled loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.contract.batch import Batch
from streamer.features.columns import PAYMENT, Columns
from streamer.indexing.text_spans import Spans
from streamer.intake.payment_columns import PaymentColumns
from streamer.intake.scanning.scanner import N_FIELDS, N_NUMBERS, scan_messages
from streamer.intake.scanning.tokens import ANY_BYTE, NO_UTF_8

__all__ = ["Scanned", "scan"]


class Scanned(NamedTuple):
    """What became of each record of a batch (n,), and how many are payments; what is none has a row in
    ``payments`` all the same, in which nothing means anything."""

    becomes: NDArray[np.int64]
    n_read: int
    n_key_mismatches: int
    payments: PaymentColumns


def scan(batch: Batch, earliest_ms: int, latest_ms: int) -> Scanned:
    """Return what can be read of ``batch`` without making objects, and what cannot.

    An event's time is believed between ``earliest_ms`` and ``latest_ms``.
    """
    records, n = batch.records, len(batch)
    values = [record.value or b"" for record in records]
    parts = values + [record.key or b"" for record in records]
    joined = b"".join(parts)
    lengths = np.fromiter(map(len, parts), np.int64, 2 * n)
    sent_ms = np.fromiter([record.timestamp for record in records], np.int64, n)
    stops = ANY_BYTE if joined.isascii() or _is_utf_8(values) else NO_UTF_8
    text, numbers = np.frombuffer(joined, np.uint8), np.empty((N_NUMBERS, n), np.int64)
    payments, spans = np.empty(n, PAYMENT), np.empty((n, 6), np.int64)
    n_read, n_key_mismatches = scan_messages(
        text,
        lengths,
        stops,
        sent_ms,
        batch.received_at_ms,
        earliest_ms,
        latest_ms,
        np.empty((2, N_FIELDS), np.int64),
        numbers,
        payments,
        spans,
    )
    becomes, times_ms, currencies, cards, merchants, tills, ids, prints = numbers
    columns = Columns(cards, merchants, tills, times_ms, currencies, payments)
    names = Spans(text, spans)
    return Scanned(becomes, n_read, n_key_mismatches, PaymentColumns(columns, ids, prints, names))


def _is_utf_8(values: list[bytes]) -> bool:
    """Whether every message that can be plain is UTF-8: none begins or ends within a character."""
    try:
        return bool(b"".join(values).decode())
    except UnicodeDecodeError:
        return False
