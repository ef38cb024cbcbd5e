"""Small files and what is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Transaction
from streamer.datafiles import FileReport, PaymentFile, declared
from streamer.intake.decoding import TimestampRange, decode_batch

NOW_MS = 1_800_000_000_000  # 2027-01-15
BELIEVABLE = TimestampRange(earliest_ms=0, max_ahead_ms=86_400_000)


def report_of(path: Path, *maps: str, rejects: Any = None, **options: Any) -> FileReport:
    """Return the report of a whole file, read and decoded in batches of two."""
    report = FileReport(PaymentFile.of(path, declared(maps, **options)), rejects)
    for batch in report.batches(2):
        records = [
            StoredRecord(i, NOW_MS, key, value)
            for i, (key, value) in enumerate(zip(batch.keys, batch.values, strict=True))
        ]
        if records:
            report.add(batch, 0, decode_batch(Batch("file", 0, records, NOW_MS), BELIEVABLE))
    return report


def payments_of(path: Path, *maps: str, **options: Any) -> list[Transaction]:
    """Return the payments of a file in its order; every row must be one."""
    file = PaymentFile.of(path, declared(maps, **options))
    batches = list(file.batches(2))
    assert not any(batch.origin.refused for batch in batches if batch.origin is not None)
    return [msgspec.json.decode(v, type=Transaction) for batch in batches for v in batch.values]


def labels_of(path: Path, *maps: str, **options: Any) -> list[str | None] | None:
    """Return the labels of a file in its order, None where it has none."""
    batches = list(PaymentFile.of(path, declared(maps, **options)).batches(2))
    if batches[0].labels is None:
        return None
    return [label for batch in batches for label in batch.labels or []]
