"""The declarations that come with the package, on messages and rows of their layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from streamer.intake import (
    Intake,
    Payment,
    Refund,
    Refused,
    Skipped,
    parse_declaration,
    preset_names,
    preset_text,
)
from streamer.intake.hints import recognised
from streamer.intake.suggest import suggest
from tests.intake.messages import ARRIVED_MS, one

PRESETS = {name: Intake(parse_declaration(preset_text(name), name)) for name in preset_names()}

CARD = {"country": "GB", "last4": "1881", "fingerprint": "Fp9x"}
CHARGE = {
    "id": "ch_1X",
    "object": "charge",
    "amount": 4250,
    "currency": "gbp",
    "created": 1795845480,
    "payment_method_details": {"type": "card", "card": CARD},
}
STRIPE = {"id": "evt_1X", "object": "event", "type": "charge.succeeded", "data": {"object": CHARGE}}
NOTE = {
    "eventCode": "AUTHORISATION",
    "success": "true",
    "eventDate": "2026-11-28T06:58:00+01:00",
    "pspReference": "p1",
    "merchantAccountCode": "Shop",
    "amount": {"currency": "EUR", "value": 4250},
    "additionalData": {"recurring.recurringDetailReference": "r1", "cardSummary": "1111"},
}
ISO = {
    "0": "0100",
    "2": "4111111111111111",
    "4": "000000004250",
    "7": "1128055800",
    "18": "5411",
    "19": "826",
    "37": "000000123456",
    "42": "M1",
    "49": "826",
}


def adyen(**changes: Any) -> dict[str, Any]:
    return {"live": "false", "notificationItems": [{"NotificationRequestItem": NOTE | changes}]}


def stripe(kind: str, **changes: Any) -> dict[str, Any]:
    return STRIPE | {"type": kind, "data": {"object": CHARGE | changes}}


@pytest.mark.parametrize(
    ("preset", "content", "expected"),
    [
        ("stripe", STRIPE, ("ch_1X", "Fp9x", 42.5, "GBP", 1795845480)),
        ("stripe", CHARGE, ("ch_1X", "Fp9x", 42.5, "GBP", 1795845480)),
        (
            "stripe",
            stripe("charge.succeeded", currency="jpy"),
            ("ch_1X", "Fp9x", 4250.0, "JPY", 1795845480),
        ),
        (
            "stripe",
            stripe("charge.failed", status="failed"),
            Skipped("declined", "$.data.object.status"),
        ),
        ("stripe", stripe("charge.refunded"), Refund("$.type")),
        ("stripe", stripe("charge.dispute.created"), Skipped("not_a_payment", "$.type")),
        ("stripe", stripe("customer.created"), Skipped("not_a_payment", "$.type")),
        ("adyen", adyen(), ("p1", "r1", 42.5, "EUR", 1795845480)),
        (
            "adyen",
            adyen(success="false"),
            Skipped("declined", "$.notificationItems[0].NotificationRequestItem.success"),
        ),
        (
            "adyen",
            adyen(eventCode="REFUND"),
            Refund("$.notificationItems[0].NotificationRequestItem.eventCode"),
        ),
        (
            "adyen",
            adyen(eventCode="REPORT_AVAILABLE"),
            Skipped("not_a_payment", "$.notificationItems[0].NotificationRequestItem.eventCode"),
        ),
        ("iso8583", ISO, ("000000123456", "4111111111111111", 42.5, "GBP", 1795845480)),
        (
            "iso8583",
            {"mti": "0200", "fields": {k.zfill(3): v for k, v in ISO.items() if k != "0"}},
            ("000000123456", "4111111111111111", 42.5, "GBP", 1795845480),
        ),
        (
            "iso8583",
            {f"DE{k}": v for k, v in ISO.items() if k not in ("0", "7")}
            | {"DE12": "055800", "DE13": "1128"},
            ("000000123456", "4111111111111111", 42.5, "GBP", 1795845480),
        ),
        ("iso8583", ISO | {"39": "05"}, Skipped("declined", "$.39")),
        ("iso8583", ISO | {"0": "0400"}, Refund("$.0")),
        ("iso8583", ISO | {"3": "200000"}, Refund("$.3")),
        ("iso8583", ISO | {"0": "0800"}, Skipped("not_a_payment", "$.0")),
    ],
)
def test_messages_of_a_layout(preset: str, content: dict[str, Any], expected: Any) -> None:
    """Payments with their fields; declines, refunds and other events as what they are."""
    reading = one(PRESETS[preset], json.dumps(content).encode())
    if not isinstance(expected, tuple):
        assert reading == expected
        return
    assert isinstance(reading, Payment), reading
    t = reading.transaction
    assert (t.transaction_id, t.card_id, t.amount, t.currency, t.timestamp.timestamp()) == expected


ROWS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "handbook": (
        {
            "TRANSACTION_ID": "0",
            "TX_DATETIME": "2018-04-01 00:00:31",
            "CUSTOMER_ID": "596.0",
            "TERMINAL_ID": "3156",
            "TX_AMOUNT": "57.16",
        },
        {"transaction_id": "0", "card_id": "596", "merchant_id": "3156", "amount": 57.16},
    ),
    "sparkov": (
        {
            "trans_num": "a1",
            "cc_num": "4000000000000001",
            "amt": "4.97",
            "unix_time": "1325376018",
            "category": "misc_net",
            "merch_lat": "36.0",
            "merch_long": "-82.0",
        },
        {"transaction_id": "a1", "mcc": "5964", "latitude": 36.0, "longitude": -82.0},
    ),
    "paysim": (
        {"step": "1", "type": "PAYMENT", "amount": "9839.64", "nameOrig": "C1", "nameDest": "M9"},
        {"card_id": "C1", "merchant_id": "M9", "channel": "PAYMENT", "transaction_id": "row-1"},
    ),
    "ieee-cis": (
        {
            "TransactionID": "1",
            "TransactionDT": "86400",
            "TransactionAmt": "68.5",
            "card1": "9",
            "card2": "1",
        },
        {"transaction_id": "1", "card_id": "9-1", "amount": 68.5, "currency": "USD"},
    ),
    "banksim": (
        {"step": "0", "customer": "C1", "merchant": "M3", "category": "es_food", "amount": "4.55"},
        {"card_id": "C1", "mcc": "5411", "amount": 4.55, "currency": "EUR"},
    ),
    "tabformer": (
        {
            "User": "0",
            "Card": "1",
            "Year": "2002",
            "Month": "9",
            "Day": "1",
            "Time": "06:21",
            "Amount": "$134.09",
            "Use Chip": "Online Transaction",
            "Merchant Name": "-727612092139916043",
            "MCC": "5300",
            "Errors?": "",
        },
        {"card_id": "0-1", "amount": 134.09, "channel": "ecommerce", "mcc": "5300"},
    ),
    "ulb": (
        {"Time": "0", "V1": "-1.35", "Amount": "0"},
        {"card_id": "row-1", "amount": 0.0, "currency": "EUR"},
    ),
}


@pytest.mark.parametrize("preset", sorted(ROWS))
def test_rows_of_a_layout(preset: str) -> None:
    """Every published data set, by the texts of its file, and recognised by its columns."""
    row, expected = ROWS[preset]
    reading = PRESETS[preset].read_row(row, position="row-1", arrived_ms=ARRIVED_MS)
    assert isinstance(reading, Payment), reading
    assert {name: getattr(reading.transaction, name) for name in expected} == expected
    assert reading.left_out == ()
    assert recognised(row) == preset


def test_every_preset_says_what_it_is_for() -> None:
    """For the list, the page and the reader."""
    assert set(PRESETS) == set(ROWS) | {
        "stripe",
        "stripe-payment-intents",
        "stripe-checkout",
        "adyen",
        "iso8583",
    }
    assert all(intake.declaration.about for intake in PRESETS.values())
    assert PRESETS["tabformer"].read_row(
        ROWS["tabformer"][0] | {"Amount": "$-38.48"}, position="row-2"
    ) == Refund("$.Amount")


def stripe_event(kind: str, **entries: Any) -> bytes:
    base = {"id": "x1", "amount": 4250, "currency": "gbp", "created": 1795845480, "customer": "c1"}
    event = {"id": "evt_1", "object": "event", "type": kind, "created": 1795845480}
    return json.dumps({**event, "data": {"object": base | entries}}).encode()


@pytest.mark.parametrize(
    ("preset", "kinds"),
    [
        (
            "stripe-payment-intents",
            {
                "payment_intent.created": "Skipped",
                "payment_intent.succeeded": "Payment",
                "payment_intent.payment_failed": "Skipped",
            },
        ),
        (
            "stripe-checkout",
            {"checkout.session.completed": "Payment", "checkout.session.expired": "Skipped"},
        ),
        ("stripe", {"charge.succeeded": "Payment", "charge.refunded": "Refund"}),
    ],
)
def test_the_preset_is_suggested_that_reads_the_sample(preset: str, kinds: dict[str, str]) -> None:
    """Stripe sends one payment as three kinds of events; a preset that skips all is none."""
    sample = [stripe_event(kind, amount_total=4250, payment_method="c1") for kind in kinds]
    text = suggest(sample)
    assert f'preset = "{preset}"\n' in text
    intake = Intake(parse_declaration(text, preset))
    readings = [one(intake, value) for value in sample]
    assert [type(reading).__name__ for reading in readings] == list(kinds.values())
    (payment,) = (r.transaction for r in readings if isinstance(r, Payment))
    assert (payment.transaction_id, payment.card_id, payment.amount) == ("x1", "c1", 42.5)


def test_a_preset_that_skips_all_of_the_sample_is_not_suggested() -> None:
    """Events of customers are no payments, and neither are they charges."""
    assert "preset" not in suggest([stripe_event("customer.created")])


SPELLINGS: dict[str, Callable[[int], str]] = {
    "2": str,
    "002": lambda n: f"{n:03}",
    "DE2": lambda n: f"DE{n}",
    "DE002": lambda n: f"DE{n:03}",
    "de_002": lambda n: f"de_{n:03}",
    "F002": lambda n: f"F{n:03}",
    "bit002": lambda n: f"bit{n:03}",
    "field2": lambda n: f"field{n}",
    "data_element_2": lambda n: f"data_element_{n}",
}


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
@pytest.mark.parametrize("below", [None, "fields", "data", "dataElements"])
@pytest.mark.parametrize("type_name", ["0", "mti", "messageType", "message_type"])
def test_iso_8583_is_read_however_it_is_spelled(
    spelling: str, below: str | None, type_name: str
) -> None:
    """Payment, reversal, response and network message, by what is suggested for them."""
    name = SPELLINGS[spelling]
    elements = {name(int(number)): value for number, value in ISO.items() if number != "0"}
    sample = []
    for kind in ("0100", "0400", "0110", "0800"):
        first = {name(0) if type_name == "0" else type_name: kind}
        is_inside = type_name == "0" and below is not None
        inner = first | elements if is_inside else elements
        content = {below: inner} if below is not None else inner
        sample.append(json.dumps(content if is_inside else first | content).encode())
    intake = Intake(parse_declaration(suggest(sample), "iso8583"))
    payment, *others = (one(intake, value) for value in sample)
    assert [type(reading).__name__ for reading in others] == ["Refund", "Skipped", "Skipped"]
    assert isinstance(payment, Payment), payment
    t = payment.transaction
    assert (t.transaction_id, t.card_id) == ("000000123456", "4111111111111111")
    assert (t.amount, t.currency, t.timestamp.timestamp()) == (42.5, "GBP", 1795845480)
    refused = one(Intake(), sample[0])
    assert isinstance(refused, Refused)
    assert "iso8583" in refused.hint
