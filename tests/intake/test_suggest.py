"""What is suggested for a sample reads it rightly: layouts as payment systems have them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.errors import ConfigurationError
from streamer.intake import Intake, Payment, Reading, parse_declaration
from streamer.intake.readings import outcome_of
from streamer.intake.suggest import suggest
from tests.intake.messages import ARRIVED_MS, message

TIME = 1795845480
"""2026-11-28T05:58:00Z."""


def read(text: str, values: list[Any]) -> list[Reading]:
    intake = Intake(parse_declaration(text, "suggestion"))
    readings: list[Reading] = []
    for value in values:
        if isinstance(value, bytes):
            readings += intake.read(value, position="0-1", arrived_ms=ARRIVED_MS)
        else:
            readings.append(intake.read_row(value, position="row-1", arrived_ms=ARRIVED_MS))
    return readings


LAYOUTS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "snake case": (
        {
            "txn_id": "t1",
            "card_number": "4111111111111111",
            "amt": 42.5,
            "ccy": "gbp",
            "ts": TIME,
            "mid": "m1",
        },
        ("t1", "4111111111111111", 42.5, "GBP", "m1"),
    ),
    "camel case": (
        {
            "transactionId": "t1",
            "cardToken": "k1",
            "transactionAmount": "1,234.50",
            "currencyCode": 826,
            "transactionDateTime": "2026-11-28T05:58:00",
            "merchantId": "m1",
        },
        ("t1", "k1", 1234.5, "GBP", "m1"),
    ),
    "pascal case": (
        {
            "TransactionID": "t1",
            "PAN": "4111111111111111",
            "Amount": {"Value": "42,50", "Currency": "GBP"},
            "Timestamp": "28/11/2026 05:58",
            "Merchant": {"Id": "m1", "CategoryCode": 5411},
        },
        ("t1", "4111111111111111", 42.5, "GBP", "m1"),
    ),
    "kebab case and milliseconds": (
        {
            "payment-id": "t1",
            "account-number": 9,
            "amount": 42.5,
            "currency": "GBP",
            "created-at": TIME * 1000,
        },
        ("t1", "9", 42.5, "GBP", None),
    ),
    "minor units by name": (
        {
            "id": "t1",
            "card": {"id": "c1"},
            "amount_cents": 4250,
            "currency": "GBP",
            "time": "2026-11-28 05:58:00+00",
        },
        ("t1", "c1", 42.5, "GBP", None),
    ),
    "square": (
        {
            "payment": {
                "id": "t1",
                "created_at": "2026-11-28T05:58:00Z",
                "amount_money": {"amount": 4250, "currency": "GBP"},
                "status": "COMPLETED",
                "card_details": {"card": {"fingerprint": "sq", "last_4": "1111"}},
                "location_id": "m1",
            }
        },
        ("t1", "sq", 42.5, "GBP", "m1"),
    ),
    "braintree": (
        {
            "id": "t1",
            "amount": "42.50",
            "currencyIsoCode": "GBP",
            "createdAt": "2026-11-28T05:58:00Z",
            "creditCard": {"token": "k1", "bin": "411111", "cardType": "Visa"},
            "merchantAccountId": "m1",
            "status": "authorized",
        },
        ("t1", "k1", 42.5, "GBP", "m1"),
    ),
    "payment intent": (
        {
            "id": "pi_1",
            "object": "payment_intent",
            "amount": 4250,
            "currency": "gbp",
            "created": TIME,
            "payment_method": "pm_1",
            "customer": "cus_1",
        },
        ("pi_1", "pm_1", 42.5, "GBP", None),
    ),
    "digits without signs": (
        {
            "eventId": "e1",
            "eventTime": "20261128055800",
            "accountNumber": "a",
            "amountMinor": 4250,
            "currency": "826",
        },
        ("e1", "a", 42.5, "GBP", None),
    ),
    "date and time apart": (
        {
            "uuid": "u1",
            "pan": "5500000000000004",
            "value": 42.5,
            "currency": "GBP",
            "date": "2026-11-28",
            "time": "05:58:00",
        },
        ("u1", "5500000000000004", 42.5, "GBP", None),
    ),
    "sign of the currency": (
        {
            "trans_num": "t1",
            "cc_num": 4111111111111111,
            "price": "£42.50",
            "date": "2026-11-28T05:58Z",
        },
        ("t1", "4111111111111111", 42.5, "GBP", None),
    ),
}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_is_read_as_it_is_meant(name: str) -> None:
    """Ids, amount, currency, time and merchant, from one message."""
    content, expected = LAYOUTS[name]
    value = json.dumps(content).encode()
    text = suggest([value])
    (reading,) = read(text, [value])
    assert isinstance(reading, Payment), text
    t = reading.transaction
    assert (t.transaction_id, t.card_id, t.amount, t.currency, t.merchant_id) == expected, text
    assert t.timestamp.timestamp() == TIME


def test_a_message_that_needs_nothing_is_told_so() -> None:
    """No line is invented."""
    assert "Nothing needs to be declared" in suggest([message()])


def test_what_is_not_sure_is_said() -> None:
    """Whole amounts may be minor units; a time without a zone may be anywhere."""
    text = suggest([message(amount=4250), message(amount=1999)])
    assert 'unit = "minor"' in text
    assert "# Unsure: all amounts are whole numbers" in text
    assert "# Unsure: the times do not say their zone" in suggest(
        [message(timestamp="2026-11-28 05:58:00")]
    )
    day_first = suggest([message(timestamp="05/06/2026 05:58")])
    assert 'format = "dmy"' in day_first
    assert 'format = "mdy" is the other' in day_first
    assert 'format = "mdy"\n' in suggest([message(timestamp="05/26/2026 05:58")])


def test_declines_and_refunds_in_the_sample_become_rules() -> None:
    """By the words that it has for them."""
    sample = [message(status=status) for status in ("APPROVED", "DECLINED", "REFUNDED")]
    readings = read(suggest(sample), sample)
    assert [type(reading).__name__ for reading in readings] == ["Payment", "Skipped", "Refund"]


def test_a_status_with_a_number_is_ruled_by_what_stands_before_it() -> None:
    """A card's number is in no rule, and its refunds are none of the payments."""
    numbers = (
        "4111111111111111",
        "5555 5555 5555 4444",
        "3782 822463 10005 of the cardholder, in euros",
    )
    for number in numbers:
        sample = [
            message(status=f"{word} {number}") for word in ("paid", "refunded to", "failed on")
        ]
        text = suggest([message(status="paid"), *sample])
        assert 'starts_with = ["refunded to"]' in text
        outcomes = [outcome_of(reading) for reading in read(text, sample)]
        assert outcomes == ["payment", "refund", "skipped"]
        assert "# The sample of 4 reads as: 2 payment, 1 refund, 1 skipped." in text


@pytest.mark.parametrize("template", ["{1} {0}", "to {1} {0}"])
def test_what_no_rule_can_name_is_asked_about_and_nothing_is_claimed(template: str) -> None:
    words = ("captured", "refunded")
    sample = [message(status=template.format(word, "4111111111111111")) for word in words]
    text = suggest(sample)
    assert "# Unsure: the values of status hold numbers" in text
    assert "Nothing needs to be declared" not in text
    assert "reads as" not in text


def test_a_known_layout_is_named_and_a_transfer_is_refused() -> None:
    """The preset instead of its lines; pacs.008 is no card payment."""
    row = {"step": "1", "type": "PAYMENT", "amount": "9.64", "nameOrig": "C1", "nameDest": "M9"}
    assert 'preset = "paysim"' in suggest([row])
    with pytest.raises(ConfigurationError, match="no card payment"):
        suggest([b'{"TxTp": "pacs.008.001.10", "FIToFICstmrCdtTrf": {}}'])
    with pytest.raises(ConfigurationError, match="got none"):
        suggest([b"nothing"])


def test_a_list_of_payments_is_gone_into() -> None:
    """With what they have in common from outside of it."""
    item = {"txnRef": "r1", "card": "c1", "amount": "42.50", "dateTime": "2026-11-28 05:58:00"}
    value = json.dumps(
        {"batchId": 1, "currency": "GBP", "merchantId": "m1", "rows": [item]}
    ).encode()
    (reading,) = read(suggest([value]), [value])
    assert isinstance(reading, Payment)
    assert (reading.transaction.currency, reading.transaction.merchant_id) == ("GBP", "m1")
