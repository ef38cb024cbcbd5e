"""Turns columns of a file into transactions as JSON bytes, a batch at a time.

What a file cannot say in the contract's own terms is settled here, the same for every format:

* Numeric ids become text, ``596.0`` (a column of integers with gaps) included; a numeric ``mcc``
  gets its leading zeros back, and a category's name a code (`Substitutes`).
* A timestamp without a zone is taken as UTC.
* An empty or missing optional value is left out, so that its features are neutral.
* A number that cannot be read stays the text that it was, and the pipeline dead-letters the row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import orjson

from streamer.datafiles.chunk import Chunk
from streamer.datafiles.derived import instants
from streamer.datafiles.label_words import labels_of
from streamer.datafiles.mapping import NUMBERS, REQUIRED, TRANSACTION_FIELDS, ColumnMapping

__all__ = ["FileBatch", "Origin", "batch_of", "json_ready", "rounded"]

_NO_ZONE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")
# Six digits keep every currency's minor unit and a tenth of a metre, and drop binary dust.
_DECIMALS: Final = 6
# Beyond this an integer is no amount, and from 2^63 on JSON encoders refuse it.
_LARGEST_INTEGER: Final = 2**53


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch's rows lie: ``first_row`` is the number of the first in ``file``, from 1.

    ``fields`` says from which column a field came.
    """

    file: str
    first_row: int
    fields: Mapping[str, str]
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Some rows of a file as they would lie in Kafka; the lists run in parallel.

    ``values`` are JSON bytes and ``keys`` the card ids.  ``labels`` is None when the file has none; a
    label is None for a normal payment, `UNLABELLED`, or the fraud's pattern, `FRAUD` without a name.
    """

    values: list[bytes]
    keys: list[bytes | None]
    labels: list[str | None] | None
    transaction_ids: list[str]
    origin: Origin | None = None


def batch_of(chunk: Chunk, mapping: ColumnMapping, n_before: int, origin: Origin) -> FileBatch:
    """Encode the rows of ``chunk``; ``n_before`` rows have been read before them, of all files.

    A row with a fault keeps its place, as the text that it is: that is no JSON, or no object.
    """
    size = chunk.size - len(chunk.faults)
    columns = _completed(chunk, mapping, n_before)
    rows: list[dict[str, Any]] = [{} for _ in range(size)]
    for name in TRANSACTION_FIELDS:
        column = columns.get(name)
        if name in mapping.defaults:
            default = mapping.defaults[name]
            column = [default if x is None or x == "" else x for x in column or [None] * size]
        for row, value in zip(rows, column or (), strict=False):
            if value is not None:
                row[name] = value
    values: list[bytes] = []
    keys: list[bytes | None] = []
    transaction_ids: list[str] = []
    waiting = iter(rows)
    for i in range(chunk.size):
        if i in chunk.faults:
            values.append(_as_bytes(chunk.raw(i)))
            keys.append(None)
            transaction_ids.append("")
            continue
        row = next(waiting)
        values.append(_encoded(row))
        card, transaction_id = row.get("card_id"), row.get("transaction_id")
        keys.append(card.encode(errors="replace") if card and isinstance(card, str) else None)
        transaction_ids.append(transaction_id if isinstance(transaction_id, str) else "")
    labels = labels_of(chunk.columns.get("label"), chunk.columns.get("fraud_pattern"))
    return FileBatch(values, keys, _woven(labels, chunk), transaction_ids, origin)


def _woven(labels: list[str | None] | None, chunk: Chunk) -> list[str | None] | None:
    """Put None into the places of rows that have a fault."""
    if labels is None or not chunk.faults:
        return labels
    waiting = iter(labels)
    return [None if i in chunk.faults else next(waiting) for i in range(chunk.size)]


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row, default=str)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits and lone surrogates; the pipeline has a reason for each.
        return json.dumps(row, default=str).encode()


def _as_bytes(raw: Any) -> bytes:
    return raw if isinstance(raw, bytes) else str(raw).rstrip("\r\n").encode(errors="replace")


def _completed(chunk: Chunk, mapping: ColumnMapping, n_before: int) -> dict[str, list[Any]]:
    """Return the columns ready for JSON, with what the mapping derives from them."""
    complete = {
        name: json_ready(name, column)
        for name, column in chunk.columns.items()
        if name in TRANSACTION_FIELDS
    }
    if mapping.time_unit is not None and "timestamp" in complete:
        complete["timestamp"] = instants(complete["timestamp"], mapping.time_unit)
    if "mcc" in complete:
        complete["mcc"] = mapping.substitutes.category_codes(complete["mcc"])
    good = [i for i in range(chunk.size) if i not in chunk.faults]
    for name in mapping.substituted(complete) if good else ():
        made_up = mapping.substitutes.column(name, n_before, chunk.size)
        complete[name] = [made_up[i] for i in good] if chunk.faults else made_up
    return complete


def json_ready(name: str, column: Sequence[Any]) -> list[Any]:
    """Return a field's column with values that JSON can carry, whatever types the file had."""
    missing = "" if name in REQUIRED else None
    if name in NUMBERS:
        return [missing if x == "" else _number(x) for x in column]
    if name == "timestamp":
        return [_timestamp(x) for x in column]
    return [missing if x == "" else _text(x, 4 if name == "mcc" else 0) for x in column]


def rounded(column: Sequence[float]) -> list[float | None]:
    """Return numbers without binary dust, and None for NaN."""
    return [None if x != x else round(x, _DECIMALS) for x in column]


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        # float() is more lenient than the contract: neither "1_000" nor "inf" is an amount.
        return number if isfinite(number) and "_" not in value else value
    if isinstance(value, float):
        return round(value, _DECIMALS) if isfinite(value) else None
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return str(value)
    return value


def _timestamp(value: Any) -> Any:
    if isinstance(value, str) and _NO_ZONE.fullmatch(value):
        # RFC 3339 has seconds; spreadsheets leave them out.
        seconds = ":00" if len(value) == len("2018-04-01T00:00") else ""
        return f"{value[:10]}T{value[11:]}{seconds}Z"
    return value


def _text(value: Any, digits: int) -> Any:
    if value is None or isinstance(value, str | list | dict):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value).zfill(digits)
