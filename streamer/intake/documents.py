"""Bytes to a JSON value, and the true reason of those that are none.

msgspec reads what is right.  What it refuses is given to the standard library once: NaN in a field
that is optional, or half a surrogate pair in one, must not lose the payment.
"""

from __future__ import annotations

import codecs
import json
from typing import Any, Final

import msgspec

from streamer.intake.readings import Fault

__all__ = ["decoded"]

_decode: Final = msgspec.json.Decoder().decode


def decoded(value: bytes) -> Any:
    """Return the JSON value; a `Fault` says why there is none."""
    if value.startswith(codecs.BOM_UTF8):
        value = value[3:]
    try:
        return _decode(value)
    except RecursionError:
        raise Fault("nested_too_deep", "value must be nested less deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _leniently(value, error)


def _leniently(value: bytes, error: Exception) -> Any:
    if not value.strip():
        raise Fault("empty", "value must be a JSON object, got nothing")
    try:
        return json.loads(value)
    except RecursionError:
        raise Fault("nested_too_deep", "value must be nested less deeply") from None
    except UnicodeDecodeError as fault:
        detail = f"value must be UTF-8, got an invalid byte at position {fault.start}"
        raise Fault("invalid_utf8", detail, _other_hint(value)) from None
    except ValueError:
        reason = "truncated_json" if "truncated" in str(error) else "malformed_json"
        raise Fault(reason, str(error), _other_hint(value)) from None  # type: ignore[arg-type]


def _other_hint(value: bytes) -> str:
    """Return what bytes that are no JSON look like, where they look like something."""
    start = value.lstrip()[:64]
    if start.startswith(b"<"):
        return "it looks like XML; a payment is a JSON object"
    if value.startswith(b"\x1f\x8b"):
        return "it is compressed with gzip by the producer; let Kafka compress (compression.type)"
    if value.startswith(b"Obj\x01"):
        return "it is an Avro file with its schema in it; a message holds one record"
    if value.startswith(b"\xf3\x89\x9a\xc2"):
        return "it holds several records of the Kinesis Producer Library: deaggregate it in front"
    if start.startswith((b"{'", b"[{'")):
        return "it is quoted like Python's dict, not like JSON: use json.dumps"
    if start.startswith((b"{1:F", b"{1:A", b"{2:I", b"{4:")):
        return "it is an MT of SWIFT, a message between banks; no card payment"
    if start[:1] in (b"{", b"[") and b"}" in value and b"\n{" in value:
        return "it holds several lines of JSON: send one message a line, or an array"
    if start.startswith(b"ey"):
        return "it looks like a signed token (JWT) or Base64"
    return ""
