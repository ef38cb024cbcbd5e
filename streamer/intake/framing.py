"""Confluent's wire format: a zero byte, the schema's id in four bytes, and the payload.

JSON says what it is and needs no schema.  Avro and Protobuf are decoded by whoever knows the schema of
an id (`SchemaDecoder`); this package asks no registry itself.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

from streamer.intake.documents import decoded
from streamer.intake.readings import Fault

__all__ = ["HEADER_SIZE", "Framed", "SchemaDecoder", "framed", "unframed"]

HEADER_SIZE: Final = 5
_MAGIC: Final = 0


class SchemaDecoder(Protocol):
    """Decodes payloads that are not JSON; raises a `Fault` for one that it cannot."""

    def decode(self, schema_id: int | None, payload: bytes) -> Any:
        """Return the payload as dicts, lists and values; ``schema_id`` is None without a frame."""
        ...


class Framed(NamedTuple):
    """A framed message."""

    schema_id: int
    payload: bytes


def framed(value: bytes) -> Framed | None:
    """Return the parts of a framed value, or None."""
    if len(value) <= HEADER_SIZE or value[0] != _MAGIC:
        return None
    return Framed(int.from_bytes(value[1:HEADER_SIZE], "big"), value[HEADER_SIZE:])


def unframed(frame: Framed, schemas: SchemaDecoder | None) -> Any:
    """Return the payload of a frame; a `Fault` says what is missing to read it."""
    if frame.payload.lstrip()[:1] in (b"{", b"["):
        try:
            return decoded(frame.payload)
        except Fault:
            if schemas is None:
                raise
    if schemas is None:
        raise Fault(
            "unknown_schema",
            f"value is framed by a schema registry (schema {frame.schema_id}) and is no JSON",
            "it is Avro or Protobuf: name the registry in STREAMER_SCHEMA_REGISTRY_URL, or the "
            'schema\'s file: file = "payment.avsc" under [schema]',
        )
    return schemas.decode(frame.schema_id, frame.payload)
