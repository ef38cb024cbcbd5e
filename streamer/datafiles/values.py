"""Turns columns of a file into transactions as JSON bytes, a batch at a time.

What a file cannot say in the contract's own terms is settled here, the same for every format:

* Numeric ids become text, ``596.0`` (a column of integers with gaps) included; a numeric ``mcc``
  gets its leading zeros back, and a category's name a code (`Substitutes`).
* A timestamp without a zone is taken as UTC.
* An empty or missing optional value is left out, so that its features are neutral.
* A number that cannot be read stays the text that it was, and the pipeline dead-letters the row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import orjson

from streamer.datafiles.derived import instants
from streamer.datafiles.mapping import NUMBERS, REQUIRED, TRANSACTION_FIELDS, ColumnMapping
from streamer.datafiles.substitutes import SUBSTITUTED

__all__ = ["FileBatch", "batch_of", "json_ready", "rounded"]

_NO_ZONE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")
_NOT_FRAUD: Final = frozenset({"", "0", "false", "none", "normal", "legitimate", "nan"})
# Six digits keep every currency's minor unit and a tenth of a metre, and drop binary dust.
_DECIMALS: Final = 6
# Beyond this an integer is no amount, and from 2^63 on JSON encoders refuse it.
_LARGEST_INTEGER: Final = 2**53


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Some rows of a file as they would lie in Kafka; the lists run in parallel.

    ``values`` are JSON bytes and ``keys`` the card ids.  ``labels`` is None when the file has none;
    a label is None for a normal payment, else the fraud's pattern, or ``fraud`` without a name.
    """

    values: list[bytes]
    keys: list[bytes | None]
    labels: list[str | None] | None
    transaction_ids: list[str]


def batch_of(
    columns: Mapping[str, list[Any]], mapping: ColumnMapping, size: int, first_row: int
) -> FileBatch:
    """Encode ``size`` rows from columns that are ready for JSON, None being a missing value.

    ``first_row`` is the number of rows of the file before these.
    """
    columns = _completed(columns, mapping, size, first_row)
    defaults = mapping.defaults
    dense: dict[str, list[Any]] = {}
    sparse: dict[str, list[Any]] = {}
    for name in TRANSACTION_FIELDS:
        column = columns.get(name)
        if name in defaults:
            default = defaults[name]
            column = [default if x is None or x == "" else x for x in column or [None] * size]
        if column is not None:
            group = sparse if name not in REQUIRED and None in column else dense
            group[name] = column
    names = tuple(dense)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*dense.values(), strict=True)]
    for name, column in sparse.items():
        for row, value in zip(rows, column, strict=True):
            if value is not None:
                row[name] = value
    return FileBatch(
        values=[orjson.dumps(row, default=str) for row in rows],
        keys=[card.encode() if card else None for card in dense["card_id"]],
        labels=labels_of(columns.get("label"), columns.get("fraud_pattern")),
        transaction_ids=[x or "" for x in dense["transaction_id"]],
    )


def _completed(
    columns: Mapping[str, list[Any]], mapping: ColumnMapping, size: int, first_row: int
) -> Mapping[str, list[Any]]:
    """Return ``columns`` with what the mapping derives from them."""
    complete = dict(columns)
    if mapping.time_unit is not None and "timestamp" in complete:
        complete["timestamp"] = instants(complete["timestamp"], mapping.time_unit)
    if "mcc" in complete:
        complete["mcc"] = mapping.substitutes.category_codes(complete["mcc"])
    if mapping.number_rows:
        for name in SUBSTITUTED:
            if name not in complete and name not in mapping.defaults:
                complete[name] = mapping.substitutes.column(name, first_row, size)
    return complete


def labels_of(
    flags: Sequence[Any] | None, patterns: Sequence[Any] | None
) -> list[str | None] | None:
    """Return None or the fraud's name per row; a ``label`` decides, a pattern only names.

    >>> labels_of([0, 1, 1], [0, 2, None])
    [None, '2', 'fraud']
    """
    if patterns is None and flags is None:
        return None
    names = _names(patterns) if patterns is not None else None
    if flags is None:
        return names
    frauds = _names(flags)
    if names is None:
        return [fraud and "fraud" for fraud in frauds]
    return [fraud and (name or "fraud") for fraud, name in zip(frauds, names, strict=True)]


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
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value).zfill(digits)


def _names(column: Sequence[Any]) -> list[str | None]:
    # The same few objects fill a label column: read each distinct one once.
    known: dict[Any, str | None] = {}
    try:
        distinct = set(column)
    except TypeError:  # A JSON line may hold anything, lists and objects among it.
        column = [str(value) for value in column]
        distinct = set(column)
    for value in distinct:
        text = _text(value, 0) or ""
        known[value] = None if text.strip().lower() in _NOT_FRAUD else text
    return [known[value] for value in column]
