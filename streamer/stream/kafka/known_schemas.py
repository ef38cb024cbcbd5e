"""The schemas of a registry that this worker knows, asked for before a batch is decoded.

Invariants:
* Decoding never waits for the registry; a batch whose schemas are not known yet is not decoded.
* A registry that does not answer keeps a batch back for `_PATIENCE_S` and no longer: then its partition
  is set back, and those behind it go on.
* An id that the registry does not have is asked for again, but not with every message.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from streamer.contract.batch import Batch
from streamer.errors import UnavailableError
from streamer.intake import Declaration, Intake
from streamer.intake.framing import HEADER_SIZE, framed
from streamer.intake.schemas import RegisteredSchema, Schemas, schemas_of_file
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import registry_config
from streamer.stream.kafka.schema_registry import SchemaRegistry

__all__ = ["KnownSchemas", "intake_of", "intake_that_asks", "known_schemas"]

Lookup = Callable[[int], RegisteredSchema | None]

_PATIENCE_S: Final = 1.0
_TIMEOUT_S: Final = 5.0
_ABSENT_S: Final = 10.0
# Frames of garbage can name any id.
_MAX_ABSENT: Final = 10_000


class KnownSchemas:
    """What has been answered so far; `lookup` is what `Schemas` takes."""

    def __init__(self, ask: Lookup) -> None:
        """``ask`` blocks, and raises UnavailableError when there is no answer."""
        self._ask = ask
        self._known: dict[int, RegisteredSchema] = {}
        self._absent: dict[int, float] = {}
        self._asking: asyncio.Future[None] | None = None

    def lookup(self, schema_id: int) -> RegisteredSchema | None:
        """Return the schema of an id, None where none is known."""
        return self._known.get(schema_id)

    async def prepare(self, batch: Batch) -> None:
        """Learn what ``batch`` needs; raise UnavailableError when it is not to be had at once."""
        while missing := self._missing(batch):
            if self._asking is None:
                self._asking = asyncio.ensure_future(asyncio.to_thread(self._learn, missing))
                await asyncio.wait({self._asking}, timeout=_PATIENCE_S)
            if not self._asking.done():
                raise UnavailableError("schema registry must answer, got nothing yet")
            asked, self._asking = self._asking, None
            asked.result()

    def _missing(self, batch: Batch) -> list[int]:
        found: set[int] = set()
        for record in batch.records:
            value = record.value
            # What is JSON in its frame needs no schema.
            if value and not value[0] and value[HEADER_SIZE : HEADER_SIZE + 1] not in (b"{", b"["):
                frame = framed(value)
                if frame is not None and frame.schema_id not in self._known:
                    found.add(frame.schema_id)
        now = time.monotonic()
        return [i for i in sorted(found) if self._absent.get(i, -_ABSENT_S) + _ABSENT_S <= now]

    def _learn(self, schema_ids: Iterable[int]) -> None:
        for schema_id in schema_ids:
            schema = self._ask(schema_id)
            if schema is not None:
                self._known[schema_id] = schema
                continue
            if len(self._absent) >= _MAX_ABSENT:
                self._absent.clear()
            self._absent[schema_id] = time.monotonic()


def known_schemas(settings: Settings) -> KnownSchemas | None:
    """Return the schemas of the settings' registry, None without one; connects to nothing yet."""
    registry = _registry(settings)
    return None if registry is None else KnownSchemas(registry.lookup)


def _registry(settings: Settings) -> SchemaRegistry | None:
    if settings.schema_registry_url is None:
        return None
    config = {"timeout": _TIMEOUT_S, "max.retries": 0} | registry_config(settings)
    return SchemaRegistry(settings.schema_registry_url, **config)


def intake_of(declaration: Declaration, known: KnownSchemas | None) -> Intake:
    """Return the intake of a worker: its declaration, and the schemas of its file and registry."""
    return Intake(declaration, _schemas(declaration, None if known is None else known.lookup))


def intake_that_asks(declaration: Declaration, settings: Settings) -> Intake:
    """Return the same intake for a command, which may wait for the registry within a message."""
    registry = _registry(settings)
    return Intake(declaration, _schemas(declaration, None if registry is None else registry.lookup))


def _schemas(declaration: Declaration, lookup: Lookup | None) -> Schemas | None:
    source = declaration.schema
    by_file = schemas_of_file(source) if source is not None and source.file else None
    if lookup is None:
        return by_file
    default = None if by_file is None else lambda payload: by_file.decode(None, payload)
    return Schemas(lookup, default)
