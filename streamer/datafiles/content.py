"""Tells by a file's first bytes what it holds; the suffix decides only where these leave a doubt.

What is no payment file is refused by its name, with what to do: a workbook read as text would be
thousands of dead letters, or binary signs on a terminal.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from streamer.datafiles.dialect import is_table
from streamer.datafiles.formats import SUFFIXES, Format
from streamer.datafiles.line_values import is_comment, layout_of
from streamer.errors import ConfigurationError

__all__ = ["PARQUET", "SAMPLE_BYTES", "format_in", "refuse_foreign", "unknown_format"]

SAMPLE_BYTES: Final = 1 << 16
PARQUET: Final = b"PAR1"

_AS_CSV: Final = "save the sheet as CSV (UTF-8)"
_UNPACK: Final = "unpack it and give what is in it, or the directory"
_EXPORT: Final = "export its payments as JSON Lines, CSV or Parquet"
_MAGIC: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook or another Office file", _AS_CSV),
    (b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (b"%PDF", "a PDF document", _EXPORT),
    (b"{\\rtf", "a rich text document", _EXPORT),
    (b"\xfd7zXZ\x00", "xz data", "compress it with gzip, zstd or bzip2, or not at all"),
    (b"\x04\x22\x4d\x18", "lz4 data", "compress it with gzip, zstd or bzip2, or not at all"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"ORC", "an ORC file", _EXPORT),
    (b"ARROW1", "an Arrow file (Feather)", _EXPORT),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"\x89PNG", "a picture", _EXPORT),
    (b"\xff\xd8\xff", "a picture", _EXPORT),
    (b"\x89HDF", "an HDF5 file", _EXPORT),
)
# Protocols 2 to 5; a file's first frame or opcode follows.
_PICKLES: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_YAML: Final = re.compile(rb"\s*(#[^\n]*\n\s*)*(---[ \t]*\r?\n|%YAML|- \w+:\s|\w[\w .-]*:\s)")
_LOAD: Final = "load them into a database, and export the table as CSV"
_SQL: Final = re.compile(
    rb"(\s*(--[^\n]*\n|/\*.*?\*/;?|(SET|BEGIN|START|USE|LOCK|PRAGMA|DROP)\b[^;]*;))*"
    rb"\s*((INSERT|REPLACE)\s+(IGNORE\s+)?INTO|CREATE\s+(TABLE|DATABASE|SCHEMA)"
    rb"|COPY\s+[\w.\"]+\s*\([^)]*\)\s+FROM\s+stdin)\b",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_CONTROLS: Final = frozenset(b"\t\n\v\f\r\x1b\x1e")
# Random bytes have one in ten, text next to none.
_MOST_CONTROLS: Final = 0.05
# The last two are JSON in a string.
_JSON: Final = (b"{", b"[", b'"{', b'"[')
_FOR_SURE: Final = frozenset({"cut", "sse"})
# One line with a comma may be anything.
_SURE_ROWS: Final = 2


def refuse_foreign(start: bytes, name: str) -> None:
    """Raise a `ConfigurationError` for content that no reader of payments is for."""
    for magic, what, cure in _MAGIC:
        if start.startswith(magic):
            raise _refusal(name, what, cure)
    if start.startswith(b"PK\x03\x04"):
        raise _refusal(name, *_zipped(start))
    if start[257:262] == b"ustar":
        raise _refusal(name, "a tar archive", _UNPACK)
    body = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if body.startswith(b"<"):
        is_page = body[:256].lower().startswith((b"<!doctype html", b"<html"))
        raise _refusal(name, "a web page (HTML)" if is_page else "XML", _EXPORT)
    if _SQL.match(body):
        raise _refusal(name, "SQL statements", _LOAD)
    if start and not start.strip(b"\x00"):
        raise _refusal(name, "zero bytes", "fetch or write it again; its content was lost")
    if start.startswith(_PICKLES):
        raise _refusal(
            name,
            "a pickle, which can run any code when it is read",
            f"where it is your own: import pandas; pandas.read_pickle({name!r})"
            f".to_parquet({name.partition('.')[0] + '.parquet'!r})",
        )
    if _is_binary(start):
        raise _refusal(name, "binary data of no kind that is known", _EXPORT)


def format_in(start: bytes, named: Format | None, *, is_certain: bool) -> Format | None:
    """Return the format of text; ``named`` is what the suffix or an option says of it.

    None where neither tells.  ``is_certain`` is for what somebody said in so many words.
    """
    if is_certain or named == "parquet":
        return named
    body = _without_comments(start.removeprefix(codecs.BOM_UTF8).lstrip())
    if not body:
        return named or "jsonl"
    layout = layout_of(body)
    # A table may have JSON in its last column, and numbers in all.
    if layout in _FOR_SURE or (layout != "lines" and named != "csv") or body.startswith(_JSON):
        return "jsonl"
    text = body.decode(errors="replace")
    if named == "jsonl":
        return "csv" if is_table(text, min_rows=_SURE_ROWS) else "jsonl"
    if named is None and _YAML.match(body):
        return None
    return "csv" if is_table(text) else named


def _without_comments(body: bytes) -> bytes:
    """Return a text from its first line on that is no comment, where that line is JSON."""
    lines = body.split(b"\n")
    while lines and (not lines[0].strip() or is_comment(lines[0].strip())):
        lines.pop(0)
    rest = b"\n".join(lines).lstrip()
    return rest if rest.startswith(_JSON) else body


def unknown_format(start: bytes, name: str) -> ConfigurationError:
    """Return the error for text of no format that is known."""
    if _YAML.match(start):
        return _refusal(name, "YAML", "write its payments as JSON Lines")
    return ConfigurationError(
        f"file name must end in one of {', '.join(SUFFIXES)}, got {name}, and by its content it is "
        "neither JSON, CSV nor Parquet; --format says which it is"
    )


def _refusal(name: str, what: str, cure: str) -> ConfigurationError:
    return ConfigurationError(f"{name} must be JSON, CSV or Parquet, got {what}; {cure}")


def _zipped(start: bytes) -> tuple[str, str]:
    if b"xl/" in start or b"[Content_Types].xml" in start:
        return "an Excel workbook (.xlsx) or another Office file", _AS_CSV
    if b"opendocument.spreadsheet" in start:
        return "a spreadsheet (.ods)", _AS_CSV
    return "a zip archive", _UNPACK


def _is_binary(start: bytes) -> bool:
    # A message that a schema registry has framed begins with a zero byte, and may be all there is.
    sample = b"" if start[:1] == b"\x00" else start[:4_096]
    n_controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in sample)
    return n_controls > _MOST_CONTROLS * len(sample)
