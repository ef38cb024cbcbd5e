"""Every command that takes a file reads it alike: the corpus, by replay, by try and by suggest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamer.cli import main
from streamer.errors import StreamerError
from tests.datafiles.corpus import CASES, ROWS, Case, csv_text
from tests.datafiles.helpers import report_of


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, list(arguments), input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert all(c >= " " or c in "\n\t" for c in result.output)
    return result


def test_the_corpus_is_what_it_says() -> None:
    """Sixty files at least, each of its own name."""
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_read_alike_by_every_command(case: Case, tmp_path: Path) -> None:
    """As many payments and refused rows, the same fields, or the same refusal."""
    path = tmp_path / case.name
    path.write_bytes(case.content)
    tried = run("intake", "try", str(path), "--json")
    suggested = run("intake", "suggest", str(path))
    if case.error:
        with pytest.raises(StreamerError) as caught:
            report_of(path).require_payments()
        assert case.error in str(caught.value)
        assert tried.exit_code in (1, 2)
        assert case.error in tried.stderr or "header" in case.error
        assert suggested.exit_code != 0 or "no-header" in case.name
        return
    report = report_of(path)
    assert (report.n_usable, report.n_refused) == (case.n, case.n_refused), report.notes
    assert not case.note or any(case.note in note for note in report.notes), report.notes
    found = [json.loads(line) for line in tried.stdout.splitlines()]
    outcomes = [one["outcome"] for one in found]
    assert outcomes.count("payment") == case.n, tried.stdout
    assert outcomes.count("dead_letter") == case.n_refused, tried.stdout
    cards = [one["payment"]["card_id"] for one in found if one["payment"]]
    assert set(cards) <= {row["card_id"] for row in ROWS}
    assert tried.exit_code == suggested.exit_code == 0, suggested.stderr
    assert all(c.isprintable() or c == "\n" for c in run("intake", "try", str(path)).output)
    assert not case.note or case.note in tried.stderr
    assert "preset" not in suggested.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_standard_input_is_told_by_its_content(case: Case, tmp_path: Path) -> None:
    """Where the content alone is enough to tell, `-` is as good as a name."""
    tried = run("intake", "try", "-", "--json", stdin=case.content)
    if case.error:
        assert tried.exit_code in (1, 2)
    else:
        outcomes = [json.loads(line)["outcome"] for line in tried.stdout.splitlines()]
        assert outcomes.count("payment") == case.n


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_id_that_is_a_word_for_nothing_is_refused_by_every_command(
    suffix: str, tmp_path: Path
) -> None:
    """All such cards would be one; a number that a spreadsheet has rounded is one of many, too."""
    cards = ["null", "N/A", "", "   ", "card-1", "4.92912E+15" if suffix == "csv" else "nan"]
    rows = [{**ROWS[0], "transaction_id": f"t{i}", "card_id": c} for i, c in enumerate(cards)]
    lines = [json.dumps(row | {"amount": float(row["amount"])}) for row in rows]
    if suffix == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path = tmp_path / f"t.{suffix}"
    path.write_text("\n".join(lines))
    report = report_of(path)
    assert (report.n_usable, report.n_refused) == (1, 5)
    tried = run("intake", "try", str(path), "--json")
    found = [json.loads(line) for line in tried.stdout.splitlines()]
    paid = [one["payment"]["card_id"] for one in found if one["payment"]]
    assert (len(found), paid) == (6, ["card-1"])
    assert {one["path"] for one in found if one["outcome"] == "dead_letter"} == {"$.card_id"}


def test_a_directory_is_tried_as_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_text())
    (tmp_path / "b.csv").write_text(csv_text(";"))
    tried = run("intake", "try", str(tmp_path), "--json")
    assert [json.loads(line)["message"] for line in tried.stdout.splitlines()] == [
        f"row-{i}" for i in range(1, 9)
    ]
    assert run("intake", "suggest", str(tmp_path)).exit_code == 0


def test_columns_of_a_file_without_a_header_are_declared_by_number(tmp_path: Path) -> None:
    """The suggestion says which may be which, and repeats no number of a card."""
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{i},49291234567812{i:02d},12.0{i},2026-01-05\n" for i in range(4)))
    suggested = run("intake", "suggest", str(path))
    assert '# column-2: 16 digits; card_id = "column-2"?' in suggested.stdout
    assert '# column-3: fractions; amount = "column-3"?' in suggested.stdout
    assert "4929" not in suggested.output
    names = ("card_id=column-2", "amount=column-3", "timestamp=column-4")
    # One of the four has the check digit of a card's number, and is refused as that.
    assert report_of(path, *names).n_usable == 3
    words = tmp_path / "w.csv"
    words.write_text("c1,ten,monday\nc2,5,2026-01-05\n")
    declared = ("card_id=column-1", "amount=column-2", "timestamp=column-3")
    report = report_of(words, *declared)
    assert (report.n_usable, report.n_refused) == (1, 1)


def test_nothing_goes_to_a_file_that_nobody_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(csv_text())
    run("intake", "try", str(path))
    assert [found.name for found in tmp_path.iterdir()] == ["t.csv"]
