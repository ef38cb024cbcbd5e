"""Writing payment files: what is written reads back, and a failed write leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streamer.contract.messages import Transaction
from streamer.datafiles import count_rows, read_batches, write_rows
from streamer.errors import ConfigurationError

ROWS: list[dict[str, Any]] = [
    {
        "transaction_id": "t1",
        "card_id": "c1",
        "amount": 27.36,
        "currency": "EUR",
        "timestamp": "2018-04-01T00:00:31.250+02:00",
        "mcc": "0742",
        "label": 0,
        "fraud_pattern": None,
    },
    {
        "transaction_id": "t2",
        "card_id": 'c"2, x',
        "amount": 5.0,
        "currency": "USD",
        "timestamp": "2018-04-01T00:00:31Z",
        "latitude": 48.85,
        "label": True,
        "fraud_pattern": "card-testing",
    },
]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_what_is_written_reads_back_as_the_same_transactions(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    assert write_rows(path, [ROWS[:1], [], ROWS[1:]]) == 2
    batches = list(read_batches(path))
    read = [msgspec.json.decode(v, type=Transaction) for b in batches for v in b.values]
    assert read == [msgspec.convert(row, Transaction) for row in ROWS]
    assert [label for b in batches for label in b.labels or []] == [None, "card-testing"]
    assert count_rows(path) == 2
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    write_rows(path, [ROWS])
    before = path.read_bytes()

    def failing() -> Iterator[list[dict[str, Any]]]:
        yield ROWS
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_rows(path, failing())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_field_that_the_file_would_lose_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"got colour$"):
        write_rows(tmp_path / "t.csv", [[{**ROWS[0], "colour": "red"}]])


def test_a_row_that_parquet_cannot_hold_is_a_readable_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(ConfigurationError, match="timestamp must be RFC 3339"):
        write_rows(path, [[{**ROWS[0], "timestamp": "yesterday"}]])
    with pytest.raises(ConfigurationError, match="row must fit"):
        write_rows(path, [[{**ROWS[0], "amount": "much"}]])
    assert list(tmp_path.iterdir()) == []
