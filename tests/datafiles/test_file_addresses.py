"""Files by their address, through pyarrow's file systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.datafiles import PaymentFile
from streamer.errors import ConfigurationError
from tests.builders import payment


def lines(n: int, first: int = 0) -> str:
    import json

    return "".join(json.dumps(payment(i, i)) + "\n" for i in range(first, first + n))


def test_a_file_is_read_by_its_address_beside_one_by_its_path(tmp_path: Path) -> None:
    """In the order in which they are given, with the names that they have."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text(lines(3))
    two.write_text(lines(2, first=3))
    file = PaymentFile.of([two.as_uri(), one])
    (batch, other) = list(file.batches(10))
    assert batch.transaction_ids == ["t-3", "t-4"]
    assert other.transaction_ids == ["t-0", "t-1", "t-2"]
    assert [name for name, _ in file.digests] == ["two.jsonl", "one.jsonl"]
    assert file.digests == PaymentFile.of([two, one]).digests


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "file:///nowhere/at/all.parquet",
            "input file must exist, got file:///nowhere/at/all.parquet",
        ),
        (
            "nonsense://x/y.csv",
            "the address of a file must be one that pyarrow reads, got nonsense",
        ),
    ],
)
def test_what_is_not_there_is_said_in_one_line(address: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PaymentFile.of([address])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
