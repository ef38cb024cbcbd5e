"""Avro and Protobuf by schemas from a file and by id."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from streamer.errors import ConfigurationError, UnavailableError
from streamer.intake import Intake, Refused, Skipped
from streamer.intake.declaration import SchemaSource
from streamer.intake.schemas import RegisteredSchema, Schemas, schemas_of_file
from tests.intake.messages import declared, one, paid

MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
AVRO = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "transaction_id", "type": "string"},
        {"name": "card_id", "type": "string"},
        {"name": "amount", "type": MONEY},
        {"name": "currency", "type": "string"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "mcc", "type": ["null", "int"], "default": None},
    ],
}
RECORD = {
    "transaction_id": "t1",
    "card_id": "c1",
    "amount": Decimal("42.50"),
    "currency": "GBP",
    "timestamp": datetime(2026, 11, 28, 5, 58, tzinfo=UTC),
    "mcc": 5411,
}
FRAME = b"\x00\x00\x00\x00\x07"


def avro(record: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    fastavro.schemaless_writer(file, fastavro.parse_schema(AVRO), record)
    return file.getvalue()


def proto_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="payment.proto", package="shop", syntax="proto3")
    file.message_type.add(name="Other")
    message = file.message_type.add(name="Payment")
    kinds = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind) in enumerate(
        [
            ("transaction_id", kinds.TYPE_STRING),
            ("card_id", kinds.TYPE_STRING),
            ("amount", kinds.TYPE_INT64),
            ("currency", kinds.TYPE_STRING),
            ("timestamp", kinds.TYPE_INT64),
        ],
        start=1,
    ):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    return file


@cache
def _proto_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Payment"))


def proto(**changes: Any) -> bytes:
    """Return the payment 42.50 of `proto_file` with changes: minor units, milliseconds."""
    content = {"transaction_id": "t1", "card_id": "c1", "currency": "GBP"}
    values = {"amount": 4250, "timestamp": 1795845480000} | content | changes
    message = _proto_class()(**values)
    return bytes(message.SerializeToString())


def money_file() -> descriptor_pb2.FileDescriptorProto:
    """What `sale_file` imports: minor units and a currency."""
    file = descriptor_pb2.FileDescriptorProto(
        name="common/money.proto", package="common", syntax="proto3"
    )
    message = file.message_type.add(name="Money")
    kinds = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind) in enumerate(
        [("minor", kinds.TYPE_INT64), ("currency", kinds.TYPE_STRING)], start=1
    ):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    return file


def sale_file() -> descriptor_pb2.FileDescriptorProto:
    """A message within a message of a file with imports: one of its own, one of Protobuf's."""
    file = descriptor_pb2.FileDescriptorProto(name="sale.proto", package="shop", syntax="proto3")
    file.dependency.extend(
        ["common/money.proto", "google/protobuf/timestamp.proto", "confluent/meta.proto"]
    )
    file.message_type.add(name="Other")
    message = file.message_type.add(name="Event").nested_type.add(name="Sale")
    kinds = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind, of) in enumerate(
        [
            ("transaction_id", kinds.TYPE_STRING, None),
            ("card_id", kinds.TYPE_STRING, None),
            ("sum", kinds.TYPE_MESSAGE, ".common.Money"),
            ("timestamp", kinds.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
            ("approved", kinds.TYPE_BOOL, None),
            ("merchant_id", kinds.TYPE_STRING, None),
        ],
        start=1,
    ):
        label = kinds.LABEL_OPTIONAL
        message.field.add(name=name, number=number, type=kind, label=label, type_name=of)
    return file


@cache
def _sale_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    for known in (descriptor_pb2, timestamp_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(money_file())
    sale = sale_file()
    sale.dependency.remove("confluent/meta.proto")
    pool.Add(sale)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Event.Sale"))


def sale(minor: int = 4250, approved: bool = True, **fields: str) -> bytes:
    """Return a sale of `sale_file`: the second message's first, so ``[1, 0]`` in its file."""
    message = _sale_class()(
        approved=approved, **({"transaction_id": "t1", "card_id": "c1"} | fields)
    )
    message.sum.minor, message.sum.currency = minor, "GBP"
    message.timestamp.FromJsonString("2026-11-28T05:58:00Z")
    return bytes(message.SerializeToString())


SALES = """
amount = { path = "sum.minor", unit = "minor" }
currency = "sum.currency"

[[decline]]
path = "approved"
one_of = false
"""
UNITS = '[amount]\nunit = "minor"\n[timestamp]\nunit = "ms"\n'


def registry(schema_id: int) -> RegisteredSchema | None:
    return {
        7: RegisteredSchema("AVRO", json.dumps(AVRO)),
        8: RegisteredSchema(
            "PROTOBUF", base64.b64encode(proto_file().SerializeToString()).decode()
        ),
        9: RegisteredSchema("JSON", "{}"),
    }.get(schema_id)


def test_avro_is_read_by_the_schema_of_its_id() -> None:
    """Decimals and times by their logical types, without a setting."""
    transaction = paid(Intake(schemas=Schemas(registry)), FRAME + avro(RECORD)).transaction
    assert (transaction.amount, transaction.mcc) == (42.5, "5411")
    assert transaction.timestamp == RECORD["timestamp"]


def test_protobuf_is_read_by_the_schema_and_the_place_in_its_file() -> None:
    """The second message of the file: one index, which is 1, as zigzag varints."""
    intake = Intake(declared(UNITS).declaration, Schemas(registry))
    transaction = paid(intake, b"\x00\x00\x00\x00\x08" + b"\x02\x02" + proto()).transaction
    assert (transaction.amount, transaction.card_id) == (42.5, "c1")
    assert transaction.timestamp.timestamp() == 1795845480


def base64_of(file: descriptor_pb2.FileDescriptorProto) -> str:
    return base64.b64encode(file.SerializeToString()).decode()


def test_protobuf_finds_its_imports_by_the_names_that_it_uses() -> None:
    """Whatever the imported file calls itself, which a registry makes up."""
    money, main = money_file(), sale_file()
    money.name = main.name = "default"
    main.dependency.remove("confluent/meta.proto")
    references = (("common/money.proto", base64_of(money)),)
    schemas = Schemas(lambda _: RegisteredSchema("PROTOBUF", base64_of(main), references))
    intake = Intake(declared(SALES).declaration, schemas)
    # Two indexes, 1 and 0, as zigzag varints.
    frame = b"\x00\x00\x00\x00\x0a\x04\x02\x00"
    transaction = paid(intake, frame + sale()).transaction
    assert (transaction.amount, transaction.currency) == (42.5, "GBP")
    assert transaction.timestamp.timestamp() == 1795845480
    # What Protobuf leaves out is there: no amount is 0, no approval is a decline, no text is no text.
    none = paid(intake, frame + sale(minor=0))
    assert (none.transaction.amount, none.transaction.merchant_id, none.left_out) == (0, None, ())
    assert one(intake, frame + sale(approved=False)) == Skipped("declined", "$.approved")
    # From the end of the list, as Python counts, there would be a message.
    for indexes in (b"\x04\x01\x00", b"\x04\x02\x01", b"\x02\x0a", b"\xff" * 30):
        refused = one(intake, frame[:5] + indexes + sale())
        assert isinstance(refused, Refused)
        assert refused.reason == "schema_mismatch"


def test_a_descriptor_set_may_bring_the_well_known_types_itself(tmp_path: Path) -> None:
    """As a compiler writes it with all imports, in its own version."""
    timestamp = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
    timestamp.options.go_package = "another/version"
    main = sale_file()
    main.dependency.remove("confluent/meta.proto")
    files = descriptor_pb2.FileDescriptorSet(file=[timestamp, money_file(), main])
    (tmp_path / "sale.desc").write_bytes(files.SerializeToString())
    source = SchemaSource(file=str(tmp_path / "sale.desc"), message="shop.Event.Sale", framed=False)
    assert schemas_of_file(source).decode(None, sale())["sum"] == {
        "minor": "4250",
        "currency": "GBP",
    }


def test_schemas_may_lie_in_files(tmp_path: Path) -> None:
    """An Avro schema for framed messages, a Protobuf descriptor set for bare ones."""
    (tmp_path / "payment.avsc").write_text(json.dumps(AVRO))
    from_file = schemas_of_file(SchemaSource(file=str(tmp_path / "payment.avsc")))
    assert paid(Intake(schemas=from_file), FRAME + avro(RECORD)).transaction.amount == 42.5
    files = descriptor_pb2.FileDescriptorSet(file=[proto_file()])
    (tmp_path / "payment.desc").write_bytes(files.SerializeToString())
    source = f'file = "{tmp_path}/payment.desc"\nmessage = "shop.Payment"\nframed = false'
    text = f"{UNITS}[schema]\n{source}"
    declaration = declared(text).declaration
    assert declaration.schema is not None
    intake = Intake(declaration, schemas_of_file(declaration.schema))
    assert paid(intake, proto()).transaction.amount == 42.5


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\x00\x00\x00\x00\x63" + b"\x02c", "unknown_schema"),
        (FRAME + b"\x02", "schema_mismatch"),
        (FRAME + avro(RECORD) + b"x", "schema_mismatch"),
        (b"\x00\x00\x00\x00\x08" + b"\x02\x7f", "schema_mismatch"),
        (b"\x00\x00\x00\x00\x09" + b"xx", "malformed_json"),
    ],
)
def test_what_a_schema_does_not_fit_is_refused(value: bytes, reason: str) -> None:
    """An id that nobody knows, and bytes that are not what their schema says."""
    refused = one(Intake(schemas=Schemas(registry)), value)
    assert isinstance(refused, Refused)
    assert refused.reason == reason


def test_a_registry_that_does_not_answer_is_no_fault_of_the_message() -> None:
    """The error goes through, so that the worker waits instead of writing dead letters."""

    def away(_: int) -> None:
        raise UnavailableError("registry must answer")

    with pytest.raises(UnavailableError):
        Intake(schemas=Schemas(away)).read(FRAME + avro(RECORD))


def test_a_schema_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    """Before any message is read."""
    bad = tmp_path / "payment.avsc"
    bad.write_text("{}")
    with pytest.raises(ConfigurationError, match="Avro"):
        schemas_of_file(SchemaSource(file=str(bad)))
    (tmp_path / "p.desc").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"schema\.message"):
        schemas_of_file(SchemaSource(file=str(tmp_path / "p.desc")))
