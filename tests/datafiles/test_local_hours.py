"""The hour that a producer's clock showed survives every format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamer.datafiles import write_rows
from tests.datafiles.helpers import payments_of

ROW = {"transaction_id": "t", "card_id": "c", "amount": 5.0, "currency": "EUR"}
TEXTS = [
    "2026-11-28T05:58:00-05:00",
    "2026-07-01T23:30:00+05:45",
    "2026-11-28T05:58:00Z",
    "2026-11-28T05:58:00.250+01:00",
]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_what_is_written_with_an_offset_is_read_with_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{suffix}"
    write_rows(path, [[{**ROW, "timestamp": text} for text in TEXTS]])
    moments = [payment.timestamp for payment in payments_of(path)]
    assert [(m.hour, m.utcoffset()) for m in moments] == [
        (5, timedelta(hours=-5)),
        (23, timedelta(hours=5, minutes=45)),
        (5, timedelta()),
        (5, timedelta(hours=1)),
    ]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    ("zone", "hours"),
    [("Europe/Vienna", [14, 13]), ("-03:30", [8, 8]), ("UTC", [12, 12]), (None, [12, 12])],
)
def test_a_column_with_a_zone_shows_its_local_hour(
    unit: str, zone: str | None, hours: list[int], tmp_path: Path
) -> None:
    """Noon UTC in July and in January: Vienna is two hours ahead, then one."""
    moments = [datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)]
    if zone is None:
        moments = [moment.replace(tzinfo=None) for moment in moments]
    path = tmp_path / "t.parquet"
    columns = {name: [value] * 2 for name, value in ROW.items()}
    table = pa.table({**columns, "timestamp": pa.array(moments, pa.timestamp(unit, zone))})
    pq.write_table(table, path)
    found = [payment.timestamp for payment in payments_of(path)]
    assert [moment.hour for moment in found] == hours
    assert [moment.astimezone(UTC).hour for moment in found] == [12, 12]


def test_simulated_payments_have_the_same_local_hours_in_every_format(tmp_path: Path) -> None:
    rows = [
        {**ROW, "timestamp": f"2026-11-28T{i % 24:02d}:58:00{sign}{i % 13:02d}:00"}
        for i in range(200)
        for sign in "+-"
    ]
    hours = {}
    for suffix in ("jsonl", "parquet", "csv"):
        path = tmp_path / f"t.{suffix}"
        write_rows(path, [rows])
        hours[suffix] = [payment.timestamp.hour for payment in payments_of(path)]
    assert hours["jsonl"] == hours["parquet"] == hours["csv"]
    assert hours["jsonl"] == [int(row["timestamp"][11:13]) for row in rows]
