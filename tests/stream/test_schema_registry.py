"""Schemas from a registry, by Confluent's client over the registry's own protocol."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.errors import UnavailableError
from streamer.intake import Declaration, Intake, Refused
from streamer.intake.schemas import RegisteredSchema, Schemas
from streamer.settings import load_settings
from streamer.stream.kafka import known_schemas
from streamer.stream.kafka.kafka_config import registry_config
from streamer.stream.kafka.known_schemas import KnownSchemas, intake_of
from streamer.stream.kafka.schema_registry import SchemaRegistry
from tests.intake.messages import declared, paid
from tests.intake.test_schemas import AVRO, FRAME, RECORD, SALES, UNITS, avro, proto, sale
from tests.rig.certificates import Certificates
from tests.rig.waiting import wait_until
from tests.stream.registry import MONEY, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as url:
        yield url


def test_avro_and_protobuf_are_read_by_what_the_registry_has(url: str) -> None:
    """By the id in the frame, and the place of the message in its file."""
    schemas = Schemas(SchemaRegistry(url).lookup)
    assert paid(Intake(schemas=schemas), FRAME + avro(RECORD)).transaction.amount == 42.5
    intake = Intake(declared(UNITS).declaration, schemas)
    framed = b"\x00\x00\x00\x00\x08\x02\x02" + proto()
    assert paid(intake, framed).transaction.amount == 42.5


def test_references_come_with_the_schema_that_names_them(url: str) -> None:
    """A record of another subject."""
    schema = SchemaRegistry(url).lookup(9)
    assert schema is not None
    assert [(name, json.loads(text)) for name, text in schema.references] == [("Money", MONEY)]


def test_protobuf_comes_with_its_imports_and_what_a_registry_has_without_a_subject(
    url: str,
) -> None:
    """One of a subject by its name, Confluent's own from its client, Protobuf's from Protobuf."""
    intake = Intake(declared(SALES).declaration, Schemas(SchemaRegistry(url).lookup))
    framed = b"\x00\x00\x00\x00\x0a\x04\x02\x00" + sale()
    assert paid(intake, framed).transaction.amount == 42.5


def _registry(environ: dict[str, str]) -> SchemaRegistry:
    settings = load_settings(environ)
    config = {"max.retries": 0, "timeout": 30} | registry_config(settings)
    return SchemaRegistry(settings.schema_registry_url or "", **config)


def test_a_registry_with_tls_and_credentials_is_reached_by_the_settings(tmp_path: Path) -> None:
    """Its authority, our certificate with a locked key, name and password: each is needed."""
    made = Certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.broker)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(made.authority)
    with serving(credentials="worker:pass:word", context=context) as url:
        right = {
            "URL": url,
            "USERNAME": "worker",
            "PASSWORD": "pass:word",
            "SSL_CA_FILE": str(made.authority),
            "SSL_CERTIFICATE_FILE": str(made.client),
            "SSL_KEY_FILE": str(made.client_key),
            "SSL_KEY_PASSWORD": made.client_key_password,
        }
        environ = {f"STREAMER_SCHEMA_REGISTRY_{name}": value for name, value in right.items()}
        assert _registry(environ).lookup(7) is not None

        def without(*parts: str) -> dict[str, str]:
            return {n: v for n, v in environ.items() if not any(part in n for part in parts)}

        stranger = {"STREAMER_SCHEMA_REGISTRY_SSL_CA_FILE": str(made.stranger)}
        wrong = {"STREAMER_SCHEMA_REGISTRY_PASSWORD": "password"}
        for changed, said in (
            (environ | stranger, "CERTIFICATE_VERIFY_FAILED"),
            (without("_SSL_C", "_SSL_K"), "CERTIFICATE_VERIFY_FAILED"),
            (without("_CERTIFICATE_", "_KEY_"), ""),
            (environ | wrong, "Unauthorized"),
            (without("USERNAME", "_REGISTRY_PASSWORD"), "Unauthorized"),
        ):
            with pytest.raises(UnavailableError, match="schema registry must answer") as caught:
                _registry(changed).lookup(7)
            assert said in str(caught.value)
            assert "pass:word" not in str(caught.value)


def test_an_id_that_is_not_there_is_no_schema(url: str) -> None:
    """The message is refused; the registry did answer."""
    assert SchemaRegistry(url).lookup(99) is None


def test_a_registry_that_is_away_is_no_fault_of_the_message() -> None:
    """Nothing listens on the port."""
    registry = SchemaRegistry("http://127.0.0.1:1", **{"max.retries": 0, "timeout": 1})
    with pytest.raises(UnavailableError, match="schema registry must answer"):
        registry.lookup(7)


def batch_of(*values: bytes) -> Batch:
    records = [StoredRecord(i, 0, None, value) for i, value in enumerate(values)]
    return Batch("transactions", 0, records, 0)


def test_a_batch_is_decoded_by_what_was_asked_for_before(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that is not there is asked for once, and not again for the next batch."""
    # How long a batch is kept back is another test's: a busy machine answers late.
    monkeypatch.setattr(known_schemas, "_PATIENCE_S", 60.0)

    async def run() -> None:
        asked: list[int] = []
        registry = SchemaRegistry(url)

        def ask(schema_id: int) -> RegisteredSchema | None:
            asked.append(schema_id)
            return registry.lookup(schema_id)

        known = KnownSchemas(ask)
        values = (
            FRAME + avro(RECORD),
            FRAME[:-1] + b"\x63" + avro(RECORD),
            FRAME + b'{"a": 1}',
            b"{}",
        )
        for _ in range(2):
            await known.prepare(batch_of(*values))
        assert asked == [7, 99]
        intake = intake_of(Declaration(), known)
        assert paid(intake, values[0]).transaction.amount == 42.5
        (refused,) = intake.read(values[1])
        assert isinstance(refused, Refused)
        assert refused.reason == "unknown_schema"

    asyncio.run(run())


def test_a_registry_that_hangs_keeps_a_batch_for_a_second_and_the_next_not_at_all() -> None:
    """What it says in the end is known to the batch when it comes again."""

    async def run() -> None:
        answer = threading.Event()
        asked: list[int] = []

        def ask(schema_id: int) -> RegisteredSchema:
            asked.append(schema_id)
            answer.wait()
            return RegisteredSchema("AVRO", json.dumps(AVRO))

        known = KnownSchemas(ask)
        batch = batch_of(FRAME + avro(RECORD))
        try:
            with pytest.raises(UnavailableError, match="schema registry must answer"):
                await known.prepare(batch)
            # Nothing is waited for: the first step of the second question is its last.
            with pytest.raises(UnavailableError, match="schema registry must answer"):
                known.prepare(batch).send(None)
            await known.prepare(batch_of(b"{}"))
            assert asked == [7]
        finally:
            answer.set()
        known_at_last = partial(wait_until, lambda: known.lookup(7) is not None, "its answer")
        await asyncio.to_thread(known_at_last)
        await known.prepare(batch)

    asyncio.run(run())


def test_a_registry_that_is_away_is_asked_again_by_the_next_batch() -> None:

    async def run() -> None:
        answers: list[RegisteredSchema | None] = [None, RegisteredSchema("AVRO", json.dumps(AVRO))]

        def ask(_: int) -> RegisteredSchema | None:
            answer = answers.pop(0)
            if answer is None:
                raise UnavailableError("schema registry must answer")
            return answer

        known = KnownSchemas(ask)
        batch = batch_of(FRAME + avro(RECORD))
        with pytest.raises(UnavailableError):
            await known.prepare(batch)
        await known.prepare(batch)
        assert known.lookup(7) is not None

    asyncio.run(run())
