"""Kafka Connect's JSON with a schema: ``{"schema": ..., "payload": ...}``.

The schema is worth reading for its logical types only: a Decimal is Base64 of an unscaled integer, a
Timestamp a count of milliseconds.  Debezium's own types of time and number are among them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from streamer.intake.epochs import EPOCH, Unit, counted

__all__ = ["is_connect", "payload_of"]

_DEEPEST: Final = 8


def is_connect(message: dict[str, Any]) -> bool:
    """Whether a message is Kafka Connect's pair of schema and payload."""
    schema = message.get("schema", "")
    return "payload" in message and len(message) == 2 and (schema is None or type(schema) is dict)


def payload_of(message: dict[str, Any]) -> Any:
    """Return the payload with its logical types resolved; a value that is none stays as it is."""
    return _resolved(message["payload"], message["schema"], 0)


def _resolved(value: Any, schema: Any, depth: int) -> Any:
    if value is None or type(schema) is not dict or depth > _DEEPEST:
        return value
    name = schema.get("name")
    convert = _LOGICAL.get(name) if isinstance(name, str) else None
    if convert is not None:
        try:
            return convert(value, schema)
        except (TypeError, ValueError, OverflowError, binascii.Error):
            return value
    kind, fields = schema.get("type"), schema.get("fields")
    if kind == "struct" and type(value) is dict and type(fields) is list:
        resolved = dict(value)
        for field in fields:
            label = field.get("field") if type(field) is dict else None
            if isinstance(label, str) and label in resolved:
                resolved[label] = _resolved(resolved[label], field, depth + 1)
        return resolved
    if kind == "array" and type(value) is list:
        return [_resolved(item, schema.get("items"), depth + 1) for item in value]
    return value


def _decimal(value: Any, schema: dict[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    parameters = schema.get("parameters")
    scale = int(parameters.get("scale", 0)) if isinstance(parameters, dict) else 0
    unscaled = base64.b64decode(value, validate=True)
    if not 0 < len(unscaled) <= 32 or abs(scale) > 40:
        return value
    return Decimal(int.from_bytes(unscaled, "big", signed=True)).scaleb(-scale)


def _moment(unit: Unit) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda value, _: counted(int(value), unit, EPOCH) if type(value) is int else value


def _day(value: Any, _: dict[str, Any]) -> Any:
    return date(1970, 1, 1) + timedelta(days=value) if type(value) is int else value


_LOGICAL: Final[dict[str, Callable[[Any, dict[str, Any]], Any]]] = {
    "org.apache.kafka.connect.data.Decimal": _decimal,
    "org.apache.kafka.connect.data.Timestamp": _moment("ms"),
    "org.apache.kafka.connect.data.Date": _day,
    "io.debezium.time.Timestamp": _moment("ms"),
    "io.debezium.time.MicroTimestamp": _moment("us"),
    "io.debezium.time.NanoTimestamp": _moment("ns"),
    "io.debezium.time.Date": _day,
}
