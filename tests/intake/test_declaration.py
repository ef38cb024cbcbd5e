"""What a declaration can say, and how its faults are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.errors import ConfigurationError
from streamer.intake import Declaration, Payment, Refund, Refused, Skipped, parse_declaration
from streamer.intake.by_name import load_declaration
from tests.intake.messages import VALID, declared, message, one, paid


def test_fields_are_found_in_nested_objects_first_present_first() -> None:
    """Alternatives, list positions, names with dots, joined texts, defaults and constants."""
    intake = declared(
        """
        card_id = ["card.token", "cards[0].pan"]
        transaction_id = 'meta."tx.id"'
        merchant_id = "shop + till"
        currency = { path = "ccy", default = "EUR" }
        country = { constant = "DE" }
        channel = { values = { "E-Com" = "ecommerce" } }
        """
    )
    value = {
        "cards": [{"pan": 17}],
        "meta": {"tx.id": "t9"},
        "shop": "s1",
        "till": 4,
        "amount": 1,
        "timestamp": VALID["timestamp"],
        "channel": "e-com ",
    }
    transaction = paid(intake, json.dumps(value).encode()).transaction
    assert (transaction.card_id, transaction.transaction_id) == ("17", "t9")
    assert (transaction.merchant_id, transaction.currency) == ("s1-4", "EUR")
    assert (transaction.country, transaction.channel) == ("DE", "ecommerce")


@pytest.mark.parametrize(
    ("lines", "sent", "currency", "meant"),
    [
        ('unit = "minor"', 4250, "GBP", 42.5),
        ('unit = "minor"', 4250, "JPY", 4250.0),
        ('unit = "minor"', 4250, "KWD", 4.25),
        ('unit = "minor"', "000000004250", "GBP", 42.5),
        ('unit = "minor"\ndecimals = { ISK = 2 }', 4250, "ISK", 42.5),
        ('decimal = "."', "42.50", "GBP", 42.5),
        ('decimal = "."', "$42.50", "USD", 42.5),
        ('decimal = ","', "42,50", "EUR", 42.5),
        ('decimal = ","\nthousands = "."', "1.234,50 €", "EUR", 1234.5),
        ('decimal = ","\nthousands = " "', "1\u202f234,50", "EUR", 1234.5),
        ('decimal = "."\nthousands = ","', "12,34,567.50", "INR", 1234567.5),
        ('decimal = "."\nthousands = "\'"', "CHF 1'234.50", "CHF", 1234.5),
        ('decimal = "."', 42.5, "GBP", 42.5),
        ("scale = 4", "Bnwo", "GBP", 42.5),  # 425000 = 0x067C28
        ('negative = "payment"', -42.5, "GBP", 42.5),
    ],
)
def test_amounts_by_unit_signs_and_scale(
    lines: str, sent: Any, currency: str, meant: float
) -> None:
    """Minor units by the currency's decimals (ISO 4217), texts by their signs."""
    payment = paid(declared(f"[amount]\n{lines}"), message(amount=sent, currency=currency))
    assert payment.transaction.amount == meant


@pytest.mark.parametrize("sent", ["-42.50", "(42.50)", "$-42.50", "42.50-", "-$42.50"])
def test_a_negative_text_is_a_refund(sent: str) -> None:
    """In every way to write one."""
    assert one(declared('[amount]\ndecimal = "."'), message(amount=sent)) == Refund("$.amount")


@pytest.mark.parametrize("sent", ["12,5", "1.2.3", "4111111111111111x", "", "٢x", "abc"])
def test_a_text_that_is_no_amount_is_refused(sent: str) -> None:
    """With the decimal sign that was declared, and with no other."""
    assert isinstance(one(declared('[amount]\ndecimal = "."'), message(amount=sent)), Refused)


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ('unit = "s"', 1795845480),
        ('unit = "s"', "1795845480"),
        ('unit = "s"', 1795845480.0),
        ('unit = "ms"', 1795845480000),
        ('unit = "ms"', "1795845480000"),
        ('unit = "us"', 1795845480000000),
        ('unit = "ns"', 1795845480000000000),
        ('unit = "ms"', "2026-11-28T05:58:00Z"),
        ('unit = "hour"\norigin = "2026-11-28T00:58:00Z"', 5),
        ('unit = "day"\norigin = "2026-11-27T05:58:00"', "1"),
        ('unit = "minute"\norigin = "2026-11-28"', 358),
        ('zone = "UTC"', "2026-11-28 05:58:00"),
        ('zone = "UTC"', "2026-11-28T05:58"),
        ('zone = "Europe/Paris"', "2026-11-28T06:58:00"),
        ('zone = "+01:00"', "2026-11-28T06:58:00"),
        ('zone = "America/New_York"', [2026, 11, 28, 0, 58]),
        ('zone = "UTC"\nformat = "dmy"', "28/11/2026 05:58"),
        ('zone = "UTC"\nformat = "dmy"', "28.11.26 5:58:00"),
        ('zone = "UTC"\nformat = "mdy"', "11/28/2026 5:58 AM"),
        ('zone = "UTC"\nformat = "ymd"', "2026/11/28 05:58"),
        ('zone = "UTC"\nformat = "compact"', "20261128055800"),
        ('zone = "UTC"\nformat = "compact"', 20261128055800),
        ('zone = "UTC"\nformat = "iso8583"', "1128055800"),
        ('zone = "UTC"\nformat = "%d-%b-%Y %H:%M:%S"', "28-Nov-2026 05:58:00"),
        ('format = "%Y%m%d%H%M%S %z"', "20261128065800 +0100"),
        ('zone = "UTC"\nformat = "%Y %j %H:%M"', "2026 332 05:58"),
    ],
)
def test_times_by_unit_zone_and_format(lines: str, sent: Any) -> None:
    """All of these are 2026-11-28T05:58:00Z."""
    payment = paid(declared(f"[timestamp]\n{lines}"), message(timestamp=sent))
    assert payment.transaction.timestamp.timestamp() == 1795845480


def test_date_and_time_may_be_two_fields() -> None:
    """Joined by the separator, read as one."""
    intake = declared('[timestamp]\npath = "date + time"\nseparator = " "\nzone = "UTC"')
    value = message(timestamp=..., date="2026-11-28", time="05:58:00")
    assert paid(intake, value).transaction.timestamp.timestamp() == 1795845480


@pytest.mark.parametrize(("unit", "number"), [("s", 1795845480000), ("ms", 1795845480)])
def test_a_count_in_another_unit_than_declared_is_refused(unit: str, number: int) -> None:
    """It would lead to the year 58878, or to January 1970."""
    refused = one(declared(f'[timestamp]\nunit = "{unit}"'), message(timestamp=number))
    assert isinstance(refused, Refused)
    assert refused.reason == "invalid_timestamp"
    assert "2026" in refused.hint


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"status": "Approved"}, Payment),
        ({"status": "DECLINED"}, Skipped("declined", "$.status")),
        ({"kind": "refund"}, Refund("$.kind")),
        ({"kind": "heartbeat"}, Skipped("not_a_payment", "$.kind")),
        ({"test": True}, Skipped("not_a_payment", "$.test")),
        ({"code": "05"}, Skipped("declined", "$.code")),
        ({"code": "00"}, Payment),
        ({"code": 0}, Payment),
    ],
)
def test_rules_tell_payments_from_what_is_none(content: dict[str, Any], expected: Any) -> None:
    """Texts have no case in a rule, and codes may be numbers."""
    intake = declared(
        """
        [[only]]
        path = "kind"
        none_of = ["heartbeat"]
        [[only]]
        path = "kind"
        present = false
        [[skip]]
        path = "test"
        one_of = true
        [[decline]]
        path = "status"
        one_of = ["declined", "failed"]
        [[decline]]
        path = "code"
        none_of = ["00", "0"]
        [[refund]]
        path = "kind"
        starts_with = "refund"
        """
    )
    reading = one(intake, message(**content))
    assert reading == expected if not isinstance(expected, type) else type(reading) is expected


def test_each_goes_into_a_list_and_a_dollar_comes_back_out() -> None:
    """One message, several payments, a currency for all of them."""
    intake = declared(
        'each = "batch.items"\ncurrency = "$.ccy"\ntransaction_id = { position = true }'
    )
    item = {name: VALID[name] for name in ("card_id", "amount", "timestamp")}
    value = {"ccy": "EUR", "batch": {"items": [item, {**item, "amount": "x"}]}}
    good, bad = intake.read(json.dumps(value).encode(), position="0-17")
    assert isinstance(good, Payment)
    assert (good.transaction.currency, good.transaction.transaction_id) == ("EUR", "0-17-0")
    assert isinstance(bad, Refused)
    assert bad.path == "$.batch.items[1].amount"


def test_plain_messages_pass_on_a_mapped_topic() -> None:
    """Where nothing that the mapping looks for is in them."""
    intake = declared('card_id = "card.pan"\n[amount]\npath = "cents"\nunit = "minor"')
    assert paid(intake, message()).transaction.amount == 42.5
    mapped = message(card_id=..., amount=..., card={"pan": "c"}, cents=4250)
    assert paid(intake, mapped).transaction.amount == 42.5
    assert isinstance(one(intake, message(cents=4250, card_id=...)), Refused)


def test_a_preset_is_laid_under_a_declaration() -> None:
    """A field's entries one by one; all else whole."""
    declaration = parse_declaration('preset = "stripe"\n[amount]\nunit = "major"\n', "x")
    assert declaration.amount.unit == "major"
    assert declaration.amount.path[0] == "data.object.amount"
    assert declaration.timestamp.unit == "s"


def test_the_hash_is_that_of_what_is_declared() -> None:
    """Order, short forms and the preset's name change nothing; a setting does."""
    one_way = parse_declaration('card_id = "a"\n[amount]\nunit = "minor"\n', "x")
    other = parse_declaration('[amount]\nunit = "minor"\n[card_id]\npath = ["a"]\n', "y")
    assert one_way.hash == other.hash
    assert one_way.hash != parse_declaration('card_id = "b"\n', "z").hash
    assert Declaration().is_default
    assert parse_declaration("", "empty").is_default


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    """Unknown names with what may have been meant, values with what they may be."""
    with pytest.raises(ConfigurationError) as error:
        parse_declaration(
            """
            amout = "x"
            card_id = "a..b"
            [amount]
            unit = "cents"
            thousands = ","
            [timestamp]
            unit = "auto"
            zone = "Mars/Olympus"
            format = "soon"
            [currency]
            path = "a"
            constant = "EUR"
            [[skip]]
            one_of = "x"
            """,
            "shop.toml",
        )
    lines = str(error.value).splitlines()
    for place, what in [
        ("amout", "did you mean amount?"),
        ("card_id", "a..b"),
        ("amount.unit", "major, minor"),
        ("amount", "decimal"),
        ("timestamp.unit", "s, ms, us, ns"),
        ("timestamp.zone", "Mars/Olympus"),
        ("timestamp.format", "dmy"),
        ("currency", "path and constant"),
        ("skip[0]", "path"),
    ]:
        assert any(line.startswith(f"shop.toml: {place}") and what in line for line in lines), place


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("strype", "did you mean stripe"),
        ("pacs.008", "no card payment"),
        ("none.toml", "none.toml"),
    ],
)
def test_an_intake_that_is_not_there_is_refused_by_name(name: str, what: str) -> None:
    """A preset with a typing mistake, the one that is refused, a file that is not there."""
    with pytest.raises(ConfigurationError, match=what):
        load_declaration(name)


def test_a_count_from_its_own_origin_needs_one() -> None:
    """Hours since when?"""
    with pytest.raises(ConfigurationError, match=r"timestamp\.origin"):
        parse_declaration('[timestamp]\nunit = "hour"', "x")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("4.50 DR", 4.5),
        ("4.50+", 4.5),
        ("١٢٫٥٠", 12.5),
        ("CHF 12.50", 12.5),
        ("12.50\u00a0€", 12.5),
    ],
)
def test_amounts_with_more_around_them(sent: str, meant: float) -> None:
    """A debit, a plus behind, digits of another script, a currency and its space."""
    assert (
        paid(declared('[amount]\ndecimal = "."'), message(amount=sent)).transaction.amount == meant
    )


def test_a_credit_is_money_back() -> None:
    """On a card's account; what is negative already stays so."""
    intake = declared('[amount]\ndecimal = "."')
    for sent in ("4.50 CR", "4.50cr", "-4.50 CR", "(4.50) CR", "−4.50"):
        assert one(intake, message(amount=sent)) == Refund("$.amount"), sent


@pytest.mark.parametrize("sent", ["null", "None", "N/A", " ", "-", "undefined"])
def test_a_word_for_nothing_is_no_card(sent: str) -> None:
    """Cards that are called so would all be one; a merchant that is called so is left out."""
    intake = declared('card_id = "card"')
    refused = one(intake, message(card_id=..., card=sent))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.path) == ("missing_field", "$.card")
    payment = paid(intake, message(card_id=..., card="c1", merchant_id=sent))
    assert payment.transaction.merchant_id is None
    assert [left.field for left in payment.left_out] == ["merchant_id"]


def test_a_card_number_that_a_spreadsheet_rounded_is_refused() -> None:
    """With the cause; an id that only has a plus in it is as good as any."""
    intake = declared('card_id = "card"')
    refused = one(intake, message(card_id=..., card="4.92912E+15"))
    assert isinstance(refused, Refused)
    assert refused.hint.startswith("a spreadsheet has destroyed it")
    assert paid(intake, message(card_id=..., card="a+b")).transaction.card_id == "a+b"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("Sat Nov 28 06:58:00 CET 2026", 1795845480),
        ("2026-11-28T06:58:00[Europe/Paris]", 1795845480),
        ("2026-332T05:58:00Z", 1795845480),
        ("2026-W48-6T05:58:00Z", 1795845480),
        ("Sat, 28 Nov 2026 05:58:00 GMT", 1795845480),
        ("28-NOV-26 06.58.00.000000 AM +01:00", 1795845480),
        ("21:58:00 Nov 27, 2026 PST", 1795845480),
        ("28 novembre 2026 05:58:00 UTC", 1795845480),
    ],
)
def test_times_that_leave_no_doubt_need_no_setting(sent: str, meant: int) -> None:
    """A month in letters with a zone that means one place, a place, a day of the year."""
    assert paid(declared(""), message(timestamp=sent)).transaction.timestamp.timestamp() == meant


@pytest.mark.parametrize(
    ("sent", "hint"),
    [
        ("Sat Nov 28 05:58:00 IST 2026", "mean several places"),
        ("05/06/2026 05:58", '"dmy" or "mdy"'),
        ("05.06.2026 05:58", 'format = "dmy"'),
        ("Nov 28 05:58:00", "month_name"),
        (45989.427, "spreadsheet"),
        (639310426800000000, "no year from 1990 to 2100"),
    ],
)
def test_times_that_may_mean_several_are_refused_with_what_would_tell(sent: Any, hint: str) -> None:
    """Letters of several zones, days and months, no year, a spreadsheet's days, .NET's ticks."""
    refused = one(declared(""), message(timestamp=sent))
    assert isinstance(refused, Refused)
    assert hint in refused.hint
