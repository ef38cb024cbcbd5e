"""Asks a schema registry for the schema of an id, with Confluent's client; the only module that does.

Protobuf is asked for in its serialised form, so that nothing has to be compiled here.  A registry that
does not answer is an `UnavailableError`: no message is to blame for it.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from streamer.errors import ConfigurationError, UnavailableError
from streamer.intake.schemas import RegisteredSchema

__all__ = ["SchemaRegistry"]

_NOT_FOUND: Final = 404
_MAX_REFERENCES: Final = 64


class SchemaRegistry:
    """The schemas of one registry; `lookup` is what `Schemas` takes.

    An id that is not there is asked for again with every message: it may be registered late.
    """

    def __init__(self, url: str, **config: Any) -> None:
        """``config`` is the client's own, such as ``basic.auth.user.info``."""
        try:
            import fastavro  # noqa: F401 - what decodes is to be there before the first message
            import google.protobuf  # noqa: F401
            from confluent_kafka.schema_registry import SchemaRegistryClient
            from confluent_kafka.schema_registry.error import SchemaRegistryError
        except ImportError:
            raise ConfigurationError(
                "a schema registry needs more packages; install streamer with its extra: registry"
            ) from None
        self._error: type[Exception] = SchemaRegistryError
        # Two, since a client remembers an id without the form in which it was asked for.
        self._plain = SchemaRegistryClient({"url": url, **config})
        self._serialised = SchemaRegistryClient({"url": url, **config})
        self._lock = threading.Lock()

    def lookup(self, schema_id: int) -> RegisteredSchema | None:
        """Return the schema of an id, or None when the registry has none."""
        with self._lock:
            try:
                schema = self._plain.get_schema(schema_id)
                kind: Any = schema.schema_type or "AVRO"
                if kind == "PROTOBUF":
                    schema = self._serialised.get_schema(schema_id, fmt="serialized")
                references: dict[tuple[str, int], str] = {}
                self._collect(schema, references, kind)
            except self._error as error:
                if getattr(error, "http_status_code", None) == _NOT_FOUND:
                    return None
                raise UnavailableError(f"schema registry must answer: {error}") from None
            except OSError as error:
                raise UnavailableError(f"schema registry must answer: {error}") from None
            except Exception as error:  # The client's HTTP library has errors of its own.
                raise UnavailableError(
                    f"schema registry must answer, got {type(error).__name__}"
                ) from None
        return RegisteredSchema(kind, schema.schema_str or "", tuple(references.values()))

    def _collect(self, schema: Any, found: dict[tuple[str, int], str], kind: str) -> None:
        """Add the schemas that one names, each after those that it names itself."""
        for reference in schema.references or ():
            key = (reference.subject, reference.version)
            if key in found or len(found) >= _MAX_REFERENCES:
                continue
            if kind == "PROTOBUF":
                version = self._serialised.get_version(*key, fmt="serialized")
            else:
                version = self._plain.get_version(*key)
            self._collect(version.schema, found, kind)
            found[key] = version.schema.schema_str or ""
