"""A file's content as a producer's messages or as rows, told by the content and not by the name.

This is for looking at a sample (``streamer intake try`` and ``suggest``): everything is in memory, and
nothing has to be declared first.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from streamer.errors import ConfigurationError
from streamer.intake.naming import shown
from streamer.intake.readings import Refused

__all__ = ["Sampled", "sample_of"]


class Sampled(NamedTuple):
    """A message as bytes, a row by its columns or why it is no row; and its place in the file."""

    value: bytes | dict[str, Any] | Refused
    position: str


_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_SEPARATORS: Final = ",;\t|"
_HEX_LINE: Final = re.compile(rb"\s*(0x)?([0-9a-fA-F]{2}\s?){6,}\s*")
_COMMA: Final = re.compile(r"[+-]?[0-9]{1,15},[0-9]{1,6}")
_POINT: Final = re.compile(r"[+-]?[0-9]{1,15}\.[0-9]{1,6}")
# One field may be an embedded document; the default of 131,072 characters would raise.
_MAX_FIELD: Final = 2**24


def sample_of(content: bytes, name: str, limit: int | None = None) -> list[Sampled]:
    """Return the messages or rows in a file's content, at most ``limit``.

    A `ConfigurationError` tells why a file is neither.
    """
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise ConfigurationError(f"{name} must be a whole gzip file") from None
    found: list[Sampled] = []
    for sampled in _each(content, name):
        if limit is not None and len(found) >= limit:
            break
        found.append(sampled)
    return found


def _each(content: bytes, name: str) -> Iterator[Sampled]:
    if content.startswith(_PARQUET):
        yield from _parquet_rows(content, name)
        return
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", errors="replace").encode()
    body = content.removeprefix(codecs.BOM_UTF8).lstrip()
    if not body:
        return
    first_line = body.split(b"\n", 1)[0]
    if body[:1] in (b"{", b"["):
        yield from _json_messages(content, body)
    elif _HEX_LINE.fullmatch(first_line):
        yield from _hex_messages(body, name)
    elif b"\x00" in content[:4_096]:
        yield Sampled(content, "message-1")
    elif (
        any(separator.encode() in first_line for separator in _SEPARATORS) and b"<" not in body[:1]
    ):
        yield from _csv_rows(_text(content), name)
    else:
        yield from _lines(content)


def _json_messages(content: bytes, body: bytes) -> Iterator[Sampled]:
    """Yield JSON by the line, or documents one after the other where lines are no documents."""
    lines = [line for line in content.split(b"\n") if line.strip()]
    if _is_json(lines[0].removeprefix(codecs.BOM_UTF8)) or not _is_pretty(body):
        yield from _lines(content)
        return
    text, at, number = body.decode(errors="surrogateescape"), 0, 0
    decoder = json.JSONDecoder()
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = len(text)
        number += 1
        document = text[at:end].encode(errors="surrogateescape")
        yield Sampled(document, f"message-{number}")
        at = end
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1


def _is_pretty(body: bytes) -> bool:
    """Whether the second line goes on with what the first one began."""
    lines = [line.strip() for line in body.split(b"\n", 3)[:3]]
    return body[:1] == b"[" or (len(lines) > 1 and not lines[1].startswith(b"{"))


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _lines(content: bytes) -> Iterator[Sampled]:
    number = 0
    for line in content.split(b"\n"):
        if line.strip():
            number += 1
            yield Sampled(line.rstrip(b"\r"), f"message-{number}")


def _hex_messages(body: bytes, name: str) -> Iterator[Sampled]:
    for number, line in enumerate(filter(bytes.strip, body.split(b"\n")), start=1):
        try:
            value = bytes.fromhex(line.decode().strip().removeprefix("0x"))
        except ValueError:
            raise ConfigurationError(f"{name} must be hexadecimal in line {number:,}") from None
        yield Sampled(value, f"message-{number}")


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _csv_rows(text: str, name: str) -> Iterator[Sampled]:
    header_line = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=header_line.count)
    quote = "'" if header_line.count("'") > header_line.count('"') else '"'
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote)
    try:
        header = [column.strip() for column in next(reader)]
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            raise ConfigurationError(
                f"{name} must have each column once, got {shown(twice)} more than once"
            )
        rows = [cells for cells in reader if cells]
        has_commas = separator != "," and _has_decimal_commas(rows)
        for number, cells in enumerate(rows, start=1):
            value: dict[str, Any] | Refused = dict(zip(header, cells, strict=False))
            if len(cells) != len(header):
                detail = f"row must have {len(header)} cells, got {len(cells)}"
                value = Refused("wrong_format", "$", detail, "look for a separator without quotes")
            elif has_commas:
                value = {
                    column: cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell
                    for column, cell in zip(header, cells, strict=True)
                }
            yield Sampled(value, f"row-{number}")
    except csv.Error as error:
        raise ConfigurationError(f"{name} must be a readable CSV file: {error}") from None


def _has_decimal_commas(rows: list[list[str]]) -> bool:
    """Whether numbers have a comma in the rows, and none has a point."""
    cells = [cell for row in rows[:1_000] for cell in row]
    return any(map(_COMMA.fullmatch, cells)) and not any(map(_POINT.fullmatch, cells))


def _parquet_rows(content: bytes, name: str) -> Iterator[Sampled]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "Parquet files need pyarrow; install streamer-fraud with its extra: embedded"
        ) from None
    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        number = 0
        for batch in file.iter_batches(1_000):
            for row in batch.to_pylist():
                number += 1
                yield Sampled(row, f"row-{number}")
    except pyarrow.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{name} must be a readable Parquet file: {reason}") from None
