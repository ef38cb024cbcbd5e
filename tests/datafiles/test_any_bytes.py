"""No bytes under any name end in anything but a report or one readable error."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
from pathlib import Path

import cramjam
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.errors import StreamerError
from tests.datafiles.helpers import report_of

SUFFIXES = ["csv", "tsv", "jsonl", "json", "parquet", "csv.gz", "jsonl.zst", "parquet.gz"]
ROWS = [
    {
        "transaction_id": f"t{i}",
        "card_id": "c",
        "amount": 1.5,
        "currency": "EUR",
        "timestamp": "2026-11-28T05:58:00Z",
        "label": i % 2,
    }
    for i in range(40)
]
CSV = "\n".join(
    [",".join(ROWS[0]), *(",".join(str(value) for value in row.values()) for row in ROWS)]
).encode()
JSON = b"\n".join(msgspec.json.encode(row) for row in ROWS)


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


def whole(suffix: str) -> bytes:
    data = {"p": parquet(), "c": CSV, "t": CSV, "j": JSON}[suffix[0]]
    if suffix.endswith(".gz"):
        return gzip.compress(data)
    return bytes(cramjam.zstd.compress(data)) if suffix.endswith(".zst") else data


def tried(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with contextlib.suppress(StreamerError):
        report = report_of(path)
        report.require_payments()
        assert report.n_usable > 0


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=400))
def test_any_bytes(suffix: str, content: bytes, tmp_path: Path) -> None:
    tried(tmp_path / f"t.{suffix}", content)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.text(alphabet="{}[]\":,;|\t\n\r'\\ \ufeffaé01.-+eE\ud83d", max_size=200))
def test_any_text_of_signs_that_mean_something(suffix: str, content: str, tmp_path: Path) -> None:
    tried(tmp_path / f"t.{suffix}", content.encode(errors="surrogatepass"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut_off_or_has_changed_bytes(suffix: str, tmp_path: Path) -> None:
    """Seed 8: 60 cuts and 120 files with up to five bytes changed."""
    rng = random.Random(8)
    data = whole(suffix)
    for trial in range(180):
        if trial % 3 == 0:
            content = bytearray(data[: rng.randrange(len(data))])
        else:
            content = bytearray(data)
            for _ in range(rng.randrange(1, 6)):
                content[rng.randrange(len(content))] = rng.randrange(256)
        tried(tmp_path / f"t.{suffix}", bytes(content))
