"""Words for nothing: an optional field is missing with one, a required one is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.intake import Intake, Payment, Refused, plain_transaction
from streamer.intake.decoding import decode_batch
from tests.datafiles.helpers import BELIEVABLE, NOW_MS, report_of
from tests.intake.messages import ARRIVED_MS, VALID, declared, message, one, paid

PLAIN = Intake()
WORDS = (
    *(
        "nan",
        "NaN",
        "None",
        "-",
        "#N/A",
        "NULL",
        "null",
        "N/A",
        "n/a",
        "(null)",
        r"\N",
        "undefined",
    ),
    *("<NA>", "NaT", "nil", "--", "?", "[NULL]", "#REF!"),
)
OPTIONAL = ("merchant_id", "mcc", "country", "latitude", "longitude", "channel")
REQUIRED = ("transaction_id", "card_id", "amount", "currency", "timestamp")
RENAMED = declared('card_id = "pan"\nmcc = { path = "code", default = "5999" }')


@pytest.mark.parametrize("word", WORDS)
def test_an_optional_field_with_a_word_for_nothing_is_left_out_and_counted(word: str) -> None:
    """In the contract's own messages and in mapped ones, with the same reason."""
    for field in OPTIONAL:
        for intake, value in (
            (PLAIN, message(**{field: word})),
            (RENAMED, message(card_id=..., pan="c1", **{field: word})),
        ):
            payment = paid(intake, value)
            if (intake, field) == (RENAMED, "mcc"):
                continue
            assert getattr(payment.transaction, field) is None
            assert [(out.field, out.reason) for out in payment.left_out] == [
                (field, "missing_field")
            ]


@pytest.mark.parametrize("word", WORDS)
def test_a_required_field_with_a_word_for_nothing_is_refused_by_name(word: str) -> None:
    """As a message and as a row."""
    for field in REQUIRED:
        content = VALID | {field: word}
        row = PLAIN.read_row(content, position="row-1")
        for refused in (one(PLAIN, message(**{field: word})), row):
            assert isinstance(refused, Refused)
            assert (refused.reason, refused.path) == ("missing_field", f"$.{field}")
            assert refused.detail == f"{field} must be there"
            assert refused.hint == "a word for nothing stands in its place"


def test_a_default_stands_in_for_a_word_for_nothing() -> None:
    """A list of values is asked first: somebody may mean something by the word."""
    intake = declared('channel = { default = "ecommerce", values = { "-" = "atm" } }')
    assert paid(intake, message(channel="NaN")).transaction.channel == "ecommerce"
    assert paid(intake, message(channel="-")).transaction.channel == "atm"
    assert paid(RENAMED, message(card_id=..., pan="c1", code="NULL")).transaction.mcc == "5999"


def test_na_is_namibia_and_nothing_else() -> None:
    """R writes it where there is nothing."""
    assert paid(PLAIN, message(country="NA")).transaction.country == "NA"
    payment = paid(PLAIN, message(mcc="NA", channel="NA", merchant_id="NA"))
    assert {out.field for out in payment.left_out} == {"mcc", "channel", "merchant_id"}


@pytest.mark.parametrize("field", ["channel", "merchant_id"])
def test_a_batch_of_a_topic_counts_what_is_left_out(field: str) -> None:
    """The short way of plain messages takes a word for a name; the batch is looked through."""
    values = [message(transaction_id="t1"), message(transaction_id="t2", **{field: "null"})]
    records = [StoredRecord(i, ARRIVED_MS, b"k", value) for i, value in enumerate(values)]
    decoded = decode_batch(Batch("t", 0, records, NOW_MS), BELIEVABLE)
    assert decoded.dead_letters == []
    assert dict(decoded.left_out) == {(field, "missing_field"): 1}
    first, second = decoded.transactions
    assert getattr(first, field) == VALID[field]
    assert getattr(second, field) is None


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_of_files_count_what_is_left_out(suffix: str, tmp_path: Path) -> None:
    """A category ``NULL`` gets no number of its own."""
    rows: list[dict[str, Any]] = [
        {**VALID, "transaction_id": f"t{i}", "mcc": word, "channel": word, "merchant_id": word}
        for i, word in enumerate(("NULL", r"\N", "NA", "5411"))
    ]
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        lines = [",".join(map(str, row.values())) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]))
    else:
        path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    report = report_of(path)
    assert report.n_usable == 4
    assert report.file.substitutes.codes == {}
    assert [(x["field"], x["reason"], x["n"]) for x in report.to_dict()["left_out"]] == [
        ("merchant_id", "missing_field", 3),
        ("mcc", "missing_field", 3),
        ("channel", "missing_field", 3),
    ]


def test_an_id_of_zero_bytes_is_none_and_other_control_characters_are_its_own() -> None:
    """What a fixed field was filled with is no card; an id that has them is a text like any."""
    refused = one(PLAIN, message(card_id="\0" * 16))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.path) == ("missing_field", "$.card_id")
    for card in ("c1\0", "c\x1b[31m1", "c\n1"):
        assert paid(PLAIN, message(card_id=card)).transaction.card_id == card
        assert plain_transaction(message(card_id=card)) is not None


def test_a_word_for_nothing_is_no_money_back() -> None:
    """``present`` means a value, and a word for nothing is none."""
    intake = declared('[[refund]]\npath = "credit"\npresent = true')
    for word in ("NULL", "NaN", "", None):
        assert isinstance(one(intake, message(credit=word)), Payment)
