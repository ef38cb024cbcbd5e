"""Rows whose change capture has been flattened: a payment's fields, and one that tells what happened.

Debezium's ``ExtractNewRecordState`` adds ``__op`` and ``__deleted``, AWS DMS ``Op``, GoldenGate
``op_type``, SQL Server ``__$operation``, Fivetran, Airbyte and Delta Lake names of their own.  Such a
row may be the contract's but for that name, which is why `streamer.intake.intake` asks for `MARKS`
where it decodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamer.intake.envelopes.change_capture import OPERATIONS, Change, ChangeKind

__all__ = ["MARKS", "flattened_change"]

_OPERATION_NAMES: Final = ("__op", "Op", "op_type", "_change_type", "__$operation")
_DELETED_FLAGS: Final = ("__deleted", "_fivetran_deleted")
_DELETED_TIMES: Final = ("_ab_cdc_deleted_at",)
MARKS: Final = frozenset((*_OPERATION_NAMES, *_DELETED_FLAGS, *_DELETED_TIMES))
"""The names that tell what happened to a row."""

_OF_NAME: Final[dict[str, dict[Any, ChangeKind]]] = {
    # Of an update SQL Server writes the row before and the row after it.
    "__$operation": {"1": "delete", "2": "row", "3": "other", "4": "update"},
    "_change_type": OPERATIONS | {"update_preimage": "other", "update_postimage": "update"},
}
_TRUE: Final = frozenset(("true", "1", "t", "yes"))


def flattened_change(row: Mapping[str, Any]) -> Change | None:
    """Return what happened to a row, or None when nothing in it tells.

    >>> flattened_change({"amount": 1, "__op": "u", "__deleted": "false"})
    Change(kind='update', told_at='.__op', row={'amount': 1}, row_at='')
    """
    for name in _DELETED_FLAGS:
        if str(row.get(name)).lower() in _TRUE:
            return Change("delete", f".{name}")
    for name in _DELETED_TIMES:
        if row.get(name) not in (None, ""):
            return Change("delete", f".{name}")
    found: ChangeKind | None = None if MARKS.isdisjoint(row) else "row"
    told_at = ""
    for name in _OPERATION_NAMES:
        value = row.get(name)
        if value is None or value == "":
            continue
        kind = _OF_NAME.get(name, OPERATIONS).get(str(value).strip().lower())
        if kind is None:
            # A producer's own name, which tells something else.
            return None
        if kind in ("delete", "other"):
            return Change(kind, f".{name}")
        found, told_at = kind, f".{name}"
    if found is None:
        return None
    return Change(found, told_at, {k: v for k, v in row.items() if k not in MARKS})
