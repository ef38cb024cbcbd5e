"""CSV as programs and spreadsheets write it: separators, quotes, encodings, decimal signs."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from streamer.errors import ConfigurationError
from tests.datafiles.helpers import payments_of, report_of

HEADER = ["transaction_id", "card_id", "amount", "currency", "timestamp", "merchant_id"]
ROWS = [
    ["t1", "c1", "12.50", "EUR", "2026-11-28T05:58:00Z", "Café"],
    ["t2", "c2", "1234.00", "EUR", "2026-11-28T05:59:00Z", "b"],
]


def written(path: Path, separator: str = ",", quote: str = "", end: str = "\n") -> str:
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in cells) for cells in [HEADER, *ROWS]]
    path.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_quote_and_line_end_gives_the_same_payments(
    separator: str, quote: str, end: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    written(path, separator, quote, end)
    found = [(p.card_id, p.amount, p.merchant_id) for p in payments_of(path)]
    assert found == [("c1", 12.5, "Café"), ("c2", 1234.0, "b")]


@pytest.mark.parametrize(
    ("encoding", "mark", "said"),
    [
        ("utf-8", b"", ""),
        ("utf-8", codecs.BOM_UTF8, ""),
        ("utf-16-le", codecs.BOM_UTF16_LE, ""),
        ("utf-16-be", codecs.BOM_UTF16_BE, ""),
        ("cp1252", b"", "t.csv is not UTF-8 and was read as Windows-1252"),
    ],
)
def test_encodings_are_found_and_a_guess_is_said(
    encoding: str, mark: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(mark + written(tmp_path / "u.csv").encode(encoding))
    assert payments_of(path)[0].merchant_id == "Café"
    assert [note for note in report_of(path).notes if "UTF-8" in note] == ([said] if said else [])


def test_a_broken_byte_in_a_utf8_file_spoils_its_own_cell_only(tmp_path: Path) -> None:
    """The é of the first row is valid UTF-8, so that the file is; the second row's is not."""
    path = tmp_path / "t.csv"
    path.write_bytes(written(tmp_path / "u.csv").encode().replace(b",b\n", b",b\xe9\n"))
    assert [p.merchant_id for p in payments_of(path)] == ["Café", "b\\xe9"]


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        (["12,50", "1.234,00"], [12.5, 1234.0]),
        (["1.234,56", "42,50"], [1234.56, 42.5]),
        (["12,5", "7"], [12.5, 7.0]),
        (["0,125", "1 234,5"], [0.125, 1234.5]),
        (["12.50", "1,234.00"], [12.5, 1234.0]),
        (["1,234,567.89", "3"], [1234567.89, 3.0]),
        (["1'234.50", "2.25"], None),
    ],
)
def test_the_decimal_sign_is_the_one_that_leaves_no_other_reading(
    cells: list[str], amounts: list[float] | None, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    lines = [";".join(HEADER)]
    lines += [";".join([*row[:2], cell, *row[3:]]) for row, cell in zip(ROWS, cells, strict=True)]
    path.write_text("\n".join(lines))
    if amounts is None:
        # A sign that no rule here knows is refused, and the declaration can name it.
        (refused,) = report_of(path).refused
        assert (refused["column"], refused["rows"]) == ("amount", [1])
    else:
        assert [p.amount for p in payments_of(path)] == amounts


def test_coordinates_with_a_decimal_comma_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "card_id;amount;timestamp;latitude;longitude\nc;3,50;2026-11-28T05:58:00Z;48,2082;16,3738\n"
    )
    (payment,) = payments_of(path)
    assert (payment.latitude, payment.longitude) == (48.2082, 16.3738)


def test_a_quoted_line_break_and_separator_are_part_of_a_value(tmp_path: Path) -> None:
    """The third row begins on line 4, since the second takes two lines; its amount is none."""
    path = tmp_path / "t.csv"
    path.write_text(
        "card_id,amount,timestamp,merchant_id\n"
        'c1,3.50,2026-11-28T05:58:00Z,"a,\nb ""x"""\n'
        "c2,much,2026-11-28T05:58:00Z,m\n"
    )
    report = report_of(path)
    (refused,) = report.refused
    assert (refused["rows"], refused["lines"], refused["column"]) == ([2], [4], "amount")
    path.write_text(path.read_text().replace("much", "4"))
    assert [p.merchant_id for p in payments_of(path)] == ['a,\nb "x"', "m"]


def test_a_row_of_the_wrong_length_is_refused_by_number_and_never_shifted(tmp_path: Path) -> None:
    """The unquoted thousands separator would otherwise pass as an amount of 1."""
    path = tmp_path / "t.csv"
    good = "1,c1,5,EUR,2026-11-28T05:58:00Z\n"
    path.write_text(
        "transaction_id,card_id,amount,currency,timestamp\n"
        f"{good}2,c2,1,234.50,EUR,2026-11-28T05:58:00Z\n{good}3,c3\n"
    )
    report = report_of(path)
    assert report.n_usable == 2
    assert [(r["reason"], r["rows"], r["lines"]) for r in report.refused] == [
        ("wrong_number_of_cells", [2, 4], [3, 5])
    ]
    assert "must have 5 cells, got 6" in report.refused[0]["detail"]


def test_empty_cells_beyond_the_header_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\ncard_id;amount;timestamp\n\nc1;5;2026-11-28T05:58:00Z;;\n\n")
    (payment,) = payments_of(path)
    assert payment.amount == 5.0


def test_an_unclosed_quote_takes_its_own_row_and_says_how_far_it_reached(tmp_path: Path) -> None:
    """The three rows behind it are read."""
    path = tmp_path / "t.csv"
    row = "c1,5,2026-11-28T05:58:00Z\n"
    path.write_text("card_id,amount,timestamp\n" + row + '"c2,5,x\n' + row * 3)
    report = report_of(path)
    (refused,) = report.refused
    assert (refused["rows"], refused["lines"], report.n_usable) == ([2], [3], 4)
    assert "a quote that is opened in it spans 4 lines" in refused["detail"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_columns_of_one_name_are_refused_by_name(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(separator.join(["card_id", "amount", "timestamp", "amount", "x"]) + "\n")
    with pytest.raises(ConfigurationError, match=r"got amount more than once in t\.csv"):
        report_of(path)


def test_a_column_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('Who?,"Sum [EUR]",a.b\nc1,5,2026-11-28T05:58:00Z\n')
    (payment,) = payments_of(path, "card_id=Who?", "amount=Sum [EUR]", "timestamp=a.b")
    assert (payment.card_id, payment.amount) == ("c1", 5.0)
