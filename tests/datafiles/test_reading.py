"""Reading payment files: every format gives the same transactions, and a bad row is no error."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamer.contract.messages import Transaction
from streamer.datafiles import FileBatch, PaymentFile, count_rows, declared, read_batches
from streamer.datafiles.substitutes import Substitutes
from streamer.errors import ConfigurationError, NothingToScoreError
from streamer.intake import Declaration, Refused, plain_transaction

HANDBOOK = declared(["card_id=customer_id", "merchant_id=terminal_id"], ["currency=EUR"])


def objects(batch: FileBatch) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value) for value in batch.values]


def only_batch(path: Path, declaration: Declaration | None = None) -> FileBatch:
    (batch,) = read_batches(path, declaration)
    return batch


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def handbook(path: Path) -> Path:
    return parquet(
        path,
        {
            "transaction_id": pa.array([0, 1, 2], pa.int32()),
            "timestamp": pa.array([1522540831000, 1522540931500, 0], pa.timestamp("ms")),
            "customer_id": pa.array([596, 4961, 2], pa.int16()),
            "terminal_id": pa.array([3156, None, 7], pa.int16()),
            "amount": pa.array([27.36, 123456.78, 146.0], pa.float32()),
            "label": pa.array([0, 1, 1], pa.int8()),
            "fraud_scenario": pa.array([0, 2, 0], pa.int8()),
        },
    )


def test_parquet_rows_become_transactions_of_the_contract(tmp_path: Path) -> None:
    path = handbook(tmp_path / "h.parquet")
    batch = only_batch(path, HANDBOOK)
    # float32 holds 27.36 as 27.360000610 and 123456.78 as 123456.78125.
    assert objects(batch) == [
        {
            "transaction_id": "0",
            "card_id": "596",
            "amount": 27.36,
            "currency": "EUR",
            "timestamp": "2018-04-01T00:00:31Z",
            "merchant_id": "3156",
        },
        {
            "transaction_id": "1",
            "card_id": "4961",
            "amount": 123456.78,
            "currency": "EUR",
            "timestamp": "2018-04-01T00:02:11.500000Z",
        },
        {
            "transaction_id": "2",
            "card_id": "2",
            "amount": 146.0,
            "currency": "EUR",
            "timestamp": "1970-01-01T00:00:00Z",
            "merchant_id": "7",
        },
    ]
    assert batch.keys == [b"596", b"4961", b"2"]
    assert batch.labels == [None, "2", "fraud"]
    assert batch.transaction_ids == ["0", "1", "2"]
    assert count_rows(path) == 3
    for value in batch.values:
        msgspec.json.decode(value, type=Transaction)


def test_batch_size_changes_no_byte(tmp_path: Path) -> None:
    path = handbook(tmp_path / "h.parquet")
    whole = only_batch(path, HANDBOOK)
    single = list(read_batches(path, HANDBOOK, batch_size=1))
    assert [batch.values[0] for batch in single] == whole.values
    assert [batch.labels for batch in single] == [[label] for label in whole.labels or []]


def test_parquet_types_that_other_programs_write_are_understood(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "t.parquet",
        {
            # A column of integers with a gap is float64 in pandas.
            "transaction_id": pa.array([596.0, 597.0]),
            "card_id": pa.array(["a", "b"]).dictionary_encode(),
            "amount": pa.array([Decimal("12.50"), Decimal("0.10")]),
            "currency": pa.array(["EUR", "USD"], pa.large_string()),
            "timestamp": pa.array(
                [datetime(2018, 4, 1, 12, tzinfo=UTC), datetime(2018, 1, 1, 12, tzinfo=UTC)],
                pa.timestamp("ns", "Europe/Paris"),
            ),
            "mcc": pa.array([742, 5411], pa.int16()),
            "latitude": pa.array([0.1 + 0.2, float("nan")]),
            "country": pa.array(["", "FR"]),
        },
    )
    batch = only_batch(path)
    assert objects(batch) == [
        {
            "transaction_id": "596",
            "card_id": "a",
            "amount": 12.5,
            "currency": "EUR",
            "timestamp": "2018-04-01T14:00:00+02:00",
            "mcc": "0742",
            "latitude": 0.3,
        },
        {
            "transaction_id": "597",
            "card_id": "b",
            "amount": 0.1,
            "currency": "USD",
            "timestamp": "2018-01-01T13:00:00+01:00",
            "mcc": "5411",
            "country": "FR",
        },
    ]
    assert batch.labels is None
    assert batch.transaction_ids == ["596", "597"]


def test_parquet_dates_and_text_timestamps_are_taken_as_utc(tmp_path: Path) -> None:
    rest = {"transaction_id": ["1"], "card_id": ["c"], "amount": [1], "currency": ["EUR"]}
    for column, expected in (
        ([date(2018, 4, 1)], "2018-04-01T00:00:00Z"),
        (["2018-04-01 10:11:12"], "2018-04-01T10:11:12Z"),
        (["2018-04-01T10:11:12+02:00"], "2018-04-01T10:11:12+02:00"),
    ):
        path = parquet(tmp_path / "t.parquet", {**rest, "timestamp": column})
        assert objects(only_batch(path))[0]["timestamp"] == expected


CSV_HEADER = "transaction_id,card_id,amount,currency,timestamp,merchant_id,latitude,label\n"


def test_csv_rows_become_transactions_and_empty_optional_cells_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "\ufeff" + CSV_HEADER + "1,c1,27.36,EUR,2018-04-01 00:00,,,0\n"
        '\n2,"c,2",5,EUR,2018-04-01T00:00:31+02:00,m,48.85,1\n'
    )
    batch = only_batch(path)
    assert objects(batch) == [
        {
            "transaction_id": "1",
            "card_id": "c1",
            "amount": 27.36,
            "currency": "EUR",
            "timestamp": "2018-04-01T00:00:00Z",
        },
        {
            "transaction_id": "2",
            "card_id": "c,2",
            "amount": 5.0,
            "currency": "EUR",
            "timestamp": "2018-04-01T00:00:31+02:00",
            "merchant_id": "m",
            "latitude": 48.85,
        },
    ]
    assert (batch.keys, batch.labels) == ([b"c1", b"c,2"], [None, "fraud"])
    assert count_rows(path) == 2


def test_a_csv_row_of_the_wrong_length_passes_as_text_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    good = "1,c1,5,EUR,2018-04-01T00:00:31Z,m,,1\n"
    # The unquoted thousands separator would otherwise pass as an amount of 1.
    path.write_text(CSV_HEADER + good + "2,c2,1,234.50,EUR,2018-04-01T00:00:31Z,m,,1\n" + good)
    batch = only_batch(path)
    assert batch.values[1] == b"2,c2,1,234.50,EUR,2018-04-01T00:00:31Z,m,,1"
    assert batch.keys == [b"c1", None, b"c1"]
    assert batch.labels == ["fraud", None, "fraud"]
    assert batch.transaction_ids == ["1", "", "1"]


def test_json_lines_without_labels_say_so(tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text('{"card_id": "c"}\n')
    assert only_batch(path).labels is None


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = handbook(tmp_path / "h.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'streamer-fraud\[embedded\]'"):
        list(read_batches(path))


@pytest.mark.parametrize(
    ("maps", "defaults", "message"),
    [
        (["card=x"], [], "must name one of the fields transaction_id, .*, got card; did you mean"),
        (["card_id"], [], "--map must be FIELD=COLUMN, got card_id"),
        (["card_id=a", "card_id=b"], [], "must name a field once, got card_id twice"),
        ([], ["currency=EURO"], "--default of currency must be as in the contract, got EURO"),
        ([], ["amount=-1"], "--default of amount must be as in the contract, got -1"),
    ],
)
def test_a_wrong_mapping_is_a_readable_error(
    maps: list[str], defaults: list[str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        declared(maps, defaults)


@pytest.mark.parametrize(
    ("unit", "second"),
    [
        ("day", "2020-01-03T12:00:00Z"),
        ("hour", "2020-01-01T02:30:00Z"),
        ("second", "2020-01-01T00:00:02.500000Z"),
    ],
)
def test_step_numbers_become_instants_after_2020_in_every_format(
    unit: Any, second: str, tmp_path: Path
) -> None:
    """2.5 steps of the unit; the file has no ids, so rows are numbered on through the batches."""
    table = {"card_id": ["a", "b", "c"], "amount": [1.0, 2.0, 3.0], "timestamp": [0.0, 2.5, 4.0]}
    as_parquet = parquet(tmp_path / "s.parquet", table)
    as_csv = tmp_path / "s.csv"
    as_csv.write_text("card_id,amount,timestamp\na,1,0\nb,2,2.5\nc,3,4\n")
    as_lines = tmp_path / "s.jsonl"
    as_lines.write_text(
        "\n".join(
            f'{{"card_id": "{c}", "amount": {x}, "timestamp": {t}}}'
            for c, x, t in zip(*table.values(), strict=True)
        )
    )
    mapping = declared([], ["currency=EUR"], unit)
    for path in (as_parquet, as_csv, as_lines):
        rows = [row for batch in read_batches(path, mapping, 2) for row in objects(batch)]
        assert [row["transaction_id"] for row in rows] == ["row-0", "row-1", "row-2"]
        assert rows[0]["timestamp"] == "2020-01-01T00:00:00Z"
        assert rows[1]["timestamp"] == second


@pytest.mark.parametrize("amount", ["nan", "inf", "1_000", "1,234", "EUR", ""])
def test_a_cell_that_is_no_amount_is_refused_in_its_place(tmp_path: Path, amount: str) -> None:
    """``1,234`` alone may be twelve hundred or one and a quarter: nobody guesses."""
    path = tmp_path / "t.csv"
    path.write_text(CSV_HEADER + f'1,c1,"{amount}",EUR,2018-04-01T00:00:31Z,,,0\n')
    batch = only_batch(path)
    assert batch.origin is not None
    (refused,) = batch.origin.refused.values()
    assert isinstance(refused, Refused)
    assert refused.path == "$.amount"
    assert plain_transaction(batch.values[0]) is None


def test_json_lines_in_the_contract_pass_byte_for_byte_and_bad_lines_keep_their_place(
    tmp_path: Path,
) -> None:
    """An unknown field stays in a line that needs nothing done; what is no payment stays as it is."""
    path = tmp_path / "t.jsonl"
    rest = b'"amount": 1.5, "currency": "EUR", "timestamp": "2018-04-01T00:00:31Z"'
    lines = [
        b' {"transaction_id": "1",  "card_id":"c1", "x": {}, "label": 0, ' + rest + b"}",
        b"not json",
        b'{"card_id": "\xff"}',
        b"[1, 2]",
        b'{"transaction_id": "7", "card_id": "c2", "label": 1, "fraud_pattern": "p", '
        + rest
        + b"}",
        b"[" * 100_000,
    ]
    path.write_bytes(b"\n".join(lines[:2]) + b"\r\n\n  \n" + b"\n".join(lines[2:]))
    batch = only_batch(path)
    assert batch.values == [*lines[:3], b"[1, 2]", b"[1, 2]", *lines[4:]]
    assert batch.keys == [b"c1", None, None, None, None, b"c2", None]
    assert batch.labels == [None, None, None, None, None, "p", None]
    assert count_rows(path) == 6
    assert batch.origin is not None
    assert batch.origin.chunk.lines == [1, 2, 5, 6, 7, 8]


def test_json_lines_without_a_mapping_read_as_those_with_one(tmp_path: Path) -> None:
    """The same rows under the contract's names and under others give the same transactions."""
    row = {
        "transaction_id": 9,
        "card_id": 5,
        "merchant_id": 7,
        "amount": 1.5,
        "currency": "EUR",
        "timestamp": "2018-04-01 00:00:31",
    }
    plain, mapped = tmp_path / "p.jsonl", tmp_path / "m.jsonl"
    plain.write_bytes(msgspec.json.encode(row))
    other = {"customer_id": row.pop("card_id"), "terminal_id": row.pop("merchant_id"), **row}
    mapped.write_bytes(msgspec.json.encode(other))
    assert only_batch(plain).values == only_batch(mapped, HANDBOOK).values
    assert objects(only_batch(plain))[0]["timestamp"] == "2018-04-01T00:00:31Z"


@pytest.mark.parametrize("name", ["t.txt", "t.pkl.gz", "t"])
def test_an_unknown_suffix_is_an_error_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_batches(Path(name))
    assert str(caught.value).startswith(
        "file name must end in one of .jsonl, .ndjson, .json, .csv, .tsv, .parquet, got "
    )


def test_missing_and_broken_files_are_readable_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="input file must exist"):
        read_batches(tmp_path / "none.csv")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ConfigurationError, match="must be a readable Parquet file"):
        list(read_batches(tmp_path / "b.parquet"))


@pytest.mark.parametrize("name", ["e.csv", "e.jsonl", "e.json"])
def test_an_empty_file_holds_nothing_to_score(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(NothingToScoreError, match=f"{name} must hold payments, got nothing"):
        list(read_batches(tmp_path / name))


def test_a_column_that_the_file_lacks_is_an_error_that_lists_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("transaction_id,customer,sum,currency,timestamp\n1,c,2,EUR,x\n")
    with pytest.raises(ConfigurationError) as caught:
        list(read_batches(path, declared(["amount=sun"])))
    assert str(caught.value) == (
        "column for amount must be in the file, got sun; did you mean sum?; "
        "t.csv has the columns transaction_id, customer, sum, currency, timestamp"
    )
    with pytest.raises(ConfigurationError, match="amount must come from a column or a default"):
        list(read_batches(path))


def test_a_known_layout_is_named_when_columns_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("step,amount,nameOrig,nameDest,isFraud\n1,5,C1,M1,0\n")
    with pytest.raises(ConfigurationError, match="--intake paysim"):
        list(read_batches(path))


def test_a_default_fills_gaps_of_a_column_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        CSV_HEADER + "1,c,5,,2018-04-01T00:00:31Z,,,0\n2,c,5,USD,2018-04-01T00:00:31Z,,,0\n"
    )
    batch = only_batch(path, declared([], ["currency=EUR", "latitude=48.5"]))
    assert [(row["currency"], row["latitude"]) for row in objects(batch)] == [
        ("EUR", 48.5),
        ("USD", 48.5),
    ]


def test_a_step_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("card_id,amount,timestamp\na,1,soon\nb,2,1e300\nc,3,7\n")
    batch = only_batch(path, declared([], ["currency=EUR"], "day"))
    assert batch.origin is not None
    assert sorted(batch.origin.refused) == [0, 1]
    assert objects(FileBatch(batch.values[2:], [], None, []))[0]["timestamp"] == (
        "2020-01-08T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("unit", "count"),
    [("epoch-s", "1325376018"), ("epoch-ms", "1325376018000"), ("epoch-us", "1325376018000000")],
)
def test_epoch_units_lead_to_the_right_year(unit: Any, count: str, tmp_path: Path) -> None:
    """1325376018 s after 1970 is 18 s into 2012."""
    path = tmp_path / "s.csv"
    path.write_text(f"card_id,amount,timestamp\na,1,{count}\n")
    (row,) = objects(only_batch(path, declared(time_unit=unit)))
    assert row["timestamp"] == "2012-01-01T00:00:18Z"


def test_categories_with_names_get_the_same_code_in_every_batch_and_format(tmp_path: Path) -> None:
    """Numbered from 9000 in order of appearance; numbers stay, and nothing stays out."""
    names = ["es_food", "5411", "es_home", "es_food", "742", ""]
    base = {"card_id": ["a"] * 6, "amount": [1.0] * 6, "timestamp": [float(i) for i in range(6)]}
    as_parquet = parquet(tmp_path / "c.parquet", base | {"kind": names})
    as_csv = tmp_path / "c.csv"
    as_csv.write_text(
        "card_id,amount,timestamp,kind\n" + "".join(f"a,1,{i},{x}\n" for i, x in enumerate(names))
    )
    for path in (as_parquet, as_csv):
        file = PaymentFile.of(path, declared(["mcc=kind"], ["currency=EUR"], "day"))
        rows = [row for batch in file.batches(2) for row in objects(batch)]
        codes = [row.get("mcc") for row in rows]
        assert codes == ["9000", "5411", "9001", "9000", "0742", None]
        assert any("2 categories" in note for note in file.notes)


def test_more_names_of_categories_than_codes_is_an_error() -> None:
    substitutes = Substitutes()
    for i in range(1_000):
        substitutes.code(f"shop-{i}")
    with pytest.raises(ConfigurationError, match="at most 1,000 different names, got another: x"):
        substitutes.code("x")


def test_a_preset_and_short_forms_are_one_declaration(tmp_path: Path) -> None:
    """The file's own names for two columns, all else as PaySim has it."""
    path = tmp_path / "t.csv"
    path.write_text("hour,amount,from,nameDest,type,isFraud\n2,5,C1,M1,PAYMENT,1\n")
    declaration = declared(["timestamp=hour", "card_id=from"], ["currency=EUR"], None, "paysim")
    batch = only_batch(path, declaration)
    assert objects(batch) == [
        {
            "transaction_id": "row-0",
            "card_id": "C1",
            "amount": 5.0,
            "currency": "EUR",
            "timestamp": "2020-01-01T02:00:00Z",
            "merchant_id": "M1",
            "channel": "PAYMENT",
        }
    ]
    assert batch.labels == ["fraud"]


def test_a_declaration_of_ones_own_is_read_from_toml(tmp_path: Path) -> None:
    path, toml = tmp_path / "t.csv", tmp_path / "own.toml"
    path.write_text("id;who;what;when\n1;c;$1,234.50;28.11.2026 05:58\n")
    toml.write_text(
        'transaction_id = "id"\ncard_id = "who"\ncurrency = { constant = "USD" }\n'
        '[amount]\npath = "what"\ndecimal = "."\nthousands = ","\n'
        '[timestamp]\npath = "when"\nformat = "dmy"\nzone = "Europe/Vienna"\n'
    )
    (row,) = objects(only_batch(path, declared(intake=str(toml))))
    assert (row["amount"], row["timestamp"]) == (1234.5, "2026-11-28T05:58:00+01:00")
    with pytest.raises(ConfigurationError, match="must be a preset or a TOML file"):
        declared(intake=str(tmp_path / "none.toml"))
    with pytest.raises(ConfigurationError, match="preset must be one of"):
        declared(intake="nobody")
