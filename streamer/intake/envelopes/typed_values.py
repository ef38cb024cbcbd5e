"""Values that carry their type: DynamoDB's attributes and MongoDB's extended JSON, as plain ones.

Invariant: nothing raises; a value that is not as its type says stays as it is.
"""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["is_dynamodb", "is_extended", "of_dynamodb", "of_mongodb"]

_DEEPEST: Final = 16
_TYPES: Final = frozenset("S N B BOOL NULL M L SS NS BS".split())
_WHOLE: Final = re.compile(r"-?\d{1,38}", re.ASCII)
_NUMBERS: Final = frozenset(("$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"))
_RESOLVED: Final = _NUMBERS | {"$oid"}


def is_dynamodb(item: Any) -> bool:
    """Whether every value of an object is one of DynamoDB's attributes."""
    return type(item) is dict and bool(item) and all(_attribute_type(v) for v in item.values())


def of_dynamodb(item: Any) -> Any:
    """Return an item's attributes as plain values.

    >>> of_dynamodb({"id": {"S": "t1"}, "amount": {"N": "42.5"}, "tags": {"L": [{"N": "1"}]}})
    {'id': 't1', 'amount': 42.5, 'tags': [1]}
    """
    if type(item) is not dict:
        return item
    return {name: _attribute(value, 0) for name, value in item.items()}


def is_extended(document: dict[str, Any]) -> bool:
    """Whether a value of an object is a number or an id of MongoDB's extended JSON."""
    return any(
        type(value) is dict and len(value) == 1 and not _RESOLVED.isdisjoint(value)
        for value in document.values()
    )


def of_mongodb(value: Any, depth: int = 0) -> Any:
    """Return a document with numbers and ids as plain values; times are read as they are.

    >>> of_mongodb({"_id": {"$oid": "64e8"}, "amount": {"$numberDecimal": "42.50"}})
    {'_id': '64e8', 'amount': 42.5}
    """
    if depth > _DEEPEST:
        return value
    if type(value) is list:
        return [of_mongodb(inner, depth + 1) for inner in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in _NUMBERS:
            return _number(inner, value)
        if name == "$oid" and isinstance(inner, str):
            return inner
        if name == "$date":
            return value
    return {name: of_mongodb(inner, depth + 1) for name, inner in value.items()}


def _attribute_type(value: Any) -> str | None:
    if type(value) is dict and len(value) == 1:
        (name,) = value
        return name if name in _TYPES else None
    return None


def _attribute(value: Any, depth: int) -> Any:
    kind = _attribute_type(value)
    if kind is None or depth > _DEEPEST:
        return value
    inner = value[kind]
    if kind == "N":
        return _number(inner, inner)
    if kind == "NULL":
        return None
    if kind == "M" and type(inner) is dict:
        return {name: _attribute(part, depth + 1) for name, part in inner.items()}
    if kind == "L" and type(inner) is list:
        return [_attribute(part, depth + 1) for part in inner]
    return inner


def _number(text: Any, otherwise: Any) -> Any:
    if not isinstance(text, str) or len(text) > 64:
        return text if type(text) in (int, float) else otherwise
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return otherwise
