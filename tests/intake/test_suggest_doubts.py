"""A suggestion does not talk payments away, and takes no preset, card or word for what it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.intake import Payment
from streamer.intake.readings import outcome_of
from streamer.intake.suggest import suggest
from tests.intake.messages import message
from tests.intake.test_suggest import read


def suggested(*contents: dict[str, Any]) -> tuple[str, list[Any]]:
    """Return the text for messages, and what they are read as with it."""
    sample = [json.dumps(content).encode() for content in contents]
    text = suggest(sample)
    return text, read(text, sample)


def payments(*contents: dict[str, Any]) -> list[Any]:
    """Return the transactions of messages that are all payments."""
    text, readings = suggested(*contents)
    assert all(isinstance(reading, Payment) for reading in readings), text
    return [reading.transaction for reading in readings]


def test_a_code_that_would_decline_everything_is_asked_about() -> None:
    """One gateway's 100 is an approval; the codes of ISO 8583 mean what they mean."""
    sample = [message(transaction_id=f"t{n}", response_code="100") for n in range(6)]
    text = suggest(sample)
    assert "# Unsure: by response code every payment of the sample would be a decline" in text
    assert {outcome_of(reading) for reading in read(text, sample)} == {"payment"}
    declined = [message(transaction_id=f"t{n}", response_code="51") for n in range(6)]
    assert {outcome_of(reading) for reading in read(suggest(declined), declined)} == {"skipped"}
    assert "# Unsure: no payment is in the sample" in suggest(declined)


def test_a_code_beside_an_approval_is_no_decline() -> None:
    """The producer's own word counts, also where the codes vary."""
    codes = ("201", "202", "000")
    sample = [message(responseCode=code, status="AUTHORIZED") for code in codes]
    text = suggest(sample)
    assert {outcome_of(reading) for reading in read(text, sample)} == {"payment"}, text


def test_an_approved_payment_is_none_the_less_one_for_an_event_of_a_change() -> None:
    """Where all messages are named so; not where their status tells of no approval."""
    changed = "PAYMENT_STATUS_CHANGED"
    sample = [message(eventType=changed, status="DONE") for _ in range(3)]
    assert {outcome_of(reading) for reading in read(suggest(sample), sample)} == {"payment"}
    sample = [message(eventType=changed, status=status) for status in ("DONE", "VERIFIED")]
    text = suggest(sample)
    assert "# Unsure: every message is an update" in text
    assert {outcome_of(reading) for reading in read(text, sample)} == {"payment"}
    open_ones = [message(eventType="PAYMENT_STATUS_CHANGED", status="WAITING") for _ in range(3)]
    assert {outcome_of(reading) for reading in read(suggest(open_ones), open_ones)} == {"skipped"}


def test_the_time_with_an_offset_is_taken() -> None:
    """Of two that mean the same moment, and no other moment."""
    content = {"id": "t1", "card": {"id": "c1"}, "amount": 4.5, "currency": "GBP"}
    content |= {"createdAt": "2026-11-28T14:58:00.000", "approvedAt": "2026-11-28T14:58:00+09:00"}
    (payment,) = payments(content)
    assert payment.timestamp.timestamp() == 1795845480
    (payment,) = payments(content | {"approvedAt": "2026-11-28T15:07:11Z"})
    assert payment.timestamp.timestamp() == 1795845480 + 9 * 3600


def test_a_column_of_the_file_beats_the_constant_of_a_preset() -> None:
    """A currency or a card that is there is read; other lines of the preset stay."""
    row = {"TRANSACTION_ID": "1", "TX_DATETIME": "2026-11-28 05:58:00", "CUSTOMER_ID": "5"}
    row |= {"TERMINAL_ID": "3", "TX_AMOUNT": "57.16"}
    assert 'preset = "handbook"' in suggest([row])
    rows = [row | {"currency": "GBP"}]
    (reading,) = read(suggest(rows), rows)
    assert isinstance(reading, Payment)
    assert (reading.transaction.currency, reading.transaction.merchant_id) == ("GBP", "3")


def test_some_columns_of_a_data_set_are_not_its_layout() -> None:
    """Then when a payment was is asked about."""
    row = {"step": "3", "customer": "C1", "merchant": "M1", "category": "es_food"}
    text = suggest([row | {"amount": f"4.5{n}", "currency": "GBP"} for n in range(3)])
    assert 'preset = "' not in text
    assert "# Missing: which field is the timestamp" in text


def test_an_approval_code_is_no_card() -> None:
    """It is another one for every payment; the shopper stands for the card, as a guess."""
    contents: list[dict[str, Any]] = [
        {
            "transactionId": f"t{n}",
            "amount": 4.5,
            "currency": "GBP",
            "date": "2026-11-28T05:58:00Z",
            "authorizationCode": f"64254{n}",
            "card": {"lastFour": "7234"},
            "vaultedShopperId": 81 + n % 2,
        }
        for n in range(6)
    ]
    assert {payment.card_id for payment in payments(*contents)} == {"81", "82"}
    assert "# Unsure: card_id is a guess" in suggested(*contents)[0]


def test_a_brand_and_a_constant_are_no_cards() -> None:
    """Where something else varies; where nothing does, one customer may have paid for everything."""
    base = {"currency": "EUR", "timestamp": "2026-11-28T05:58:00Z", "payment_method": "cc_card"}
    contents = [
        base | {"transaction_id": f"t{n}", "amount": 4.5 + n, "userPaymentOptionId": f"48{n % 3}"}
        for n in range(6)
    ]
    assert {payment.card_id for payment in payments(*contents)} == {"480", "481", "482"}
    constant = [content | {"payment_method": "pm_2"} for content in contents]
    assert {payment.card_id for payment in payments(*constant)} == {"480", "481", "482"}
    same = [content | {"userPaymentOptionId": "9", "cardToken": "k1"} for content in contents]
    assert {payment.card_id for payment in payments(*same)} == {"k1"}


def test_a_card_of_the_message_beats_an_account_of_its_part() -> None:
    """And the payment's id that of its only leg; ids of the parts count where a message has several."""
    leg = {"account_id": "a1", "amount": 4.5, "currency": "EUR"}
    data = {"created_at": "2026-11-28T05:58:00Z", "card": {"id": "c1"}}
    contents = [
        {"data": data | {"id": f"t{n}", "legs": [leg | {"leg_id": f"l{n}"}]}} for n in range(3)
    ]
    found = payments(*contents)
    assert [(p.transaction_id, p.card_id) for p in found] == [(f"t{n}", "c1") for n in range(3)]
    several = {"data": data | {"id": "t", "legs": [leg | {"leg_id": f"l{n}"} for n in range(3)]}}
    assert [p.transaction_id for p in payments(several)] == ["l0", "l1", "l2"]


def test_a_reference_that_repeats_names_a_merchant() -> None:
    """One of its own for every payment is the merchant's name of the payment."""
    contents = [message(merchant_id=None, transaction_id=f"t{n}") for n in range(3)]
    shops = [json.loads(c) | {"merchant_ref": f"m{n % 2}"} for n, c in enumerate(contents)]
    assert [p.merchant_id for p in payments(*_without_id(shops))] == ["m0", "m1", "m0"]
    orders = [json.loads(c) | {"merchant_ref": f"o{n}"} for n, c in enumerate(contents)]
    assert [p.merchant_id for p in payments(*_without_id(orders))] == [None] * 3


def _without_id(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the contents with the card renamed, so that a declaration is needed."""
    for content in contents:
        content["cardRef"] = content.pop("card_id")
        del content["merchant_id"]
    return contents


@pytest.mark.parametrize(
    ("name", "zone", "time"),
    [
        ("timeZone", "Asia/Tokyo", "20261128145800"),
        ("timezone", "Europe/Berlin", "2026-11-28 06:58:00"),
        ("TimeZone", "CET", "2026-11-28 06:58:00"),
        ("utcOffset", "+01:00", "28/11/2026 06:58"),
        ("tz", "America/New_York", "2026-11-28T00:58:00"),
    ],
)
def test_the_zone_of_a_field_beside_the_time_is_used(name: str, zone: str, time: str) -> None:
    """Each message's own; nothing is asked then."""
    content = {"txId": "t1", "cardId": "c1", "amount": 4.5, "currency": "EUR"}
    content |= {"localTime": time, name: zone}
    text, (reading,) = suggested(content)
    assert isinstance(reading, Payment), text
    assert reading.transaction.timestamp.timestamp() == 1795845480, text
    assert "do not say their zone" not in text


def test_a_zone_that_is_not_known_is_named_and_asked_about() -> None:
    """IST is India's, Ireland's and Israel's."""
    content = {"txId": "t1", "cardId": "c1", "amount": 4.5, "currency": "EUR"}
    text, _ = suggested(content | {"localTime": "2026-11-28 06:58:00", "tz": "IST"})
    assert "# Unsure: tz may tell the zone" in text
    shop = {"shop": {"timezone": "Europe/Berlin"}, "localTime": "2026-11-28 05:58:00"}
    text, (reading,) = suggested(content | shop)
    assert "# Unsure: shop.timezone may tell the zone" in text
    assert isinstance(reading, Payment)
    assert reading.transaction.timestamp.timestamp() == 1795845480


def test_the_currency_in_an_amount_is_each_payments_own() -> None:
    """By its code or by a sign that means one currency."""
    base = {"orderId": "t1", "cardHash": "c1", "placedAt": "2026-11-28T05:58:00Z"}
    found = payments(base | {"total": "USD 42.99"}, base | {"total": "3.10 €"})
    assert [(p.currency, p.amount) for p in found] == [("USD", 42.99), ("EUR", 3.1)]


def test_the_time_of_an_event_stands_for_that_of_a_payment_without_one() -> None:
    """Only there."""
    event = {"specversion": "1.0", "id": "e1", "type": "pay.made", "source": "/"}
    event["time"] = "2026-11-28T05:58:00Z"
    data = {"paymentId": "t1", "card": {"token": "c1"}, "amount": {"value": 4.5, "currency": "EUR"}}
    (payment,) = payments(event | {"data": data})
    assert payment.timestamp.timestamp() == 1795845480
    (payment,) = payments(event | {"data": data | {"createdAt": "2026-11-28T05:57:00Z"}})
    assert payment.timestamp.timestamp() == 1795845420


def test_units_and_billionths_are_an_amount() -> None:
    """As Protobuf's JSON has them, with the seconds of a time."""
    content = {"paymentId": "t1", "card": {"id": "c1"}, "createTime": {"seconds": "1795845480"}}
    money = [
        {"currencyCode": "EUR", "units": "7", "nanos": 350000000},
        {"currencyCode": "GBP", "units": "-1", "nanos": -500000000},
    ]
    text, (payment, refund) = suggested(*(content | {"amount": amount} for amount in money))
    assert isinstance(payment, Payment), text
    assert (payment.transaction.amount, payment.transaction.currency) == (7.35, "EUR")
    assert outcome_of(refund) == "refund"


def test_millionths_are_counted_as_such() -> None:
    """In the currencies of the sample; that others are not known is said."""
    content = {"payment_id": "t1", "card_token": "c1", "created_at": "2026-11-28T05:58:00Z"}
    contents = [content | {"amount_micros": 12500000, "currency": code} for code in ("USD", "JPY")]
    assert [p.amount for p in payments(*contents)] == [12.5, 12.5]
    assert "# Unsure: amounts are millionths" in suggested(*contents)[0]


def test_a_total_beside_a_list_of_payments_is_none_of_theirs() -> None:
    """As JSON:API pages them."""
    inner = {"amount": "4.50", "currency": "EUR", "created-at": "2026-11-28T05:58:00Z"}
    data = [{"type": "p", "id": f"t{n}", "attributes": inner | {"card-token": "c"}} for n in (1, 2)]
    found = payments({"data": data, "meta": {"total": 2}})
    assert [(p.transaction_id, p.card_id, p.amount) for p in found] == [
        ("t1", "c", 4.5),
        ("t2", "c", 4.5),
    ]


def test_tables_of_brazil_and_of_sap_are_read() -> None:
    """Date and hour of the sale apart; a minus behind the amount is money back."""
    row = {"NSU": "8471", "Cartão": "4313******4382", "Data da venda": "28/11/2026"}
    row |= {"Hora da venda": "05:58:00", "Valor bruto": "R$ 3,10", "Estabelecimento": "3"}
    (reading,) = read(suggest([row]), [row])
    assert isinstance(reading, Payment)
    found = reading.transaction
    assert (found.transaction_id, found.currency, found.amount) == ("8471", "BRL", 3.1)
    assert found.timestamp.timestamp() == 1795845480
    sap = {"BELNR": "92", "KARTE": "c1", "WAERS": "EUR", "BUDAT": "20261128", "UZEIT": "055800"}
    rows = [sap | {"DMBTR": amount} for amount in ("7,35", "8,20", "64,20-")]
    assert [outcome_of(r) for r in read(suggest(rows), rows)] == ["payment", "payment", "refund"]
