"""Labels: the words of both sides, the words that say nothing, and a third kind by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamer.errors import ConfigurationError
from tests.datafiles.helpers import labels_of, report_of

NORMAL = [
    *("0", "0.0", "0.00", "-1", "No", "N", "FALSE", "f", "legit", "Legitimate", "Genuine"),
    *("normal", "Good", "non-fraud", "Non Fraud", "not_fraud", "nonfraud", "negative", " no "),
    *("nein", "Nee", "não", "нет"),
]
FRAUD = [
    *("1", "1.0", "Yes", "Y", "TRUE", "t", "fraud", "Fraudulent", "bad", "Chargeback", "+1"),
    *("ja", "Oui", "tak", "да", "Betrug"),
]
UNKNOWN = ["", "NA", "n/a", "null", "None", "NaN", "?", "-", "unknown", "Missing", "pending"]
ROW = {"card_id": "c", "amount": 5.0, "timestamp": "2026-11-28T05:58:00Z"}


def csv_of(path: Path, labels: list[str]) -> Path:
    rows = "".join(f'c,5,2026-11-28T05:58:00Z,"{label}"\n' for label in labels)
    path.write_text("card_id,amount,timestamp,label\n" + rows)
    return path


@pytest.mark.parametrize(
    ("words", "expected"), [(NORMAL, None), (FRAUD, "fraud"), (UNKNOWN, "unlabelled")]
)
def test_words_of_each_side_are_known_in_any_case(
    words: list[str], expected: str | None, tmp_path: Path
) -> None:
    for word in words:
        other = "1" if word == "-1" else "0" if word != "0" else "1"
        found = labels_of(csv_of(tmp_path / "t.csv", [word, word.upper(), other]))
        assert found is not None
        assert found[:2] == [expected, expected], word


def test_the_same_words_are_known_in_every_format(tmp_path: Path) -> None:
    """Text in JSON Lines, numbers, booleans and nothing in both."""
    for labels, expected in (
        (["No", "Yes", "NA"], [None, "fraud", "unlabelled"]),
        ([False, True, None], [None, "fraud", "unlabelled"]),
        ([0.0, 1.0, None], [None, "fraud", "unlabelled"]),
        ([-1, 1, 1], [None, "fraud", "fraud"]),
    ):
        rows: list[dict[str, Any]] = [{**ROW, "label": label} for label in labels]
        lines, parquet = tmp_path / "t.jsonl", tmp_path / "t.parquet"
        lines.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
        pq.write_table(pa.Table.from_pylist(rows), parquet)
        assert labels_of(lines) == labels_of(parquet) == expected


@pytest.mark.parametrize("word", ["maybe", "2", "groceries", "1,0", "fraudx", "-2", "0.5"])
def test_a_third_kind_is_refused_by_name_and_row_before_anything_is_read(
    word: str, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "t.csv", ["0"] * 5_000 + [word])
    with pytest.raises(ConfigurationError) as caught:
        labels_of(path)
    assert f"'{word}' in row 5,001 of t.csv" in str(caught.value)


def test_minus_one_beside_zero_is_refused(tmp_path: Path) -> None:
    """In some data sets -1 says unknown, in others legitimate: beside 0 nobody can tell."""
    with pytest.raises(ConfigurationError, match="got -1 beside 0"):
        labels_of(csv_of(tmp_path / "t.csv", ["1", "-1", "0"]))


def test_what_may_be_a_card_number_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        labels_of(csv_of(tmp_path / "t.csv", ["4000 0000 0000 0001"]))
    assert "4000" not in str(caught.value)


def test_words_that_say_nothing_are_counted_in_a_note(tmp_path: Path) -> None:
    report = report_of(csv_of(tmp_path / "t.csv", ["NA", "NA", "", "?", "0", "1"]))
    assert (
        "4 rows are unlabelled and count neither as frauds nor as legitimate: their label is "
        "NA (2), empty (1), ? (1)"
    ) in report.notes


def test_patterns_stay_names_and_a_label_decides(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "card_id,amount,timestamp,fraud,fraud_scenario\n"
        + "".join(
            f"c,5,2026-11-28T05:58:00Z,{label},{pattern}\n"
            for label, pattern in (("No", 0), ("Yes", 2), ("Yes", 0), ("NA", 3))
        )
    )
    assert labels_of(path, "label=fraud") == [None, "2", "fraud", "unlabelled"]
    assert labels_of(path) == [None, "2", None, "3"]


def test_a_row_that_is_refused_has_no_label(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("card_id,amount,timestamp,label\nc,5,2026-11-28T05:58:00Z,1\nc,much,x,1\nc,5\n")
    assert labels_of(path) == ["fraud", None, None]


def test_labels_may_begin_late_in_a_json_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [ROW] * 5_000 + [{**ROW, "label": "bad"}]
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    found = labels_of(path)
    assert found is not None
    assert (found[0], found[-1]) == ("unlabelled", "fraud")
