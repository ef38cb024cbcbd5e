"""What Connect, change capture and event routers put around a payment."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from streamer.intake import Intake, Payment, Refused, Skipped, parse_declaration, plain_transaction
from streamer.intake.suggest import suggest
from tests.intake.messages import VALID, declared, message, one, paid

PLAIN = Intake()
ENVELOPE = {"source": {"connector": "postgresql"}, "ts_ms": 1795845480000}
CLOUD = {"specversion": "1.0", "id": "ce-1", "source": "/pos", "type": "com.shop.payment"}


def sent(content: Any) -> bytes:
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "content",
    [
        {"schema": {"type": "struct", "fields": []}, "payload": VALID},
        {"schema": None, "payload": VALID},
        {"before": None, "after": VALID, "op": "c", **ENVELOPE},
        {"before": None, "after": VALID, "op": "r", **ENVELOPE},
        {"schema": {"type": "struct"}, "payload": {"before": None, "after": VALID, "op": "c"}},
        {"op_type": "I", "op_ts": "2026-11-28", "after": VALID},
        {"database": "d", "table": "tx", "type": "insert", "data": VALID},
        {"database": "d", "table": "tx", "type": "INSERT", "isDdl": False, "data": [VALID]},
        {**VALID, "__op": "c", "__deleted": "false"},
        {**CLOUD, "datacontenttype": "application/json", "data": VALID},
        {**CLOUD, "data": json.dumps(VALID)},
        {**CLOUD, "data_base64": base64.b64encode(message()).decode()},
        {"detail-type": "payment", "source": "shop", "detail": VALID},
        {"Type": "Notification", "MessageId": "1", "Message": json.dumps(VALID)},
        {"message": {"data": base64.b64encode(message()).decode(), "messageId": "1"}},
        {"records": [{"key": None, "value": VALID}]},
        [VALID],
        json.dumps(VALID),
        json.dumps(json.dumps(VALID)),
    ],
)
def test_a_payment_in_an_envelope_is_read(content: Any) -> None:
    """Every envelope that is known, and some within each other."""
    assert paid(PLAIN, sent(content)).transaction == plain_transaction(message())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"before": VALID, "after": VALID, "op": "u", **ENVELOPE}, "updated"),
        ({"before": VALID, "after": None, "op": "d", **ENVELOPE}, "deleted"),
        ({"op": "t", "source": {}}, "not_a_payment"),
        ({"database": "d", "table": "t", "type": "delete", "data": VALID}, "deleted"),
        ([], "not_a_payment"),
    ],
)
def test_changes_that_are_no_new_payments_are_skipped(content: Any, reason: str) -> None:
    """Inserts and snapshots count; an update would be learned twice."""
    reading = one(PLAIN, sent(content))
    assert isinstance(reading, Skipped)
    assert reading.reason == reason


@pytest.mark.parametrize(
    ("mark", "value", "reason"),
    [
        ("__deleted", "true", "deleted"),
        ("__deleted", True, "deleted"),
        ("__op", "d", "deleted"),
        ("__op", "u", "updated"),
        ("Op", "D", "deleted"),
        ("op_type", "U", "updated"),
        ("__$operation", 1, "deleted"),
        ("__$operation", 3, "not_a_payment"),
        ("_fivetran_deleted", True, "deleted"),
        ("_ab_cdc_deleted_at", "2026-11-28T06:00:00Z", "deleted"),
        ("_change_type", "update_postimage", "updated"),
    ],
)
def test_a_flattened_row_is_what_its_mark_says(mark: str, value: Any, reason: str) -> None:
    """Though all of its other fields are the contract's, in a message and in a file's row."""
    row = {**VALID, mark: value}
    assert plain_transaction(sent(row)) is None
    for reading in (one(PLAIN, sent(row)), PLAIN.read_row(row)):
        assert isinstance(reading, Skipped)
        assert (reading.reason, reading.path) == (reason, f"$.{mark}")


def test_a_row_without_a_mark_is_the_same_payment() -> None:
    """Null is no mark, and neither is a name of the producer's own that means something else."""
    assert plain_transaction(sent({**VALID, "__op": None})) == plain_transaction(message())
    assert paid(PLAIN, sent({**VALID, "op_type": "debit"})).transaction == plain_transaction(
        message()
    )


def test_updates_and_snapshots_are_what_is_declared_of_them() -> None:
    """For a table whose rows come to be payments by an update, or is read anew every night."""
    update = {"before": VALID, "after": {**VALID, "amount": 43.0}, "op": "u"}
    read = {"before": None, "after": VALID, "op": "r"}
    intake = declared('updates = "payment"\nsnapshots = "skip"')
    assert paid(intake, sent(update)).transaction.amount == 43.0
    assert paid(intake, sent({**VALID, "__op": "u"})).transaction.amount == 42.5
    for content in (read, {**VALID, "__op": "r"}):
        reading = one(intake, sent(content))
        assert isinstance(reading, Skipped)
        assert reading.reason == "not_a_payment"
        assert paid(PLAIN, sent(content)).transaction.amount == 42.5


def test_a_stream_without_images_is_refused_with_what_to_set() -> None:
    """DynamoDB sends the keys alone unless it is told otherwise."""
    content = {"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": "t1"}}}}
    refused = one(PLAIN, sent(content))
    assert isinstance(refused, Refused)
    assert refused.path == "$.dynamodb.NewImage"
    assert "NEW_IMAGE" in refused.hint


def test_what_reads_as_it_stands_is_not_gone_into() -> None:
    """A payment may carry another one, or a copy of what it was made from."""
    inner = json.dumps({**VALID, "transaction_id": "t2"})
    content = {**VALID, "card_id": 383, "payload": inner, "data": json.loads(inner)}
    assert paid(PLAIN, sent(content)).transaction.transaction_id == "t1"


def test_a_payment_below_a_name_is_found_where_nothing_else_reads() -> None:
    """And an event's own name still decides what it is."""
    content = {"eventType": "payment.authorized", "payload": VALID}
    assert paid(PLAIN, sent(content)).transaction == plain_transaction(message())
    reading = one(PLAIN, sent(content | {"eventType": "payment.declined"}))
    assert isinstance(reading, Skipped)
    assert reading.reason == "declined"


def logical(field: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": kind, "name": name, **more}


@pytest.mark.parametrize(
    ("field", "schema", "value", "meant"),
    [
        # 4250 = 0x109A, with two decimals.
        (
            "amount",
            logical(
                "amount",
                "bytes",
                "org.apache.kafka.connect.data.Decimal",
                parameters={"scale": "2"},
            ),
            "EJo=",
            42.5,
        ),
        # -4250 is 0xEF66 in two's complement; this one is a refund.
        (
            "timestamp",
            logical("timestamp", "int64", "org.apache.kafka.connect.data.Timestamp"),
            1795845480000,
            1795845480,
        ),
        (
            "timestamp",
            logical("timestamp", "int64", "io.debezium.time.Timestamp"),
            1795845480000,
            1795845480,
        ),
        (
            "timestamp",
            logical("timestamp", "int64", "io.debezium.time.MicroTimestamp"),
            1795845480000000,
            1795845480,
        ),
        (
            "timestamp",
            logical("timestamp", "int64", "io.debezium.time.NanoTimestamp"),
            1795845480000000000,
            1795845480,
        ),
        (
            "timestamp",
            logical("timestamp", "string", "io.debezium.time.ZonedTimestamp"),
            "2026-11-28T05:58:00Z",
            1795845480,
        ),
    ],
)
def test_the_logical_types_of_a_schema_are_resolved(
    field: str, schema: dict[str, Any], value: Any, meant: float
) -> None:
    """In a flat payload and in the row of a change."""
    flat = {"schema": {"type": "struct", "fields": [schema]}, "payload": {**VALID, field: value}}
    row = {"type": "struct", "field": "after", "fields": [schema]}
    change = {
        "schema": {"type": "struct", "fields": [row]},
        "payload": {"before": None, "after": {**VALID, field: value}, "op": "c"},
    }
    for content in (flat, change):
        found = getattr(paid(PLAIN, sent(content)).transaction, field)
        assert (found if field == "amount" else found.timestamp()) == meant


def test_a_decimal_with_its_own_scale_needs_no_schema() -> None:
    """Debezium's VariableScaleDecimal."""
    content = {**VALID, "amount": {"scale": 2, "value": "EJo="}}
    assert paid(PLAIN, sent(content)).transaction.amount == 42.5


def test_a_bare_decimal_needs_its_scale_declared() -> None:
    """Base64 without a schema; the refusal says what to set."""
    refused = one(PLAIN, message(amount="EJo="))
    assert isinstance(refused, Refused)
    assert "scale" in refused.hint
    assert paid(declared("[amount]\nscale = 2"), message(amount="EJo=")).transaction.amount == 42.5


def test_one_message_may_hold_several_payments_and_one_that_is_none() -> None:
    """Each has its own outcome and its own path."""
    readings = PLAIN.read(sent([VALID, {**VALID, "amount": "x"}, {**VALID, "amount": -1}, 5]))
    assert [type(reading).__name__ for reading in readings] == [
        "Payment",
        "Refused",
        "Refund",
        "Refused",
    ]
    assert [r.path for r in readings[1:] if not isinstance(r, Payment)] == [
        "$[1].amount",
        "$[2].amount",
        "$[3]",
    ]


def test_confluent_framing_with_json_is_read() -> None:
    """A zero byte, four bytes of schema id, JSON."""
    assert paid(PLAIN, b"\x00\x00\x00\x00\x07" + message()).transaction.card_id == "card-000383"


def test_a_path_leads_through_the_envelope() -> None:
    """Where the producer has the field, not where it would be without the envelope."""
    refused = one(
        PLAIN, sent({"schema": None, "payload": {"after": {**VALID, "currency": "ZZZ"}, "op": "c"}})
    )
    assert isinstance(refused, Refused)
    assert refused.path == "$.payload.after.currency"


def test_envelopes_can_be_turned_off() -> None:
    """For a message that only looks like one."""
    intake = declared('envelope = "none"\ncard_id = "payload"')
    assert paid(intake, message(card_id=..., payload="c1", op="x")).transaction.card_id == "c1"


TIMELESS = {name: value for name, value in VALID.items() if name != "timestamp"}
EVENT_TIME = "2026-11-28T05:58:00Z"


@pytest.mark.parametrize(
    ("head", "name", "below"),
    [
        ({"aggregateType": "Payment", "aggregateId": "t1"}, "occurredOn", "payload"),
        ({"aggregate_type": "payment", "aggregate_id": "t1"}, "occurred_at", "payload"),
        ({"detail-type": "payment", "source": "shop"}, "time", "detail"),
        ({"eventType": "Paid", "dataVersion": "1", "id": "1"}, "eventTime", "data"),
    ],
)
def test_an_events_time_is_that_of_a_payment_without_one(
    head: dict[str, Any], name: str, below: str
) -> None:
    """It is suggested by its name; a payload with a time of its own keeps that."""
    sample = sent({**head, name: EVENT_TIME, below: TIMELESS})
    intake = Intake(parse_declaration(suggest([sample]), "event"))
    assert paid(intake, sample).transaction == plain_transaction(message())
    later = {**head, name: "2027-01-01T00:00:00Z"}
    with_own = sent({**later, below: {**TIMELESS, "paidAt": EVENT_TIME}})
    assert "paidAt" in suggest([with_own])
    own = Intake(parse_declaration(suggest([with_own]), "own"))
    assert paid(own, with_own).transaction.timestamp == paid(intake, sample).transaction.timestamp
    contract = sent({**later, below: VALID})
    assert paid(PLAIN, contract).transaction == plain_transaction(message())


def test_an_events_time_is_no_payments_without_a_declaration() -> None:
    """``occurredOn`` is a name as any other: nobody said that it is the payment's time."""
    event = {
        "aggregateType": "p",
        "aggregateId": "1",
        "occurredOn": EVENT_TIME,
        "payload": TIMELESS,
    }
    reading = one(PLAIN, sent(event))
    assert isinstance(reading, Refused)
    assert (reading.reason, reading.path) == ("missing_field", "$.payload.timestamp")


def test_a_log_line_with_something_before_its_object_is_no_line_of_text() -> None:
    """It may be a payment, so that it is not passed over without a word."""
    line = f"INFO paid {json.dumps(VALID)}"
    reading = one(PLAIN, sent({"log": line, "stream": "stdout", "time": EVENT_TIME}))
    assert isinstance(reading, Refused)


def test_a_list_that_begins_with_a_text_is_fluentds_only_with_a_time_and_a_record() -> None:
    for content in (["a", "b", VALID], ["tag", 1, 2], ["tag", [1, VALID]], ["tag", []]):
        readings = PLAIN.read(sent(content))
        assert any(isinstance(reading, Refused) for reading in readings), content


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (gzip.compress(message())[:-9], "wrong_format"),
        (b"\x1f\x8bnothing", "wrong_format"),
        (gzip.compress(b" " * (17 << 20)), "out_of_range"),
    ],
)
def test_a_packed_record_is_whole_and_of_a_payments_size(packed: bytes, reason: str) -> None:
    """17 MiB of spaces are 17 kB: what a message unpacks to has a limit."""
    record = {"data": base64.b64encode(packed).decode(), "recordId": "1"}
    reading = one(PLAIN, sent({"invocationId": "1", "records": [record]}))
    assert isinstance(reading, Refused)
    assert reading.reason == reason


@pytest.mark.parametrize("amount", ["EJo=", "ABCa", "AAMf", "Aw=="])
def test_a_decimal_in_base64_names_the_scale(amount: str) -> None:
    """42.50 as 4250 in two and three bytes, 7.99, and 0.03; with the scale they are read."""
    change = {"before": None, "after": {**VALID, "amount": amount}, "op": "c", **ENVELOPE}
    reading = one(PLAIN, sent(change))
    assert isinstance(reading, Refused)
    assert "scale = 2 for DECIMAL(10,2)" in reading.hint
    expected = {"EJo=": 42.5, "ABCa": 42.5, "AAMf": 7.99, "Aw==": 0.03}[amount]
    assert paid(declared("[amount]\nscale = 2"), sent(change)).transaction.amount == expected


@pytest.mark.parametrize("amount", ["much", "Free", "NONE", "n/a", "ABC", "refunded"])
def test_a_word_is_no_decimal(amount: str) -> None:
    reading = one(PLAIN, message(amount=amount))
    assert isinstance(reading, Refused)
    assert "Base64" not in reading.hint
