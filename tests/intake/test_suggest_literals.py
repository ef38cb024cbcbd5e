"""The contract's own names win over any other; what they do not tell is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamer.cli import main
from streamer.datafiles.file_sample import Sample
from streamer.intake import Payment, Reading, parse_declaration
from streamer.intake.suggest import suggest
from tests.intake.messages import ARRIVED_MS, message
from tests.intake.test_suggest_doubts import payments, suggested

CAIXABANK = """id,date,client_id,card_id,amount,use_chip,merchant_id,merchant_city,\
merchant_state,zip,mcc,errors
7475327,2010-01-01 00:01:00,1556,2972,$-77.00,Swipe Transaction,59935,Beulah,ND,58523.0,5499,
7475328,2010-01-01 00:02:00,5611,4575,$14.57,Swipe Transaction,67570,Bettendorf,IA,52722.0,5311,
7475329,2010-01-01 00:02:00,1129,1023,$80.00,Chip Transaction,27092,Vista,CA,92084.0,4829,
7475331,2010-01-01 00:05:00,1556,2972,$200.00,Online Transaction,27092,ONLINE,,,4829,
"""
BASE: dict[str, Any] = {
    "transaction_id": "t1",
    "card_id": "c1",
    "amount": 4.5,
    "currency": "EUR",
    "timestamp": "2026-11-28T05:58:00Z",
}


def of_file(content: str, tmp_path: Path, name: str = "t.csv") -> tuple[str, list[Reading]]:
    """Return what is suggested for a file, and what its rows are read as with it."""
    path = tmp_path / name
    path.write_text(content)
    text = Sample.of(path).suggestion()
    found = Sample.of(path).readings(parse_declaration(text, "s"), arrived_ms=ARRIVED_MS)
    return text, [reading for _, reading in found]


def test_caixabanks_layout(tmp_path: Path) -> None:
    """Its cards have four digits, as the end of a card number has; its clients have ids, too."""
    text, readings = of_file(CAIXABANK, tmp_path)
    assert "client_id" not in text.partition("# Not used")[0]
    found = [reading.transaction for reading in readings if isinstance(reading, Payment)]
    assert [(t.transaction_id, t.card_id, t.amount) for t in found] == [
        ("7475328", "4575", 14.57),
        ("7475329", "1023", 80.0),
        ("7475331", "2972", 200.0),
    ]
    assert [(t.merchant_id, t.mcc, t.channel) for t in found] == [
        ("67570", "5311", "pos"),
        ("27092", "4829", "pos"),
        ("27092", "4829", "ecommerce"),
    ]


@pytest.mark.parametrize(
    ("field", "spelled", "alias", "others"),
    [
        ("card_id", "cardId", "card_number", ["4111111111111111"] * 6),
        ("card_id", "CARD_ID", "pan", ["4111111111111111"] * 6),
        ("transaction_id", "Transaction Id", "payment_id", [f"p{n}" for n in range(6)]),
        ("merchant_id", "MerchantID", "merchant_number", ["m9"] * 6),
        ("timestamp", "Timestamp", "transaction_time", ["2026-11-27T05:58:00Z"] * 6),
        ("currency", "Currency", "transaction_currency", ["USD"] * 6),
        ("country", "Country", "merchant_country", ["FR"] * 6),
        ("mcc", "MCC", "merchant_category_code", ["5812"] * 6),
        ("channel", "Channel", "payment_channel", ["ecommerce"] * 6),
    ],
)
def test_a_name_of_the_contract_wins_however_it_is_spelled(
    field: str, spelled: str, alias: str, others: list[str]
) -> None:
    """Before the alias and behind it."""
    right = {"country": "GB", "mcc": "5411", "channel": "pos", "merchant_id": "m1"} | BASE
    right |= {"card_id": "1234", "timestamp": "2026-11-28T05:58:00+01:00"}
    rows = []
    for n, other in enumerate(others):
        row = right | {"transaction_id": f"t{n}", "amt": 4.5}
        value = row.pop(field)
        del row["amount"]
        rows.append({alias: other, **row, spelled: value})
    for contents in (rows, [dict(reversed(row.items())) for row in rows]):
        found = payments(*contents)
        expected = right | {"transaction_id": "t0"}
        assert str(getattr(found[0], field)).replace(" ", "T") == str(expected[field])


@pytest.mark.parametrize("where", ["around", "details", "card"])
def test_a_card_id_wins_around_the_amount_and_below_it(where: str) -> None:
    """Of four digits each, beside the client's number."""
    rows: list[dict[str, Any]] = []
    for i in range(6):
        card, client = {"card_id": f"88{i % 3}1"}, {"client_id": f"15{i % 3}6"}
        paid = {"id": f"t{i}", "amount": 4.5, "currency": "EUR", "at": BASE["timestamp"]}
        is_around = where == "around"
        rows.append(card | client | ({"transaction": paid} if is_around else {}))
        if not is_around:
            rows[-1] = {**client, **paid, where: card}
    assert [p.card_id for p in payments(*rows)][:3] == ["8801", "8811", "8821"]


def test_a_name_of_the_contract_with_values_that_cannot_be_it_does_not_win() -> None:
    """Money in a column ``card_id``, and names of countries beside their codes."""
    rows = [
        BASE
        | {"transaction_id": f"t{n}", "card_id": f"{n}.50", "pan": "k1", "country": "Brazil"}
        | {"merchant_country": "BR"}
        for n in range(4)
    ]
    found = payments(*({**row, "amt": row["amount"], "amount": None} for row in rows))
    assert {payment.card_id for payment in found} == {"k1"}
    assert {payment.country for payment in found} == {"BR"}


def test_the_names_around_a_payment_are_not_its_own() -> None:
    """An envelope has a timestamp, too."""
    inner = {**BASE, "when": BASE["timestamp"]}
    del inner["timestamp"]
    content = {"timestamp": "2020-01-01T00:00:00Z", "kind": "x", "p": inner}
    (payment,) = payments(content)
    assert payment.timestamp.year == 2026


@pytest.mark.parametrize(
    "issuers",
    [
        {"countryOfIssuance": "FR"},
        {"country_of_issuance": "FR"},
        {"card": {"issuing_country": "FR"}},
        {"card": {"country": "FR"}},
        {"bin_country": "FRA"},
        {"country_of_issue": "FR"},
        {"issuerCountryCode": "250"},
        {"cardholder_country": "FR"},
    ],
)
def test_the_country_of_the_card_is_not_that_of_the_payment(issuers: dict[str, Any]) -> None:
    """With other names around it and with the contract's; it is said."""
    for base in (BASE, {**BASE, "amt": 4.5, "amount": None}):
        text, readings = suggested(base | issuers)
        (payment,) = readings
        assert isinstance(payment, Payment)
        assert payment.transaction.country is None
        assert "is the country of the card or its holder, and not taken" in text
    (payment,) = payments(BASE | issuers | {"amt": 4.5, "merchantCountry": "GB"})
    assert payment.country == "GB"


def test_a_label_under_another_name_is_said_where_nothing_else_is_to_be(tmp_path: Path) -> None:
    """So that `streamer evaluate` finds it; a merchant under another name, too."""
    header = "transaction_id,card_id,amount,currency,timestamp,merchant,isFraud\n"
    rows = [f"t{n},c{n % 2},4.5{n},EUR,2026-11-28T05:58:00Z,Shop,{n % 2}" for n in range(4)]
    text, readings = of_file(header + "\n".join(rows), tmp_path)
    assert "Nothing needs" not in text
    assert 'label = "isFraud"' in text
    assert "--map label=isFraud" in text
    assert parse_declaration(text, "s").label is not None
    assert {r.transaction.merchant_id for r in readings if isinstance(r, Payment)} == {"Shop"}
    in_json = suggest([message(is_fraud=1), message(is_fraud=0)])
    assert 'label = "is_fraud"' in in_json


def test_one_and_a_quarter_or_twelve_hundred_is_asked(tmp_path: Path) -> None:
    """Neither a suggestion nor a file command chooses."""
    header = "transaction_id,card_id,amount,currency,timestamp\n"
    rows = [
        f"t{n},c1,{amount},EUR,2026-11-28T05:58:00Z"
        for n, amount in enumerate(("1.250", "12.999", "3.500"))
    ]
    text, readings = of_file(header + "\n".join(rows), tmp_path)
    assert "# Unsure: the sign in the amounts may be the decimal one" in text
    assert not any(isinstance(reading, Payment) for reading in readings)
    result = CliRunner().invoke(main, ["replay", str(tmp_path / "t.csv")])
    assert result.exit_code == 1
    assert 'set decimal = "." or ","' in result.output
    settled = parse_declaration('amount = { decimal = ",", thousands = "." }', "s")
    found = [r for _, r in Sample.of(tmp_path / "t.csv").readings(settled)]
    assert [r.transaction.amount for r in found if isinstance(r, Payment)] == [1250, 12999, 3500]


@pytest.mark.parametrize(
    ("currency", "amounts", "meant"),
    [
        ("KWD", ("1.250", "12.999"), (1.25, 12.999)),
        ("EUR", ("1.250", "12.50"), (1.25, 12.5)),
        ("EUR", ("1.250", "1.250.000"), (1250, 1250000)),
        ("EUR", ("0.125", "12.999"), (0.125, 12.999)),
        ("IDR", ("15.000", "250.000"), (15000, 250000)),
    ],
)
def test_what_tells_the_sign_is_listened_to(
    currency: str, amounts: tuple[str, ...], meant: tuple[float, ...], tmp_path: Path
) -> None:
    """The decimals of the currency, and other amounts."""
    header = "transaction_id,card_id,amount,currency,timestamp\n"
    rows = [f"t{n},c1,{a},{currency},2026-11-28T05:58:00Z" for n, a in enumerate(amounts)]
    _, readings = of_file(header + "\n".join(rows), tmp_path)
    found = [r.transaction.amount for r in readings if isinstance(r, Payment)]
    assert found == pytest.approx(list(meant))


@pytest.mark.parametrize(
    ("currency", "asks"), [("IDR", True), ("COP", True), ("JPY", False), ("KRW", False)]
)
def test_whole_amounts_of_whole_currencies_are_no_minor_units(currency: str, asks: bool) -> None:
    """However odd they are; a name or zeros before them are evidence."""
    rows = [
        BASE | {"transaction_id": f"t{n}", "currency": currency, "amount": amount}
        for n, amount in enumerate((125_400, 38_915, 7_777, 1_250_500, 64_321))
    ]
    assert [p.amount for p in payments(*rows)] == [125_400, 38_915, 7_777, 1_250_500, 64_321]
    text, _ = suggested(*rows)
    assert ("# Unsure: amounts in" in text) is asks
    minor = [{**row, "amount_minor": row["amount"] * 100, "amount": None} for row in rows]
    if currency in ("IDR", "COP"):
        assert payments(*minor)[0].amount == 125_400


def test_a_sign_between_thousands_is_a_guess_beside_smaller_amounts(tmp_path: Path) -> None:
    """``950`` beside ``1.250`` speaks for it; a file command with no declaration asks all the same."""
    header = "transaction_id,card_id,amount,currency,timestamp\n"
    rows = [f"t{n},c1,{a},EUR,2026-11-28T05:58:00Z" for n, a in enumerate(("950", "1.250"))]
    text, readings = of_file(header + "\n".join(rows), tmp_path)
    assert '# Unsure: "." in the amounts is taken for the sign between thousands' in text
    found = [r.transaction.amount for r in readings if isinstance(r, Payment)]
    assert found == [950, 1250]
    plain = [r for _, r in Sample.of(tmp_path / "t.csv").readings(parse_declaration("", "s"))]
    assert [isinstance(reading, Payment) for reading in plain] == [True, False]


def test_whole_amounts_of_several_currencies_are_told_by_the_others() -> None:
    """Euros of 42.50 and rupiah of 125,400 in one sample."""
    rows = [
        BASE | {"transaction_id": f"t{n}", "currency": currency, "amount": amount}
        for n, (currency, amount) in enumerate((("EUR", 4250), ("IDR", 125_400), ("EUR", 1999)))
    ]
    assert [p.amount for p in payments(*rows)] == [42.5, 125_400, 19.99]
    assert "# Unsure: amounts in IDR are taken for whole ones" in suggested(*rows)[0]


def test_a_column_of_the_contract_beats_that_of_a_preset() -> None:
    """Somebody has added ``card_id`` to Sparkov's layout; its other lines stay."""
    row = {"trans_num": "a1", "cc_num": "4000000000000001", "amt": "4.97"}
    rows = [
        {**row, "unix_time": "1325376018", "trans_num": f"a{n}", "merchant": "m"} for n in range(5)
    ]
    assert 'preset = "sparkov"' in suggest(rows)
    text = suggest([{**one, "card_id": "c7"} for one in rows])
    assert "card_id = 'card_id'" in text
    assert 'transaction_id = "trans_num"' in text


def test_an_id_of_a_terminal_or_of_a_transaction() -> None:
    """``tid`` is either: one of its own for every payment is the payment's."""
    rows = [
        {"tid": f"t{i}", "pan": f"k{i % 2}", "amt": 4.5, "ccy": "EUR", "at": BASE["timestamp"]}
        for i in range(6)
    ]
    assert [p.transaction_id for p in payments(*rows)] == [f"t{i}" for i in range(6)]
    terminals = [{**row, "tid": f"T{i % 2}", "ref": f"r{i}"} for i, row in enumerate(rows)]
    assert [p.merchant_id for p in payments(*terminals)][:2] == ["T0", "T1"]


def test_a_spreadsheets_days_are_read_with_all_of_their_digits(tmp_path: Path) -> None:
    """Ten behind the point."""
    header = "transaction_id,card_id,amount,currency,timestamp\n"
    rows = ["t1,c1,4.50,EUR,46354.2486111111", "t2,c1,4.50,EUR,46354.25"]
    text, readings = of_file(header + "\n".join(rows), tmp_path)
    assert "# Unsure: a spreadsheet's days" in text
    found = [r.transaction.timestamp.timestamp() for r in readings if isinstance(r, Payment)]
    assert [round(moment) for moment in found] == [1795845480, 1795845600]
