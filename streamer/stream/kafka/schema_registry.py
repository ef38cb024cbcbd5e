"""Asks a schema registry for the schema of an id, with Confluent's client; the only module that does.

Protobuf is asked for in its serialised form, so that nothing has to be compiled here.  A registry that
does not answer is an `UnavailableError`: no message is to blame for it.
"""

from __future__ import annotations

import base64
import threading
from functools import cache
from importlib import import_module
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
                "a schema registry needs more packages; install streamer-fraud with its extra: registry"
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
                references = dict(_bundled()) if kind == "PROTOBUF" else {}
                self._collect(schema, references, kind)
            except self._error as error:
                if getattr(error, "http_status_code", None) == _NOT_FOUND:
                    return None
                raise UnavailableError(f"schema registry must answer: {error}") from None
            except OSError as error:
                raise UnavailableError(f"schema registry must answer: {error}") from None
            except Exception as error:  # The client's HTTP library has errors of its own.
                raise UnavailableError(
                    f"schema registry must answer, got {type(error).__name__}: {error}"
                ) from None
        return RegisteredSchema(kind, schema.schema_str or "", tuple(references.items()))

    def _collect(self, schema: Any, found: dict[str, str], kind: str) -> None:
        """Add the schemas that one names, by name, each after those that it names itself."""
        client = self._serialised if kind == "PROTOBUF" else self._plain
        form = "serialized" if kind == "PROTOBUF" else None
        for reference in schema.references or ():
            if reference.name in found or len(found) >= _MAX_REFERENCES:
                continue
            # What was deleted after messages were written by it is still what they were written by.
            version = client.get_version(reference.subject, reference.version, True, form)
            self._collect(version.schema, found, kind)
            found[reference.name] = version.schema.schema_str or ""


@cache
def _bundled() -> tuple[tuple[str, str], ...]:
    """Return the Protobuf files that registries have without a subject, as Confluent's client does."""
    found = []
    for name in ("meta", "type.decimal", "types.decimal"):
        try:
            module = import_module(f"confluent_kafka.schema_registry.confluent.{name}_pb2")
        except ImportError:
            continue
        file = module.DESCRIPTOR
        found.append((file.name, base64.b64encode(file.serialized_pb).decode()))
    return tuple(found)
