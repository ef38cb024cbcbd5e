"""Avro and Protobuf to dicts, by schemas from a file or from whoever knows those of an id.

The libraries belong to the extra ``registry`` and are loaded when a schema asks for them.  Nothing here
speaks to a registry: `Schemas` is given a function that returns the schema of an id.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from streamer.errors import ConfigurationError
from streamer.intake.declaration import SchemaSource
from streamer.intake.documents import decoded
from streamer.intake.protobuf import Decode, References, protobuf_file, protobuf_set
from streamer.intake.readings import Fault

__all__ = ["RegisteredSchema", "Schemas", "schemas_of_file"]


_MAX_SCHEMAS: Final = 1_000
_EXTRA: Final = "install streamer-fraud with its extra: registry"


class RegisteredSchema(NamedTuple):
    """A schema as a registry has it; Protobuf as the Base64 of its file's descriptor.

    ``references`` are the schemas that it names, by the name that it uses, each before those that need
    it.
    """

    kind: Literal["AVRO", "PROTOBUF", "JSON"]
    text: str
    references: References = ()


class Schemas:
    """Decodes payloads by the id of their schema; keeps what it has compiled.

    ``lookup`` returns the schema of an id, or None when there is none.  What it raises goes through: a
    registry that does not answer is no fault of a message.
    """

    def __init__(
        self,
        lookup: Callable[[int], RegisteredSchema | None] = lambda _: None,
        default: Decode | None = None,
    ) -> None:
        self._lookup = lookup
        self._default = default
        self._known: dict[int, Decode] = {}

    def decode(self, schema_id: int | None, payload: bytes) -> Any:
        """Return the payload as dicts, lists and values; a `Fault` says why it is none."""
        decode = self._default if schema_id is None else self._of(schema_id)
        if decode is None:
            raise Fault(
                "unknown_schema",
                "value must have a schema that is known"
                + ("" if schema_id is None else f", got the id {schema_id}"),
                "register it, or name its file under [schema]",
            )
        try:
            return decode(payload)
        except Fault:
            raise
        except Exception as error:  # The libraries raise whatever comes of the bytes.
            raise Fault(
                "schema_mismatch",
                f"value must be as its schema says, got {type(error).__name__}",
            ) from None

    def _of(self, schema_id: int) -> Decode | None:
        known = self._known.get(schema_id)
        if known is None:
            schema = self._lookup(schema_id)
            if schema is None:
                return self._default
            try:
                known = _decoder_of(schema)
            except ConfigurationError as error:
                # Whoever registered it is to blame, and the messages behind this one are not.
                raise Fault(
                    "unknown_schema", f"schema {schema_id} must be usable: {error}"
                ) from None
            if len(self._known) < _MAX_SCHEMAS:
                self._known[schema_id] = known
        return known


def schemas_of_file(source: SchemaSource) -> Schemas:
    """Return the decoder by a schema in a file: ``.avsc``, or a Protobuf descriptor set.

    >>> schemas_of_file(SchemaSource(file="payment.xsd"))
    Traceback (most recent call last):
        ...
    streamer.errors.ConfigurationError: schema.file must end in .avsc, .desc or .pb, got payment.xsd
    """
    path = Path(source.file or "")
    if path.suffix not in (".avsc", ".desc", ".pb"):
        raise ConfigurationError(
            f"schema.file must end in .avsc, .desc or .pb, got {path.name or 'nothing'}"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"schema.file must be readable, got {path}: {error}") from None
    if path.suffix == ".avsc":
        return Schemas(default=_avro(content.decode(errors="replace"), ()))
    if source.message is None:
        raise ConfigurationError("schema.message must name the Protobuf message, got nothing")
    return Schemas(default=protobuf_set(content, source.message, is_framed=source.framed))


def _decoder_of(schema: RegisteredSchema) -> Decode:
    if schema.kind == "JSON":
        return decoded
    if schema.kind == "AVRO":
        return _avro(schema.text, schema.references)
    return protobuf_file(schema.text, schema.references)


def _avro(text: str, references: References) -> Decode:
    try:
        import fastavro
    except ImportError:
        raise ConfigurationError(f"Avro needs fastavro; {_EXTRA}") from None
    try:
        named: dict[str, Any] = {}
        for _, reference in references:
            fastavro.parse_schema(json.loads(reference), named_schemas=named)
        parsed = fastavro.parse_schema(json.loads(text), named_schemas=named)
    except Exception as error:
        raise ConfigurationError(f"schema must be Avro: {error}") from None

    def decode(payload: bytes) -> Any:
        file = io.BytesIO(payload)
        value = fastavro.schemaless_reader(file, parsed, None)
        if file.read(1):
            raise Fault("schema_mismatch", "value must end where its schema ends")
        return value

    return decode
