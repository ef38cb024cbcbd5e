"""Change capture: what Debezium, GoldenGate, Maxwell and Canal send for a row of a database.

The rule: an insert and a row of the first snapshot are payments; an update is skipped unless the
declaration says ``updates = "payment"``, since a payment that was scored already would be learned
twice; a delete is skipped, and so is a truncation or a message of the connector itself.

A row that Debezium has flattened looks like a payment, but for a field ``__deleted``.  Where its other
fields are the contract's, the intake without a declaration decodes it and looks no further: looking
for that field in every message would cost a third of decoding it.  For such a topic `suggest` writes a
``[[skip]]`` rule.
"""

from __future__ import annotations

from typing import Any, Final, Literal

__all__ = ["Change", "change_of"]

Change = tuple[Literal["row", "update", "delete", "other"], Any, str]
"""What happened, the row as it is now, and the path to it or to what told what happened."""

_OPERATIONS: Final[dict[str, Literal["row", "update", "delete", "other"]]] = {
    "c": "row",
    "r": "row",
    "u": "update",
    "d": "delete",
    "t": "other",
    "m": "other",
    "i": "row",
    "insert": "row",
    "bootstrap-insert": "row",
    "update": "update",
    "delete": "delete",
    "bootstrap-start": "other",
    "bootstrap-complete": "other",
    "truncate": "other",
}


def change_of(message: dict[str, Any]) -> Change | None:
    """Return what a message says of a row, or None when it is no change capture."""
    if "op" in message and ("after" in message or "before" in message):
        return _change(message, "op", "after")
    if message.get("op") in ("t", "m") and "source" in message:
        return "other", None, ".op"
    if "op_type" in message and ("after" in message or "before" in message):
        return _change(message, "op_type", "after")
    is_maxwell = "table" in message and "database" in message and "data" in message
    if is_maxwell and isinstance(message.get("type"), str):
        return _change(message, "type", "data")
    if "__op" in message or "__deleted" in message:
        return _flattened(message)
    return None


def _change(message: dict[str, Any], operation: str, row: str) -> Change | None:
    name = message[operation]
    kind = _OPERATIONS.get(name.lower()) if isinstance(name, str) else None
    if kind is None:
        return None
    if kind in ("delete", "other"):
        return kind, None, f".{operation}"
    return kind, message.get(row), f".{row}"


def _flattened(message: dict[str, Any]) -> Change | None:
    """Return the change in a row that Debezium's ``ExtractNewRecordState`` has flattened."""
    if str(message.get("__deleted")).lower() == "true":
        return "delete", None, ".__deleted"
    kind = _OPERATIONS.get(str(message.get("__op", "c")).lower())
    if kind is None:
        return None
    return kind, {k: v for k, v in message.items() if k not in ("__op", "__deleted")}, ""
