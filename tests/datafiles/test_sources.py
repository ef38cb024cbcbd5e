"""What a command may be given: compressed files, directories, standard input, JSON in any layout."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import pickle
import random
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import cramjam
import fastavro
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamer.datafiles import PaymentFile, unpacking
from streamer.datafiles import json_values as cutting
from streamer.errors import ConfigurationError, NothingToScoreError
from tests.datafiles.helpers import payments_of, report_of

ROWS: list[dict[str, Any]] = [
    {
        "transaction_id": f"t{i}",
        "card_id": "c",
        "amount": 1.5 + i,
        "currency": "EUR",
        "timestamp": "2026-11-28T05:58:00Z",
        "merchant_id": 'a"}]{[\\',
    }
    for i in range(5)
]
IDS = [f"t{i}" for i in range(5)]


def content(kind: str) -> bytes:
    if kind == "csv":
        names = list(ROWS[0])[:-1]
        lines = [names, *([str(row[name]) for name in names] for row in ROWS)]
        return "\n".join(",".join(line) for line in lines).encode()
    if kind == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(ROWS), out)
        return out.getvalue()
    return b"\n".join(msgspec.json.encode(row) for row in ROWS)


def zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("compress", "suffix"),
    [(gzip.compress, ".gz"), (zstd, ".zst"), (zstd, ".zstd"), (bytes, ".gz")],
)
def test_compressed_files_are_told_by_their_bytes(
    kind: str, compress: Any, suffix: str, tmp_path: Path
) -> None:
    """The last kind has the suffix only: somebody's browser has decompressed it already."""
    path = tmp_path / f"t.{kind}{suffix}"
    path.write_bytes(compress(content(kind)))
    assert [p.transaction_id for p in payments_of(path)] == IDS


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_truncated_file_is_one_readable_error(kind: str, compress: Any, tmp_path: Path) -> None:
    suffix = "gz" if compress is gzip.compress else "zst"
    path = tmp_path / f"t.{kind}.{suffix}"
    whole = compress(content(kind))
    for size in (5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ConfigurationError, match=f"t.{kind}.{suffix} must be whole"):
            report_of(path)


def test_what_was_decompressed_goes_with_its_source(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.zst"
    path.write_bytes(zstd(content("csv")))
    file = PaymentFile.of(path)
    laid_down = file.source.parts[0].path
    assert laid_down.exists()
    del file
    assert not laid_down.exists()


def test_a_directory_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Rows are numbered within their file; Spark's own files are no data."""
    names = ["card_id,amount,timestamp\n", "c,1,2026-11-28T05:58:00Z\n"]
    (tmp_path / "part-2.csv").write_text(names[0] + names[1] + "c,much,x\n")
    (tmp_path / "part-1.csv.gz").write_bytes(gzip.compress((names[0] + names[1] * 3).encode()))
    (tmp_path / "part-3.csv").write_text("")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "readme.txt").touch()
    report = report_of(tmp_path)
    assert report.n_usable == 4
    assert [(r["rows"], r["lines"]) for r in report.refused] == [([2], [3])]
    assert "not read, for their suffix: readme.txt" in report.notes
    ids = [i for b in PaymentFile.of(tmp_path).batches() for i in b.transaction_ids if i]
    assert ids == ["row-0", "row-1", "row-2", "row-3"]


def test_a_directory_of_two_formats_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"must hold files of one format .*, got none"):
        PaymentFile.of(tmp_path)
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.jsonl").touch()
    with pytest.raises(ConfigurationError, match=r"of one format .*, got a.csv, b.jsonl"):
        PaymentFile.of(tmp_path)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_standard_input_is_read_in_the_format_that_is_named(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(content(kind)))))
    file = PaymentFile.of("-", None, kind)
    assert [i for batch in file.batches() for i in batch.transaction_ids] == IDS


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_standard_input_without_a_format_is_told_by_its_content(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content(kind))))
    file = PaymentFile.of("-")
    assert [i for batch in file.batches() for i in batch.transaction_ids] == IDS


def test_standard_input_that_is_closed_is_one_readable_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ConfigurationError, match="standard input must be readable"):
        PaymentFile.of("-")


@pytest.mark.parametrize(
    "given", [content("csv"), b"%PDF-1.7\n", None], ids=["read", "refused", "none"]
)
def test_what_came_on_standard_input_is_kept_no_longer_than_it_is_read(
    given: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are somebody's payments, also those of a file that is refused."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    piped = None if given is None else io.TextIOWrapper(io.BytesIO(given))
    monkeypatch.setattr("sys.stdin", piped)
    with suppress(ConfigurationError):
        file = PaymentFile.of("-")
        assert len(list(tmp_path.iterdir())) == 1
        del file
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def pretty(rows: list[dict[str, Any]], indent: int = 2) -> bytes:
    return b"\n".join(msgspec.json.format(msgspec.json.encode(r), indent=indent) for r in rows)


LAYOUTS = {
    "lines": b"\n".join(msgspec.json.encode(row) for row in ROWS),
    "pretty-printed": pretty(ROWS),
    "one after the other": b"".join(pretty([row]) for row in ROWS),
    "array": msgspec.json.encode(ROWS),
    "pretty-printed array": msgspec.json.format(msgspec.json.encode(ROWS), indent=4),
    "array of lines": b"[\n" + b",\n".join(msgspec.json.encode(row) for row in ROWS) + b"\n]\n",
    "byte order mark": b"\xef\xbb\xbf" + content("jsonl"),
    "utf-16": b"\xff\xfe" + content("jsonl").decode().encode("utf-16-le"),
}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_json_is_read_in_any_layout(
    suffix: str, layout: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets and quotes within strings cut nothing, wherever the chunks of the file end."""
    if chunk == 7 and "array" in layout:
        monkeypatch.setattr(cutting, "_CHUNK", 7)
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(LAYOUTS[layout])
    assert [p.transaction_id for p in payments_of(path)] == IDS


def test_a_broken_object_among_pretty_printed_ones_is_refused_with_its_line(tmp_path: Path) -> None:
    """Each of the objects takes eight lines."""
    path = tmp_path / "t.json"
    path.write_bytes(pretty(ROWS).replace(b'"amount": 2.5', b'"amount": oops'))
    report = report_of(path)
    (refused,) = report.refused
    assert report.n_usable == 4
    assert (refused["rows"], refused["lines"]) == ([2], [9])


def test_a_broken_first_line_does_not_make_lines_of_a_file_one_object(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"card_id": "c", "amo\n' + content("jsonl"))
    report = report_of(path)
    assert report.n_usable == 5
    assert [(r["reason"], r["rows"]) for r in report.refused] == [("truncated_json", [1])]


def test_an_array_that_holds_no_object_holds_no_payment(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for text in ("[]", "[1, 2]", "  "):
        path.write_text(text)
        with pytest.raises(NothingToScoreError, match=r"t.json must hold payments"):
            report_of(path).require_payments()


def test_a_bracket_that_never_closes_is_an_error_and_not_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "_MAX_VALUE", 1_000)
    monkeypatch.setattr(cutting, "_CHUNK", 500)
    path = tmp_path / "t.json"
    path.write_bytes(b'[{"a": 1},\n{"b": ' + b"[" * 5_000)
    with pytest.raises(ConfigurationError, match="got a bracket in line 2 that does not close"):
        report_of(path)


def test_bzip2_is_read_and_its_start_alone_is_one_error(tmp_path: Path) -> None:
    data = bz2.compress(content("jsonl"))
    (tmp_path / "t.jsonl.bz2").write_bytes(data)
    assert [p.transaction_id for p in payments_of(tmp_path / "t.jsonl.bz2")] == IDS
    (tmp_path / "t.jsonl.bz2").write_bytes(data[:-9])
    with pytest.raises(ConfigurationError, match="must be whole bzip2 data"):
        payments_of(tmp_path / "t.jsonl.bz2")


def _pandas(orient: str) -> bytes:
    names = list(ROWS[0])
    if orient == "split":
        data = [list(row.values()) for row in ROWS]
        return msgspec.json.encode({"columns": names, "index": list(range(5)), "data": data})
    if orient == "table":
        fields = [{"name": name, "type": "string"} for name in names]
        return msgspec.json.encode({"schema": {"fields": fields}, "data": ROWS})
    by_row = {str(i): row for i, row in enumerate(ROWS)}
    by_column = {name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in names}
    return msgspec.json.encode(by_row if orient == "index" else by_column)


@pytest.mark.parametrize("orient", ["split", "table", "index", "columns"])
def test_a_table_that_pandas_has_written_is_read_by_its_rows(orient: str, tmp_path: Path) -> None:
    """Every ``orient`` that is no row a line; it is said how the file was read."""
    path = tmp_path / "t.json"
    path.write_bytes(_pandas(orient))
    assert [p.transaction_id for p in payments_of(path)] == IDS
    assert [p.amount for p in payments_of(path)] == [1.5, 2.5, 3.5, 4.5, 5.5]
    assert PaymentFile.of(path).notes == [
        f't.json was read as a table of pandas (orient="{orient}")'
    ]


@pytest.mark.parametrize(
    "broken",
    [
        _pandas("split")[:-20],
        _pandas("columns")[:-3],
        b'{"columns":["a","b"],"index":[0],"data":[[1]]}',
        b'{"columns":[1],"data":[[1]]}',
        b'{"card":{"0":"c"},"amount":{"1":2}}',
        b'{"card":{"0":"c"},"amount":3}',
    ],
)
def test_what_is_no_whole_table_is_a_message_that_is_refused(broken: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(broken)
    with pytest.raises(NothingToScoreError):
        report_of(path).require_payments()


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO tx (id, amount) VALUES ('t1', 42.5);\n",
        "-- MySQL dump 10.13\n\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `tx`;\n"
        "CREATE TABLE `tx` (`id` int);\n",
        "--\n-- PostgreSQL database dump\n--\nSET lock_timeout = 0;\n\n"
        "COPY public.tx (id, amount) FROM stdin;\n1\t2\n\\.\n",
        "BEGIN TRANSACTION;\ninsert ignore into tx values (1, 2);\n",
    ],
)
@pytest.mark.parametrize("name", ["t.sql", "t.csv", "t.txt", "t.jsonl"])
def test_sql_is_refused_by_its_name_with_what_to_do(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match="got SQL statements; load them into a database"):
        PaymentFile.of(tmp_path / name)


@pytest.mark.parametrize(
    ("suffix", "start", "n"),
    [
        ("csv", b"transaction_id,card_id,amount,currency,timestamp\n", 8_000_000),
        ("jsonl", b'{"a": 1}\n{"b": "', 20_000_000),
        ("jsonl", b'{"b": "', 20_000_000),
    ],
)
def test_a_line_that_does_not_end_is_one_error(
    suffix: str, start: bytes, n: int, tmp_path: Path
) -> None:
    """A letter over and over, out of a little gzip: it is not gathered until memory ends."""
    path = tmp_path / f"t.{suffix}.gz"
    path.write_bytes(gzip.compress(start + b"x" * n, 1))
    with pytest.raises(ConfigurationError, match=r"lines|does not close within"):
        report_of(path)


def _avro(records: list[dict[str, Any]], schema: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records)
    return out.getvalue()


CAPTURE = {
    "type": "record",
    "name": "EventData",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}


def test_what_event_hubs_has_captured_is_read_by_its_bodies(tmp_path: Path) -> None:
    """A message a record, pretty-printed or not; one that is empty is none."""
    bodies = [msgspec.json.encode(row) for row in ROWS[:4]] + [pretty([ROWS[4]]), b"", None]
    records = [
        {"SequenceNumber": i, "Offset": "0", "EnqueuedTimeUtc": "11/28/2026", "Body": body}
        for i, body in enumerate(bodies)
    ]
    directory = tmp_path / "capture"
    directory.mkdir()
    (directory / "00.avro").write_bytes(_avro(records, CAPTURE))
    report = report_of(directory)
    assert (report.n_usable, report.n_refused) == (5, 0)
    assert report.to_dict()["passed_over"] == {"tombstone": 2}
    assert "00.avro is Event Hubs Capture's, read by the bodies of its records" in report.notes


def test_a_file_of_avro_is_read_by_its_records(tmp_path: Path) -> None:
    """Decimals as numbers, instants as times; its start alone is one error."""
    logical: dict[str, dict[str, Any]] = {
        "amount": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        "timestamp": {"type": "long", "logicalType": "timestamp-millis"},
    }
    names = ("transaction_id", "card_id", "amount", "currency", "timestamp")
    fields = [{"name": name, "type": logical.get(name, "string")} for name in names]
    schema = {"type": "record", "name": "Payment", "fields": fields}
    moment = datetime(2026, 11, 28, 5, 58, tzinfo=UTC)
    values = [{**row, "amount": Decimal("42.50"), "timestamp": moment} for row in ROWS]
    data = _avro(values, schema)
    (tmp_path / "t.avro").write_bytes(data)
    found = payments_of(tmp_path / "t.avro")
    assert [(p.transaction_id, p.amount, p.timestamp) for p in found] == [
        (name, 42.5, moment) for name in IDS
    ]
    (tmp_path / "t.avro").write_bytes(data[:-30])
    with pytest.raises(ConfigurationError, match="must be an Avro file that is whole"):
        payments_of(tmp_path / "t.avro")


@pytest.mark.parametrize(("compress", "suffix"), [(zstd, "zst"), (bz2.compress, "bz2")])
def test_what_unpacks_to_more_than_the_disk_has_is_refused(
    compress: Any, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 MB of one letter are a few bytes."""
    path = tmp_path / f"t.jsonl.{suffix}"
    path.write_bytes(compress(b"x" * 40_000_000))
    monkeypatch.setattr(unpacking, "room_for", lambda _: 30 << 20)
    with pytest.raises(ConfigurationError, match="must unpack to at most 30 MiB"):
        PaymentFile.of(path)
    path.write_bytes(compress(content("jsonl")))
    assert [p.transaction_id for p in payments_of(path)] == IDS


@pytest.mark.parametrize("n", [0, 1, 255, 300, 70_000, 131_072, 1_000_000])
def test_the_room_of_zstd_is_known_before_it_is_unpacked(n: int) -> None:
    """Frames with a size, without one, behind one another and after one that is skipped."""
    data = random.Random(n).randbytes(n)
    whole = zstd(data)
    assert unpacking.most_of_zstd(whole) == n
    skipped = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    assert unpacking.most_of_zstd(skipped + whole + whole) == 2 * n
    stream = cramjam.zstd.Compressor()
    stream.compress(data)
    without_size = bytes(stream.finish())
    assert n <= unpacking.most_of_zstd(without_size) <= n + 262_144


def test_a_pickle_is_refused_by_its_name_with_what_makes_parquet_of_it(tmp_path: Path) -> None:
    path = tmp_path / "2018-04-01.pkl"
    path.write_bytes(pickle.dumps(ROWS))
    with pytest.raises(ConfigurationError, match="got a pickle, which can run any code") as raised:
        PaymentFile.of(path)
    assert "read_pickle('2018-04-01.pkl').to_parquet('2018-04-01.parquet')" in str(raised.value)
