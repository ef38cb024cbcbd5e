"""Small files as people have them, made here, each with what has to become of it.

A case says how many payments are read and how many rows are refused, by every command alike; or what
the one error has in it when the file as a whole is refused.  The rows are the same in all of them.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cramjam
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["CASES", "ROWS", "Case", "csv_text"]

ROWS: Final[list[dict[str, Any]]] = [
    {
        "transaction_id": f"t{i}",
        "card_id": f"card-{i % 2}",
        "amount": 10.5 + i,
        "currency": "EUR",
        "timestamp": f"2026-01-05T05:58:0{i}Z",
        "merchant_id": "shop",
    }
    for i in range(4)
]
_NAMES: Final = list(ROWS[0])
_LINES: Final = [json.dumps(row) for row in ROWS]
_JSONL: Final = "\n".join(_LINES) + "\n"

_PANDAS: Final = json.dumps(
    {"columns": _NAMES, "index": [0, 1, 2, 3], "data": [list(row.values()) for row in ROWS]}
)
_DOCKER: Final = "\n".join(
    json.dumps({"log": f"{line}\n", "stream": "stdout", "time": "2026-01-06T00:00:00Z"})
    for line in ("Started in 3 s", *_LINES)
)
_FLUENTD: Final = "\n".join(json.dumps(["shop.tx", 1_767_592_680, row]) for row in ROWS)


@dataclass(frozen=True)
class Case:
    """A file, and its outcome: ``n`` payments and ``n_refused`` rows, or ``error``.

    ``note`` is in what the summary says.
    """

    name: str
    content: bytes
    n: int = 4
    n_refused: int = 0
    error: str = ""
    note: str = ""


def csv_text(
    separator: str = ",", end: str = "\n", header: bool = True, quote: str = "", pad: str = ""
) -> str:
    """Return the rows as CSV."""
    lines = [_NAMES] if header else []
    lines += [[str(value) for value in row.values()] for row in ROWS]
    return "".join(
        separator.join(f"{pad}{quote}{cell}{quote}{pad}" for cell in line) + end for line in lines
    )


def _zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


def _parquet(rows: list[dict[str, Any]] = ROWS, **columns: Any) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table, out)
    return out.getvalue()


def _zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def _around(before: str, after: str) -> bytes:
    return "".join(before + line + after for line in _LINES).encode()


def _with_second(name: str, value: str) -> Case:
    """Return an array whose second row is broken."""
    rows = ",\n".join([_LINES[0], value, *_LINES[2:]])
    return Case(name, f"[\n{rows}\n]".encode(), n=3, n_refused=1)


def _accented(name: str, encoding: str, text: str, note: str = "") -> Case:
    return Case(name, text.replace("shop", "caf\u00e9").encode(encoding), note=note)


_CSV: Final = csv_text()
_BROKEN: Final = _LINES[1].replace("}", "")
_NAIVE: Final = pa.array([0, 1, 2, 3], pa.timestamp("ms"))
_PRETTY: Final = json.dumps(ROWS, indent=2)
_PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {"gz": gzip.compress, "zst": _zstd}

CASES: Final[list[Case]] = [
    # JSON, in every layout.
    Case("lines.jsonl", _JSONL.encode()),
    Case("no-end.jsonl", _JSONL.strip().encode()),
    Case("windows.jsonl", _JSONL.replace("\n", "\r\n").encode()),
    Case("old-mac.jsonl", _JSONL.replace("\n", "\r").encode()),
    Case(
        "mixed-ends.jsonl",
        ("\n".join(_LINES[:2]) + "\r\n\r\n" + "\r".join(_LINES[2:])).encode(),
    ),
    Case("blank-first.jsonl", b"\n \n\n" + _JSONL.encode()),
    Case("bom.jsonl", b"\xef\xbb\xbf" + _JSONL.encode()),
    Case("array.json", json.dumps(ROWS).encode()),
    Case("pretty.json", _PRETTY.encode()),
    Case("pretty-objects.json", "\n".join(json.dumps(row, indent=4) for row in ROWS).encode()),
    Case("flat-pretty.json", json.dumps(ROWS, indent=0).encode()),
    Case("array-of-lines.json", ("[\n" + ",\n".join(_LINES) + "\n]").encode()),
    Case("lines-with-commas.json", (",\n".join(_LINES) + "\n").encode()),
    Case("one-line.json", "".join(_LINES).encode()),
    Case("in-strings.jsonl", "\n".join(json.dumps(line) for line in _LINES).encode()),
    Case("array-of-strings.json", json.dumps(_LINES).encode()),
    Case("comments.jsonl", ("# made by hand\n// so\n" + _JSONL).encode(), note="2 comments passed"),
    Case("json-called-csv.csv", _JSONL.encode()),
    Case("json-called-txt.txt", _JSONL.encode()),
    Case("json-without-suffix", _JSONL.encode()),
    Case("pandas.json", _PANDAS.encode(), note='orient="split"'),
    # What tools put around it.
    Case("docker.log", _DOCKER.encode()),
    Case("fluentd.jsonl", _FLUENTD.encode()),
    Case("events.sse", _around("id: 1\ndata: ", "\n\n"), note="server-sent"),
    Case("sequence.json", _around("\x1e", "\n")),
    Case("app.log", _around("2026-01-05 05:58 INFO paid ", "\n"), note="log lines"),
    Case("consumer.txt", _around("card-1\t", "\n"), note="log lines"),
    Case(
        "dump.hex", "\n".join(line.encode().hex() for line in _LINES).encode(), note="hexadecimal"
    ),
    Case(
        "framed.hex", "\n".join((b"\0\0\0\0\7" + line.encode()).hex() for line in _LINES).encode()
    ),
    Case("framed.bin", b"\0\0\0\0\7" + _LINES[0].encode(), n=1),
    # Encodings.
    *(
        Case(f"{encoding}.{suffix}", text.encode(encoding))
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
        for suffix, text in (("jsonl", _JSONL), ("csv", _CSV))
    ),
    _accented("utf8.csv", "utf-8", _CSV),
    _accented("cp1252.csv", "cp1252", _CSV, "read as Windows-1252"),
    _accented("latin1.csv", "latin-1", _CSV.replace("shop", "shop\x81"), "read as Latin-1"),
    _accented("cp1252.jsonl", "cp1252", _JSONL.replace("shop", "shop\u00e9"), "not UTF-8"),
    Case("surrogate.jsonl", _JSONL.replace("shop", "\\ud800").encode()),
    Case("nul.csv", _CSV.replace("shop", "sh\0op").encode()),
    # CSV, as spreadsheets and banks write it.
    Case("plain.csv", _CSV.encode()),
    Case("padded.csv", csv_text(pad=" ").encode()),
    Case("quoted.csv", csv_text(quote='"').encode()),
    Case("single-quotes.csv", csv_text(quote="'").encode(), note="single quotes"),
    Case("semicolon.csv", csv_text(";").replace(".5;", ",5;").encode(), note="decimal comma"),
    Case("tab.tsv", csv_text("\t").encode()),
    Case("pipe.txt", csv_text("|").encode()),
    Case("excel.csv", b"\xef\xbb\xbfsep=;\r\n" + csv_text(";", "\r\n").encode()),
    Case("excel-blank.csv", b"\r\nsep=;\r\n" + csv_text(";", "\r\n").encode()),
    Case("mac.csv", csv_text(end="\r").encode()),
    Case("trailing.csv", _CSV.replace("\n", ",\n").replace("merchant_id,", "merchant_id").encode()),
    Case(
        "title.csv", b"Payments\n\nof January,\n" + _CSV.encode(), note="2 lines before the header"
    ),
    Case("comment.csv", b"# by hand\n" + _CSV.encode(), note="1 line before the header"),
    Case("comment-inside.csv", (_CSV + "# the end\n").encode(), note="1 comment passed over"),
    Case("csv-called-jsonl.jsonl", _CSV.encode()),
    Case("ragged.csv", _CSV.replace("t2,", "t2,x,").encode(), n=3, n_refused=1),
    Case("unclosed.csv", _CSV.replace("t1,", '"t1,').encode(), n=3, n_refused=1),
    Case("unclosed-cell.csv", _CSV.replace("shop", '"shop', 1).encode(), n=3, n_refused=1),
    Case("unclosed-last.csv", (_CSV.strip()[:-4] + '"shop').encode(), n=3, n_refused=1),
    Case("no-header.csv", csv_text(header=False).encode(), error="is the first row a header?"),
    Case("header-only.csv", (",".join(_NAMES) + "\n").encode(), error="must hold payments"),
    Case(
        "twice.csv", _CSV.replace("merchant_id", "amount").encode(), error="amount more than once"
    ),
    # Rows that are broken take no other along.
    Case("cut-off.jsonl", _JSONL[:-20].encode(), n=3, n_refused=1),
    Case(
        "cut-off-array.json", json.dumps(ROWS)[:-20].encode(), n=3, n_refused=1, note="not closed"
    ),
    Case("open-array.json", ("[" + ",\n".join(_LINES)).encode(), note="not closed"),
    _with_second("broken-in-array.json", _BROKEN),
    _with_second("quote-in-array.json", _LINES[1].replace('"t1"', '"t1')),
    _with_second("deep-in-array.json", "[" * 5000 + "]" * 5000),
    Case("scalars.json", ("[1, " + _LINES[0] + ', "x", [null]]').encode(), n=1, n_refused=2),
    Case("pretty-broken.json", _PRETTY.replace('"shop"\n  }', '"shop"', 1).encode(), 3, 1),
    # Packed, and columns.
    *(Case(f"packed.csv.{s}", pack(_CSV.encode())) for s, pack in _PACKERS.items()),
    *(Case(f"packed.jsonl.{s}", pack(_JSONL.encode())) for s, pack in _PACKERS.items()),
    Case("packed-utf16.csv.gz", gzip.compress(_CSV.encode("utf-16"))),
    *(
        Case(f"cut.csv.{s}", pack(_CSV.encode())[:-9], error="must be whole")
        for s, pack in _PACKERS.items()
    ),
    Case("columns.parquet", _parquet()),
    Case("columns-called.csv", _parquet()),
    Case("naive.parquet", _parquet(timestamp=_NAIVE), note="times without a zone"),
    Case("cut.parquet", _parquet()[:-50], error="must be a readable Parquet file"),
    # What is no payment file, by name.
    Case(
        "book.xlsx",
        _zipped("[Content_Types].xml", "xl/workbook.xml"),
        error="save the sheet as CSV",
    ),
    Case("book.csv", _zipped("[Content_Types].xml", "xl/workbook.xml"), error="an Excel workbook"),
    Case(
        "book.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), error="save the sheet as CSV"
    ),
    Case("files.zip", _zipped("payments.csv"), error="a zip archive; unpack it"),
    Case("report.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", error="a PDF document"),
    Case("payments.xml", b'<?xml version="1.0"?><p/>', error="got XML"),
    Case("page.csv", b"<!DOCTYPE html><html>", error="a web page"),
    Case("payments.yaml", b"---\n- card_id: c\n  amount: 1\n", error="got YAML"),
    Case("payments.avro", b"Obj\x01\x04\x14avro", error="an Avro file"),
    Case("noise.csv", bytes(range(1, 32)) * 20, error="binary data"),
    Case("zeros.csv", bytes(400), error="zero bytes"),
    Case("prose.txt", b"hello there\n", error="neither JSON, CSV nor Parquet"),
    Case("empty.csv", b"", error="must hold payments"),
    Case("empty.jsonl", b"\n\n", error="must hold payments"),
]
