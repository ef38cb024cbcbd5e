"""Messages as producers really send them, and what becomes of each without any setting."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from streamer.intake import (
    Intake,
    Payment,
    Refund,
    Refused,
    Skipped,
    plain_transaction,
    plain_transactions,
)
from tests.intake.messages import VALID, declared, message, one, paid

PLAIN = Intake()


def test_a_message_that_follows_the_contract_is_only_decoded() -> None:
    """The fast way returns the transaction itself, and the slow one the same."""
    value = message()
    transaction = plain_transaction(value)
    assert transaction is not None
    assert paid(PLAIN, value) == Payment(transaction)


def test_a_batch_is_decoded_like_its_messages_one_by_one() -> None:
    """Up to whatever is none, wherever that lies; one bad byte makes no other message bad."""
    good = [message(transaction_id=f"t{n}") for n in range(4)]
    bad = [b"", b"[]", good[0][:-1], message(latitude=0, longitude=0), message(mcc="541")]
    bad += [message(mcc="54115"), message(note="?").replace(b"?", b"\xff")]
    for values in (good, bad, good + bad, bad + good, [good[0], *bad, *good], [], bad[:1]):
        ids = [f"t{good.index(value)}" if value in good else None for value in values]
        assert [found and found.transaction_id for found in plain_transactions(values)] == ids


def test_every_category_of_four_digits_is_plain() -> None:
    values = [message(mcc=f"{number:04d}") for number in range(10_000)]
    assert [found and found.mcc for found in plain_transactions(values)] == [
        f"{number:04d}" for number in range(10_000)
    ]


@pytest.mark.parametrize(
    ("field", "sent", "meant"),
    [
        ("card_id", 383, "383"),
        ("transaction_id", 12345, "12345"),
        ("transaction_id", 12345.0, "12345"),
        ("transaction_id", {"$oid": "65f0"}, "65f0"),
        ("merchant_id", 17, "17"),
        ("mcc", 5411, "5411"),
        ("mcc", 742, "0742"),
        ("mcc", "742", "0742"),
        ("amount", 0, 0.0),
        ("amount", 0.0, 0.0),
        ("amount", -0.0, 0.0),
        ("currency", "gbp", "GBP"),
        ("currency", "826", "GBP"),
        ("currency", 826, "GBP"),
        ("currency", "036", "AUD"),
        ("currency", 36, "AUD"),
        ("currency", " GBP ", "GBP"),
        ("country", "GBR", "GB"),
        ("country", "826", "GB"),
        ("country", "gb", "GB"),
        ("country", "UK", "GB"),
        ("country", "XK", "XK"),
        ("country", "XKX", "XK"),
        ("country", 4, "AF"),
        ("country", "gbr", "GB"),
        ("latitude", "51.5", 51.5),
        ("channel", "POS", "POS"),
    ],
)
def test_what_is_meant_is_clear_without_a_setting(field: str, sent: Any, meant: Any) -> None:
    """Numbers for texts, and codes of every spelling."""
    payment = paid(PLAIN, message(**{field: sent}))
    assert getattr(payment.transaction, field) == meant
    assert payment.left_out == ()


@pytest.mark.parametrize(
    ("field", "sent", "reason"),
    [
        ("mcc", "", "empty"),
        ("country", "", "empty"),
        ("merchant_id", "", "missing_field"),
        ("channel", "", "empty"),
        ("latitude", "", "empty"),
        ("longitude", "", "empty"),
        ("country", "Brazil", "unknown_code"),
        ("country", 999, "unknown_code"),
        ("country", ["GB"], "unknown_code"),
        ("mcc", "groceries", "wrong_format"),
        ("mcc", 54110, "wrong_format"),
        ("mcc", {"code": 5411}, "wrong_type"),
        ("merchant_id", "m" * 129, "wrong_format"),
        ("merchant_id", ["m"], "wrong_type"),
        ("merchant_id", True, "wrong_type"),
        ("latitude", 91, "out_of_range"),
        ("longitude", -180.5, "out_of_range"),
        ("latitude", "north", "wrong_type"),
        ("channel", "c" * 33, "wrong_format"),
    ],
)
def test_a_bad_optional_field_never_loses_the_payment(field: str, sent: Any, reason: str) -> None:
    """It is left out, and said why."""
    payment = paid(PLAIN, message(**{field: sent}))
    assert getattr(payment.transaction, field) is None
    (out,) = payment.left_out
    assert (out.field, out.path) == (field, f"$.{field}")
    assert out.reason == ("empty" if sent == "" else reason)


def test_nothing_at_0_0_is_a_place() -> None:
    """Null island: both coordinates go; one of them at 0 is a place on the equator."""
    payment = paid(PLAIN, message(latitude=0, longitude=0))
    assert payment.transaction.latitude is payment.transaction.longitude is None
    assert [out.reason for out in payment.left_out] == ["null_island", "null_island"]
    assert paid(PLAIN, message(latitude=0, longitude=10)).transaction.latitude == 0.0


def test_half_a_surrogate_pair_in_an_optional_field_is_left_out_and_named() -> None:
    """The JSON text is sound, the string is no Unicode; in an id it refuses the message."""
    value = message(merchant_id="\ud800x")
    payment = paid(PLAIN, value)
    assert payment.transaction.merchant_id is None
    assert payment.left_out[0].reason == "lone_surrogate"
    refused = one(PLAIN, message(card_id="\ud800x"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.path) == ("lone_surrogate", "$.card_id")


def test_nan_in_an_optional_field_does_not_lose_the_payment() -> None:
    """Python's json writes NaN, which is no JSON."""
    payment = paid(PLAIN, message(latitude=float("nan"), longitude=10))
    assert [(out.field, out.reason) for out in payment.left_out] == [("latitude", "out_of_range")]


@pytest.mark.parametrize(
    ("value", "encoding"), [(b"\xef\xbb\xbf", "utf-8"), (b"", "utf-16"), (b"", "utf-16-le")]
)
def test_a_byte_order_mark_and_utf_16_are_no_obstacle(value: bytes, encoding: str) -> None:
    """What Windows tools write."""
    assert paid(PLAIN, value + message().decode().encode(encoding)).transaction.amount == 42.5


def test_a_negative_amount_is_a_refund() -> None:
    """Known as such: no payment, no dead letter."""
    assert one(PLAIN, message(amount=-42.5)) == Refund("$.amount")


@pytest.mark.parametrize("value", [None, b"null", b'{"schema": null, "payload": null}'])
def test_a_tombstone_is_skipped(value: bytes | None) -> None:
    """What a compacted topic, or Connect's converter, has for a deleted row."""
    reading = one(PLAIN, value)
    assert isinstance(reading, Skipped)
    assert reading.reason == "tombstone"


@pytest.mark.parametrize(
    ("changes", "reason", "path", "hint"),
    [
        ({"amount": "42.50"}, "wrong_type", "$.amount", 'decimal = "."'),
        ({"amount": "42,50"}, "wrong_type", "$.amount", 'decimal = ","'),
        ({"amount": "1.234,50 €"}, "wrong_type", "$.amount", 'thousands = "."'),
        ({"amount": {"value": 1}}, "wrong_type", "$.amount", "amount.value"),
        ({"amount": 1e13}, "out_of_range", "$.amount", ""),
        ({"amount": True}, "wrong_type", "$.amount", ""),
        ({"amount": None}, "missing_field", "$.amount", "suggest"),
        ({"currency": "HRK"}, "retired_code", "$.currency", "EUR"),
        ({"currency": "DEM"}, "retired_code", "$.currency", "EUR"),
        ({"currency": 191}, "retired_code", "$.currency", "EUR"),
        ({"currency": "€"}, "unknown_code", "$.currency", "values"),
        ({"currency": "XYZ"}, "unknown_code", "$.currency", "values"),
        ({"timestamp": 1795845480000}, "wrong_type", "$.timestamp", "in the year 2026"),
        ({"timestamp": 1795845480}, "wrong_type", "$.timestamp", 'unit = "s"'),
        ({"timestamp": "1795845480000"}, "invalid_timestamp", "$.timestamp", 'unit = "ms"'),
        ({"timestamp": "28/11/2026 05:58"}, "invalid_timestamp", "$.timestamp", '"dmy"'),
        ({"timestamp": "05/06/2026 05:58"}, "invalid_timestamp", "$.timestamp", '"mdy"'),
        ({"timestamp": "20261128055800"}, "invalid_timestamp", "$.timestamp", "%Y%m%d%H%M%S"),
        ({"timestamp": "2026-11-28 05:58:00"}, "timestamp_without_offset", "$.timestamp", "zone"),
        ({"timestamp": "2026-11-28T05:58"}, "timestamp_without_offset", "$.timestamp", "zone"),
        ({"timestamp": "soon"}, "invalid_timestamp", "$.timestamp", ""),
        ({"card_id": ""}, "missing_field", "$.card_id", ""),
        ({"card_id": ...}, "missing_field", "$.card_id", ""),
        ({"card_id": "c" * 129}, "wrong_format", "$.card_id", ""),
        ({"card_id": 4e15 + 0.5}, "wrong_type", "$.card_id", ""),
        ({"card_id": 4e18}, "wrong_type", "$.card_id", "text"),
    ],
)
def test_what_needs_a_setting_is_refused_with_the_setting(
    changes: dict[str, Any], reason: str, path: str, hint: str
) -> None:
    """Reason, path into the message, and the line that would help."""
    refused = one(PLAIN, message(**changes))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.path) == (reason, path)
    assert hint in refused.hint


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-28T05:58Z",
        "2026-11-28 05:58:00+00",
        "2026-11-28 05:58:00 +0000",
        "2026-11-28 05:58:00 UTC",
        "20261128T055800Z",
        "2026-11-28T06:58:00+01:00[Europe/Paris]",
        "2026-11-28T05:58:00.000000000Z",
        "Sat, 28 Nov 2026 05:58:00 +0000",
        "/Date(1795845480000)/",
        {"$date": "2026-11-28T05:58:00Z"},
        {"$date": {"$numberLong": "1795845480000"}},
        {"seconds": 1795845480, "nanos": 0},
    ],
)
def test_a_time_that_leaves_no_doubt_needs_no_setting(time: Any) -> None:
    """Every form with an offset, and those that define their own unit."""
    assert paid(PLAIN, message(timestamp=time)).transaction.timestamp.timestamp() == 1795845480


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "truncated_json"),
        (b"{'card_id': 'c'}", "malformed_json"),
        (b"<payment/>", "malformed_json"),
        (b'{"card_id": "\xff"}', "invalid_utf8"),
        (b"42", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"[1]", "not_an_object"),
        (b"[" * 100_000, "nested_too_deep"),
        (b"\x00\x00\x00\x00\x07\x02c\x00", "unknown_schema"),
    ],
)
def test_bytes_that_are_no_payment_say_why(value: bytes, reason: str) -> None:
    """One reason for each kind of damage."""
    refused = one(PLAIN, value)
    assert isinstance(refused, Refused)
    assert refused.reason == reason


def test_a_transfer_between_accounts_is_refused_by_name() -> None:
    """pacs.008, bare or in a document."""
    transfer = {"FIToFICstmrCdtTrf": {"GrpHdr": {"MsgId": "m1"}}}
    for content in ({"TxTp": "pacs.008.001.10", **transfer}, {"Document": transfer}):
        refused = one(PLAIN, json.dumps(content).encode())
        assert isinstance(refused, Refused)
        assert refused.reason == "not_a_card_payment"


def test_no_value_of_a_message_is_in_a_detail_or_a_hint() -> None:
    """A card number in the wrong field must not travel on in a header."""
    card = 4111111111111111
    for field in VALID:
        for wrong in (card, str(card), [str(card)], {"n": card}, f"{card} EUR", -card):
            for reading in PLAIN.read(message(**{field: wrong})):
                if isinstance(reading, Refused):
                    assert str(card) not in reading.detail + reading.hint + reading.path


def test_a_refused_field_is_named_where_the_producer_has_it() -> None:
    """The path leads into the message, not into the contract."""
    intake = declared('amount = { path = ["pay.amt", "amt"], unit = "minor" }')
    refused = one(intake, message(amount=..., amt="x"))
    assert isinstance(refused, Refused)
    assert refused.path == "$.amt"


def test_a_refund_in_the_contract_s_terms_is_one_on_a_mapped_topic_too() -> None:
    """The declared path of the card is not there, and everything else is the contract's."""
    refund = json.dumps({**VALID, "amount": -5}).encode()
    assert isinstance(one(declared('card_id = "card.token"'), refund), Refund)


@pytest.mark.parametrize(
    ("changes", "outcome", "path"),
    [
        ({"type": "payment.updated"}, "updated", "$.type"),
        ({"event_type": "PAYMENT_REFUNDED"}, "refund", "$.event_type"),
        ({"type": "card", "event": "paymentDeclined"}, "declined", "$.event"),
        ({"eventType": "payment-deleted", "mcc": 5411}, "deleted", "$.eventType"),
    ],
)
def test_a_payment_is_what_its_event_s_name_says(
    changes: dict[str, Any], outcome: str, path: str
) -> None:
    """A webhook need not be wrapped: a payment would count again on each of its updates."""
    assert plain_transaction(message(**changes)) is None
    for intake in (PLAIN, declared('timestamp = { path = "timestamp", zone = "UTC" }')):
        reading = one(intake, message(**changes))
        assert isinstance(reading, Refund | Skipped)
        found = reading.reason if isinstance(reading, Skipped) else "refund"
        assert (found, reading.path) == (outcome, path)
    by_rule = declared('[[skip]]\npath = "type"\none_of = "test"')
    assert paid(by_rule, message(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "purchase"},
        {"type": "group"},
        {"event": "Changed Lives Gala"},
        {"event": {"deleted": True}, "type": None},
        {"event_name": 17, "type": "x" * 10_000},
    ],
)
def test_another_name_leaves_a_payment_as_it_is(changes: dict[str, Any]) -> None:
    """It is decoded once like any other, and equals one that has no name."""
    transaction = plain_transaction(message(**changes))
    assert transaction == plain_transaction(message())
    assert msgspec.to_builtins(transaction).keys() == VALID.keys()
