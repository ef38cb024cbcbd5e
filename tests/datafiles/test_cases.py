"""Files as people really have them, each after a published layout or a report, with its outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.cli import main
from streamer.errors import ConfigurationError, NothingToScoreError
from tests.datafiles.helpers import labels_of, payments_of, report_of

HEADER = "transaction_id,card_id,amount,currency,timestamp,label\r\n"
PRETTY = """{
  "card_id": "card-000383",
  "amount": 42.5,
  "currency": "GBP",
  "timestamp": "2026-11-28T05:58:00Z",
  "mcc": "5411",
  "transaction_id": "%s"
}
"""
BANKSIM = (
    "'step','customer','age','gender','zipcodeOri','merchant','zipMerchant','category','amount',"
    "'fraud'\r\n0,'C1','4','M','28007','M3','28007','es_food',4.55,0\r\n"
    "0,'C2','2','F','28007','M4','28007','es_health',39.68,1\r\n"
)
PAYSIM = (
    "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,"
    "newbalanceDest,isFraud,isFlaggedFraud\r\n"
    "1,PAYMENT,9839.64,C1,170136.0,160296.36,M9,0.0,0.0,0,0\r\n"
    "1,TRANSFER,0.5,C2,181.0,0.0,C5,0.0,0.0,1,0\r\n"
)
TABFORMER = (
    "User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,Merchant State,Zip,"
    "MCC,Errors?,Is Fraud?\r\n"
    "0,0,2002,9,1,06:21,$134.09,Swipe Transaction,3527213246127876953,La Verne,CA,91750.0,5300,,"
    "No\r\n0,1,2002,9,1,06:42,$38.48,Online Transaction,-727612092139916043,Monterey Park,CA,"
    "91754.0,5411,,Yes\r\n"
)
SPARKOV = (
    "trans_num,cc_num,amt,unix_time,is_fraud\r\na1,4000000000000001,4.97,1325376018,0\r\n"
    "a2,4000000000000002,107.23,1325376044,1\r\n"
)
ULB = "Time,V1,Amount,Class\r\n0,-1.35,149.62,0\r\n1,1.19,2,1\r\n"

PUBLISHED = {
    "banksim": (BANKSIM, ("C1", 4.55, "M3", "5411"), datetime(2020, 1, 1, tzinfo=UTC)),
    "paysim": (PAYSIM, ("C1", 9839.64, "M9", None), datetime(2020, 1, 1, 1, tzinfo=UTC)),
    "tabformer": (
        TABFORMER,
        ("0-0", 134.09, "3527213246127876953", "5300"),
        datetime(2002, 9, 1, 6, 21, tzinfo=UTC),
    ),
    "sparkov": (
        SPARKOV,
        ("4000000000000001", 4.97, None, None),
        datetime(2012, 1, 1, 0, 0, 18, tzinfo=UTC),
    ),
    "ulb": (ULB, ("row-0", 149.62, None, None), datetime(2013, 9, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_a_published_layout_is_read_by_its_preset(preset: str, tmp_path: Path) -> None:
    """The first row, by hand; of the two labels the second is a fraud."""
    content, (card, amount, merchant, mcc), moment = PUBLISHED[preset]
    path = tmp_path / "t.csv"
    path.write_text(content, newline="")
    first, second = payments_of(path, intake=preset)
    assert (first.card_id, first.amount, first.merchant_id, first.mcc) == (
        card,
        amount,
        merchant,
        mcc,
    )
    assert first.timestamp == moment
    assert first.card_id != second.card_id
    assert labels_of(path, intake=preset) == [None, "fraud"]


def test_a_refund_of_a_published_layout_is_counted_and_no_payment(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABFORMER.replace("$38.48", "$-38.48"), newline="")
    report = report_of(path, intake="tabformer")
    assert (report.n_usable, report.n_refused) == (1, 0)
    assert report.to_dict()["passed_over"] == {"refund": 1}
    assert "no payment, for refund: 1 row (row 2)" in report.notes


def test_a_semicolon_and_a_decimal_comma(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        HEADER.replace(",", ";") + "t1;c1;12,50;EUR;2026-11-28T05:58:00Z;0\r\n", newline=""
    )
    (payment,) = payments_of(path)
    assert payment.amount == 12.5
    assert report_of(path).notes == [
        "t.csv was read with semicolon as separator",
        "t.csv was read with a decimal comma in amount",
    ]


def test_a_byte_order_mark_and_pretty_printed_objects(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("\ufeff" + PRETTY % "t1" + PRETTY % "t2")
    assert [p.transaction_id for p in payments_of(path)] == ["t1", "t2"]


def test_a_duplicate_column_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER.strip() + ",amount\r\nt1,c1,12.5,EUR,2026-11-28T05:58:00Z,0,999\r\n")
    with pytest.raises(ConfigurationError, match="got amount more than once"):
        report_of(path)


def test_a_header_alone_holds_nothing_to_score(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER, newline="")
    with pytest.raises(
        NothingToScoreError, match=r"t\.csv must hold payments, got a header and no"
    ):
        report_of(path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("NA", "NA", "1"), ["unlabelled", "unlabelled", "fraud"]),
        (("0.0", "0.0", "1.0"), [None, None, "fraud"]),
        (("No", "No", "Yes"), [None, None, "fraud"]),
    ],
)
def test_label_words(words: tuple[str, ...], expected: list[str | None], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"t{i},c{i},12.5,EUR,2026-11-28T05:58:00Z,{word}" for i, word in enumerate(words)]
    path.write_text(HEADER + "\r\n".join(rows), newline="")
    assert labels_of(path) == expected


def test_a_file_that_is_not_in_the_order_of_time_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "t1,c1,12.5,EUR,2026-11-28T05:58:00Z,0\r\nt2,c2,12.5,EUR,2026-11-20T05:58:00Z,0\r\n"
    path.write_text(HEADER + rows, newline="")
    report = report_of(path)
    assert report.n_late == report.to_dict()["n_late"] == 1
    assert any("not in the order of time" in note for note in report.notes)


@pytest.mark.parametrize("moment", ["2026-11-28", "2026-11-28T00:00:00Z"])
def test_dates_without_a_time_of_day_are_told_so(moment: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + f"t1,c1,12.5,EUR,{moment},0\r\n", newline="")
    assert any("dates without a time of day" in note for note in report_of(path).notes)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1795845480, "in the year 2026: .*--time-unit epoch-s"),
        (1795845480000, "in the year 2026: .*--time-unit epoch-ms"),
        (7, "--time-unit hour"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_number_for_a_time_is_refused_with_the_option_that_leads_to_the_right_year(
    count: int, said: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"t.{suffix}"
    path.write_text(
        f"card_id,amount,timestamp\nc,5,{count}\n"
        if suffix == "csv"
        else f'{{"card_id": "c", "amount": 5, "timestamp": {count}}}\n'
    )
    with pytest.raises(NothingToScoreError, match=said):
        report_of(path).require_payments()


def test_a_bad_optional_field_never_loses_a_payment(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "card_id,amount,timestamp,country,mcc,latitude,longitude\n"
        "c,5,2026-11-28T05:58:00Z,QQ,5411,0,0\nc,5,2026-11-28T05:58:00Z,GBR,54115,91,5\n"
    )
    report = report_of(path)
    assert report.n_usable == 2
    assert {(x["field"], x["reason"], *x["rows"]) for x in report.to_dict()["left_out"]} == {
        ("country", "unknown_code", 1),
        ("latitude", "null_island", 1),
        ("longitude", "null_island", 1),
        ("mcc", "wrong_format", 2),
        ("latitude", "out_of_range", 2),
    }


def test_an_envelope_in_a_json_file_is_read_as_on_a_topic(tmp_path: Path) -> None:
    """Debezium's insert is a payment, its update is passed over."""
    path = tmp_path / "t.jsonl"
    row = (PRETTY % "t1").replace("\n", "")
    path.write_text(
        f'{{"before": null, "after": {row}, "op": "c"}}\n'
        f'{{"before": {row}, "after": {row}, "op": "u"}}\n'
    )
    report = report_of(path)
    assert (report.n_usable, report.to_dict()["passed_over"]) == (1, {"updated": 1})


def test_a_credit_transfer_is_refused_by_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"TxTp": "pacs.008.001.10", "FIToFICstmrCdtTrf": {"GrpHdr": {"MsgId": "m"}}}\n'
    )
    with pytest.raises(NothingToScoreError, match="not_a_card_payment"):
        report_of(path).require_payments()


def test_a_card_number_in_a_file_without_a_header_is_in_no_error(tmp_path: Path) -> None:
    """The first row is taken for names; the error asks whether it is one, and leaves the number out."""
    path = tmp_path / "payments.csv"
    path.write_text("9000001,4929123456781230,12.00,4929123456781230\n" * 3)
    for command in (["replay"], ["intake", "try"]):
        result = CliRunner().invoke(main, [*command, str(path)])
        assert result.exit_code != 0
        assert "4929" not in result.output
        assert "is the first row a header?" in result.output
