"""Names of other languages, and of what looks like an id and is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamer.datafiles.file_sample import Sample
from streamer.errors import ConfigurationError
from streamer.intake import Payment, parse_declaration
from streamer.intake.suggest import suggest
from tests.intake.messages import ARRIVED_MS
from tests.intake.test_suggest_doubts import payments, suggested

TIME = "2026-11-28T05:58:00Z"
HEADERS = {
    "danish": "Transaktions-id;Kortnummer;Beløb;Valuta;Dato;Butik",
    "dutch": "Transactiereferentie;Kaartnummer;Bedrag;Munt;Datum;Winkel",
    "turkish": "İşlem No;Kart No;Tutar;Para Birimi;İşlem Tarihi;Üye İşyeri",
    "turkish, small": "işlem no;kart no;tutar;para birimi;işlem tarihi;üye işyeri",
    "polish": "Identyfikator transakcji;Numer karty;Kwota;Waluta;Data transakcji;Odbiorca",
    "russian": "Номер операции;Номер карты;Сумма;Валюта;Дата;Магазин",
    "japanese": "取引番号;カード番号;金額;通貨;利用日時;加盟店",
    "chinese": "流水号;卡号;交易金额;币种;交易时间;商户名称",
    "hungarian": "Tranzakció azonosító;Kártyaszám;Összeg;Devizanem;Dátum;Kereskedő",
    "run together": "trxno;custno;trnamt;trxccy;txtime;merchid",
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_other_languages_are_known(name: str, tmp_path: Path) -> None:
    """Every field of them, the merchant too."""
    file = tmp_path / "export.csv"
    rows = [f"t{n};K{n % 2};4{n}.50;EUR;{TIME};Shop" for n in range(5)]
    file.write_text("\n".join([HEADERS[name], *rows]) + "\n")
    text = suggest([v for v in Sample.of(file).items() if isinstance(v, dict)])
    readings = Sample.of(file).readings(parse_declaration(text, "s"), arrived_ms=ARRIVED_MS)
    found = [reading for _, reading in readings]
    assert all(isinstance(reading, Payment) for reading in found), text
    first = found[0].transaction if isinstance(found[0], Payment) else None
    assert first is not None
    assert (first.transaction_id, first.card_id, first.amount) == ("t0", "K0", 40.5)
    assert (first.currency, first.merchant_id) == ("EUR", "Shop")


def test_cells_as_spreadsheets_and_data_frames_leave_them_are_ids(tmp_path: Path) -> None:
    """``="0042"`` is 0042 and ``2972.0`` is 2972, with names of one's own and the contract's."""
    for header in (
        "transaction_id,card_id,amount,currency,timestamp,merchant_id",
        "ref,pan,amt,ccy,ts,mid",
    ):
        file = tmp_path / "export.csv"
        row = '"=""0017""",="4000123412341234",42.50,EUR,2026-11-28T05:58:00Z,310.0'
        file.write_text(
            f"{header}\n{row}\n{row.replace('0017', '0018').replace('310.0', 'v2.0')}\n"
        )
        text = suggest([v for v in Sample.of(file).items() if isinstance(v, dict)])
        readings = Sample.of(file).readings(parse_declaration(text, "s"), arrived_ms=ARRIVED_MS)
        found = [r.transaction for _, r in readings if isinstance(r, Payment)]
        assert [t.transaction_id for t in found] == ["0017", "0018"]
        assert {t.card_id for t in found} == {"4000123412341234"}
        assert [t.merchant_id for t in found] == ["310", "v2.0"]


@pytest.mark.parametrize(
    "name", ["Card Last Four Digits", "card_last4", "PAN Suffix", "last_digits_of_card"]
)
def test_the_last_digits_are_asked_about(name: str) -> None:
    """They are those of many cards."""
    contents = [
        {"id": f"t{n}", name: f"400{n}", "amount": 4.5, "currency": "EUR", "time": TIME}
        for n in range(4)
    ]
    assert "# Missing: which field is the card" in suggested(*contents)[0]


def test_an_entity_is_a_card_where_nothing_else_is() -> None:
    """In a name of its own, and in the only object of a list; as a guess."""
    base: dict[str, Any] = {"amount": 4.5, "currency": "EUR", "timestamp": TIME, "event_id": "t1"}
    for content in ({"ENTITY_ID": "c1"}, {"entities": [{"entityType": "card", "entityId": "c1"}]}):
        (payment,) = payments(base | content)
        assert (payment.transaction_id, payment.card_id) == ("t1", "c1")
        assert "# Unsure: card_id is a guess" in suggested(base | content)[0]
    (payment,) = payments(base | {"entity_id": "e1", "cardToken": "c1"})
    assert payment.card_id == "c1"


def test_an_id_of_the_payment_beats_the_terminals_and_the_merchants() -> None:
    """A retrieval reference comes again; a reference to something has a name of its own."""
    base: dict[str, Any] = {
        "card": {"id": "c1"},
        "amount": 4.5,
        "currency": "EUR",
        "created_at": TIME,
    }
    for other in (
        {"retrieval_reference_number": "300000000001"},
        {"reference": {"transaction": "x1", "order": "o1"}},
        {"metadata": {"payment_id": "x1"}},
    ):
        (payment,) = payments({"data": base | {"id": "t1"} | other})
        assert payment.transaction_id == "t1"


def test_a_message_between_accounts_is_called_what_it_is() -> None:
    """pain.001 is no pacs.008."""
    for root, name in (
        ("CstmrCdtTrfInitn", "pain.001"),
        ("FIToFICstmrCdtTrf", "pacs.008"),
        ("BkToCstmrStmt", "camt.053"),
    ):
        for message in ({root: {}}, {"Document": {root: {}}}):
            with pytest.raises(ConfigurationError, match=name):
                suggest([json.dumps(message).encode()])
