"""A payment by the clock, as a worker judges it when its record arrives: not too old, not ahead."""

from __future__ import annotations

from typing import Any, cast

from streamer.contract.batch import StoredRecord
from streamer.intake.readings import Payment, Reading, Refused
from streamer.intake.refused_records import TimestampRange, unbelievable

__all__ = ["timely"]


def timely(reading: Reading, believable: TimestampRange, now_ms: int) -> Reading:
    """Return what a reading is if its record arrives at ``now_ms``, in epoch milliseconds."""
    if not isinstance(reading, Payment):
        return reading
    time_ms = round(reading.transaction.timestamp.timestamp() * 1000)
    latest_ms = now_ms + believable.max_ahead_ms
    if believable.earliest_ms <= time_ms <= latest_ms:
        return reading
    # Of the letter the record is not looked at.
    letter = unbelievable(
        StoredRecord(0, 0, None, b""), "timestamp", time_ms, believable, latest_ms
    )
    return Refused(cast("Any", letter.reason), letter.path, letter.detail)
