"""A table that pandas has written as one JSON object: ``orient`` split, columns, index or table.

The names stand once for all rows, or the rows in pieces, a column at a time: nothing that can be cut
into messages, so that the file is held in memory as a whole.  Only what is exactly so is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

__all__ = ["MOST_BYTES", "may_be_frame", "rows_of_frame"]

MOST_BYTES: Final = 256 << 20
_START: Final = re.compile(
    rb'\s*\{\s*("columns"\s*:\s*\[|"schema"\s*:\s*\{\s*"fields"\s*:|"0"\s*:\s*\{'
    rb'|"[^"]{1,200}"\s*:\s*\{\s*"0"\s*:)'
)
_SPLIT: Final = frozenset(("columns", "index", "data"))


def may_be_frame(start: bytes) -> bool:
    """Whether a file begins as such a table does, and not with objects by the line."""
    return _START.match(start) is not None and b"\n{" not in start


def rows_of_frame(content: bytes) -> tuple[str, Iterator[bytes]] | None:
    """Return the orientation and the rows as JSON objects, or None where the file is no table.

    >>> orient, rows = rows_of_frame(b'{"columns":["a","b"],"index":[0],"data":[[1,"x"]]}')
    >>> orient, list(rows)
    ('split', [b'{"a":1,"b":"x"}'])
    """
    try:
        document = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    for orient, rows_of in (("split", _split), ("table", _table), ("columns", _columns)):
        rows = rows_of(document)
        if rows is not None:
            return orient, map(msgspec.json.encode, rows)
    if all(name.isdigit() and type(row) is dict for name, row in document.items()):
        return "index", map(msgspec.json.encode, document.values())
    return None


def _split(document: dict[str, Any]) -> Iterator[dict[str, Any]] | None:
    names, data = document.get("columns"), document.get("data")
    if not (document.keys() <= _SPLIT and isinstance(names, list) and isinstance(data, list)):
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    return (dict(zip(names, row, strict=True)) for row in data)


def _table(document: dict[str, Any]) -> Iterator[dict[str, Any]] | None:
    data = document.get("data")
    if document.keys() != {"schema", "data"} or not isinstance(data, list):
        return None
    return iter(data) if all(type(row) is dict for row in data) else None


def _columns(document: dict[str, Any]) -> Iterator[dict[str, Any]] | None:
    columns = list(document.values())
    first = columns[0]
    if type(first) is not dict or not all(
        type(column) is dict and column.keys() == first.keys() for column in columns
    ):
        return None
    if all(name.isdigit() for name in document) or not all(key.isdigit() for key in first):
        return None
    return ({name: column[key] for name, column in document.items()} for key in first)
