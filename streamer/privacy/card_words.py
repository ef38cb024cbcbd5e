"""What is kept of a card, decoded: the numbers as they are stored, and sentences that say them.

Pure.  A row has sums that fade: each payment counts whole when it happens and half after the sum's
half-life, so that "about 3 payments within a day" may be more of them that are older.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from streamer.contract.codes import CURRENCIES
from streamer.errors import InvariantError
from streamer.features import CARDS, money
from streamer.features.kinds import CARD_VERDICTS, EntityKind
from streamer.features.records import Record, as_records
from streamer.store import rfc3339

__all__ = ["card_state", "card_verdicts"]

_PLACES: Final = ("merchants", "countries", "categories")
_SLOTS: Final = ((0, 24), (24, 38), (38, 52))
_DEGREES: Final = 1e-7
_HALVES: Final = 2
_FEW: Final = 0.05


def card_state(packed: bytes, currency: str | None = None) -> dict[str, Any]:
    """Return a stored row of a card; ``currency`` is that of a row for another than its first."""
    row = _row(packed, CARDS)
    named = currency or _currency(row)
    return {
        "currency": named,
        "last_payment_at": rfc3339(int(row.time_ms)) if row.time_ms >= 0 else None,
        "words": list(_card_words(row, named, is_other=currency is not None)),
        "numbers": _numbers(row, CARDS),
    }


def card_verdicts(packed: bytes) -> dict[str, Any]:
    """Return a stored row of what verdicts said of a card."""
    row = _row(packed, CARD_VERDICTS)
    # One half-life each.
    verdicts, frauds = row.verdicts.item(), row.frauds.item()
    return {
        "last_verdict_at": rfc3339(int(row.time_ms)) if row.time_ms >= 0 else None,
        "words": [
            f"About {verdicts:.1f} verdicts on it, {frauds:.1f} of which said fraud; one "
            "counts half after 30 days."
        ],
        "numbers": _numbers(row, CARD_VERDICTS),
    }


def _row(packed: bytes, kind: EntityKind) -> Record:
    if len(packed) != kind.row.itemsize:
        raise InvariantError(
            f"stored state of {kind.name} must have {kind.row.itemsize} bytes, got {len(packed)}; "
            "another release has written it"
        )
    matrix = np.frombuffer(bytearray(packed), np.uint8).reshape(1, -1)
    return as_records(matrix, kind.row)[0]


def _numbers(row: Record, kind: EntityKind) -> dict[str, Any]:
    names = [name for name in kind.row.names or () if name != "sums"]
    return {name: np.asarray(row[name]).tolist() for name in names}


def _currency(row: Record) -> str | None:
    index = int(row.currency) - 1
    return CURRENCIES[index] if 0 <= index < len(CURRENCIES) else None


def _card_words(row: Record, currency: str | None, *, is_other: bool) -> Iterator[str]:
    if not is_other:
        yield (
            f"About {row.payments_1h:.1f} payments within an hour of the last one, "
            f"{row.payments_1d:.1f} within a day, {row.payments_7d:.1f} within a week, "
            f"{row.payments_30d:.1f} within a month."
        )
    if currency is not None and row.payments > _FEW:
        mean = row.logs / row.payments
        spread = math.sqrt(max(row.logs_sq / row.payments - mean * mean, 0.0))
        low, middle, high = (math.exp(mean + n * spread) for n in (-1.0, 0.0, 1.0))
        yield (
            f"In {currency} it usually pays about {money(middle, currency)}, mostly "
            f"{money(low, currency)} to {money(high, currency)}; {row.payments:.1f} payments with an "
            "amount are known, each of which counts half after 60 days."
        )
        yield (
            f"It spent about {money(row.spent_1d, currency)} within a day and "
            f"{money(row.spent_30d, currency)} within a month."
        )
    if row.small_series > _FEW or row.high_series > _FEW:
        yield (
            f"Lately payments were below what is usual by {row.small_series:.1f} in all and above it "
            f"by {row.high_series:.1f}, as logarithms."
        )
    if is_other:
        return
    pull = math.hypot(row.hours_x, row.hours_y)
    if row.payments_30d > _FEW and pull > _FEW:
        hour = (math.atan2(row.hours_y, row.hours_x) / (2 * math.pi) * 24) % 24
        yield (
            f"It mostly pays around {int(hour):02d}:{int(hour % 1 * 60):02d}, local time (so sure: "
            f"{pull / row.payments_30d:.0%})."
        )
    if row.present_ms > 0:
        latitude, longitude = row.latitude * _DEGREES, row.longitude * _DEGREES
        yield (
            f"It was last present at {latitude:.5f}, {longitude:.5f}, at "
            f"{rfc3339(int(row.present_ms))}."
        )
    for kind, (first, end), named in zip(_PLACES, _SLOTS, row.place_payments, strict=True):
        n_slots = int(np.count_nonzero(row.visits[first:end]))
        if n_slots:
            yield (
                f"{named / _HALVES:.1f} of its payments named one of its {kind}, in {n_slots} of "
                f"{end - first} slots; which these were cannot be read from that."
            )
