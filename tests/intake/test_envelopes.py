"""What Connect, change capture and event routers put around a payment."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from streamer.intake import Intake, Payment, Refused, Skipped
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
    assert paid(PLAIN, sent(content)).transaction == PLAIN.plain(message())


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


def test_a_flattened_delete_is_skipped_by_the_rule_that_is_suggested() -> None:
    """It looks like a payment but for one field."""
    changes = {"c": "false", "d": "true"}
    live, gone = ({**VALID, "__op": op, "__deleted": said} for op, said in changes.items())
    intake = declared(suggest([sent(live)]))
    assert paid(intake, sent(live)).transaction.card_id == VALID["card_id"]
    reading = one(intake, sent(gone))
    assert isinstance(reading, Skipped)
    assert reading.reason == "deleted"


def test_updates_are_payments_where_it_is_declared() -> None:
    """For a table whose rows come to be payments by an update."""
    intake = declared('updates = "payment"')
    content = {"before": VALID, "after": {**VALID, "amount": 43.0}, "op": "u"}
    assert paid(intake, sent(content)).transaction.amount == 43.0


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
