"""No input raises, whatever it is: raw bytes, and messages that are nearly right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streamer.errors import ConfigurationError
from streamer.intake import Intake, outcome_of, parse_declaration, preset_names, preset_text
from streamer.intake.readings import OUTCOMES, REFUSALS, Payment, Refused
from streamer.intake.suggest import suggest

PLAIN = Intake()
PRESETS = [Intake(parse_declaration(preset_text(name), name)) for name in preset_names()]
ODD = Intake(
    parse_declaration(
        """
        each = "items"
        card_id = ["$.card.id", "card + pan"]
        amount = { path = "amount.value", unit = "minor", decimal = ",", thousands = "." }
        timestamp = { unit = "ms", zone = "Europe/Paris", format = ["dmy", "iso8583"] }
        currency = { default = "EUR", values = { "€" = "EUR" } }
        """,
        "odd",
    )
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "GBP",
            "826",
            "2026-11-28T05:58:00Z",
            "28/11/2026",
            "42,50",
            "",
            "EJo=",
            1795845480,
            -1,
            0,
            "\ud800",
        ]
    )
)
names = st.sampled_from(
    "transaction_id card_id amount currency timestamp merchant_id mcc country latitude longitude "
    "channel schema payload op before after data specversion type items card id value scale fields "
    "name parameters notificationItems NotificationRequestItem object created 2 4 7 49 step "
    "metadata operation record old_record action columns columnnames columnvalues kind change event "
    "trigger new old operationType fullDocument ns dynamodb eventName NewImage S N M L _id $oid "
    "$numberDecimal Records records body eventSource kinesis message messageId headers magic Type "
    "__op __deleted Op __$operation ChangeEventHeader changeType context userId eventType "
    "aggregate_id Item topic partition offset key resolved isDdl database table sql".split()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=12,
)
messages = st.dictionaries(names, values, max_size=12)
VALID: dict[str, Any] = {
    "transaction_id": "t1",
    "card_id": "c1",
    "amount": 42.5,
    "currency": "GBP",
    "timestamp": "2026-11-28T05:58:00Z",
}
nearly = messages.map(lambda message: VALID | message)
EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def check(intake: Intake, value: bytes | None) -> None:
    readings = intake.read(value, position="0-1", arrived_ms=1_795_845_480_000)
    assert readings
    for reading in readings:
        assert outcome_of(reading) in OUTCOMES
        if isinstance(reading, Refused):
            assert reading.reason in REFUSALS
            assert reading.path.startswith("$")
        if isinstance(reading, Payment):
            assert 0 <= reading.transaction.amount <= 1e12
            assert reading.transaction.timestamp.tzinfo is not None


@EXAMPLES
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"\0\0\0\0\7" + tail))
def test_raw_bytes_become_one_of_the_four_outcomes(value: bytes) -> None:
    """Bytes that nobody meant as a message."""
    for intake in (PLAIN, ODD, PRESETS[0]):
        check(intake, value)


@EXAMPLES
@given(nearly | messages | values)
def test_messages_that_are_nearly_right_become_one_of_the_four_outcomes(message: Any) -> None:
    """Every intake, every shape: names that matter with values that do not fit them."""
    value = json.dumps(message).encode()
    for intake in (PLAIN, ODD, *PRESETS):
        check(intake, value)


@EXAMPLES
@given(nearly)
def test_rows_become_one_of_the_four_outcomes(row: dict[str, Any]) -> None:
    """Rows of a file, typed or text."""
    for intake in (PLAIN, *PRESETS):
        assert outcome_of(intake.read_row(row, position="row-1")) in OUTCOMES


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(nearly | messages, min_size=1, max_size=4))
@example([VALID | {"amount": None, "type": True}, VALID | {"amount": None, "type": [{}]}])
@example([VALID | {"amount": None, "currency": [{"amount": 0}]}, VALID | {"amount": None}])
@example([{"type": [{}]}, {"type": [1, None]}])
@example([{"value": None, "scale": None}])
@example([{"items": [{"value": 1, "scale": 2}, {"$oid": 1}]}])
def test_whatever_is_suggested_is_a_declaration(sample: list[Any]) -> None:
    """The suggestion for any sample can be parsed, or there is none."""
    try:
        text = suggest([json.dumps(message).encode() for message in sample])
    except ConfigurationError:
        return
    parse_declaration(text, "suggestion")


def test_logical_types_that_are_none_leave_the_value_as_it_is() -> None:
    """A schema in the message is the producer's too, and may say anything."""
    for field in (
        {"name": "org.apache.kafka.connect.data.Decimal", "parameters": "scale=2"},
        {"name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": [2]}},
        {"name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": 10**400}},
        {"name": "io.debezium.time.Date", "parameters": 1},
        {"type": "struct", "fields": [{"field": []}]},
    ):
        for amount in ("EJo=", 42, {}, [[]]):
            schema = {"type": "struct", "fields": [{"field": "amount", **field}]}
            content = {"schema": schema, "payload": VALID | {"amount": amount}}
            check(PLAIN, json.dumps(content).encode())


def test_a_list_in_a_message_is_bounded_wherever_it_lies() -> None:
    """Twenty megabytes of empty objects would be as many dead letters."""
    items = [{}] * 10_001
    (reading,) = ODD.read(json.dumps({"items": items}).encode())
    assert isinstance(reading, Refused)
    assert (reading.reason, reading.path) == ("out_of_range", "$.items")
    assert len(ODD.read(json.dumps({"items": items[1:]}).encode())) == 10_000


@pytest.mark.parametrize(
    "value", [b"[" * 100_000, b'{"a":' * 50_000, b"[" + b"{}," * 20_000 + b"{}]", b"1" * 10_000]
)
def test_no_message_is_too_deep_or_too_long(value: bytes) -> None:
    """Depth, many payments in one message, and a number of ten thousand digits."""
    for intake in (PLAIN, ODD):
        check(intake, value)
