"""What the commands say of a file: refused rows by number, exit codes, and the same for all of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.cli import main
from streamer.datafiles import write_rows
from tests.cli.test_commands import run

HEADER = "transaction_id,card_id,amount,currency,timestamp,label\n"
GOOD = "t{0},c{0},12.5,EUR,2026-01-05T05:58:00Z,0\n"


def replayed(path: Path, *options: str) -> dict[str, object]:
    result = run("replay", str(path), "--json", *options)
    assert result.exit_code == 0, result.stderr
    summary: dict[str, object] = json.loads(result.stdout)
    return summary


def test_refused_rows_are_in_the_summary_in_json_and_in_the_file_of_rejects(tmp_path: Path) -> None:
    """Rows count from 1 without the header, lines with it; the fifth row is from the future."""
    path, rejects = tmp_path / "t.csv", tmp_path / "rejects.jsonl"
    path.write_text(
        HEADER
        + GOOD.format(1)
        + "t2,c2,much,EUR,2026-01-05T05:58:00Z,0\n"
        + GOOD.format(3)
        + "t4,c4,1,234.50,EUR,2026-01-05T05:58:00Z,0\n"
        + "t5,c5,5,EUR,2090-01-05T05:58:00Z,0\n"
    )
    summary = replayed(path, "--rejects", str(rejects))
    assert (summary["scored"], summary["dead_lettered"], summary["sound"]) == (2, 3, True)
    refused = summary["refused"]
    assert isinstance(refused, list)
    assert {(r["reason"], r["column"], *r["rows"], *r["lines"]) for r in refused} == {
        ("wrong_format", "amount", 2, 3),
        ("wrong_number_of_cells", None, 4, 5),
        ("timestamp_in_future", "timestamp", 5, 6),
    }
    entries = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [entry["row"] for entry in entries] == [2, 4, 5]
    assert entries[0]["column"] == "amount"
    assert entries[0]["raw"] == "t2,c2,much,EUR,2026-01-05T05:58:00Z,0"
    assert entries[2]["detail"].startswith("timestamp must be at most")
    shown = " ".join(run("replay", str(path)).stdout.split())
    assert "(row 4)" in shown
    assert "wrong_number_of_cells" in shown
    # On the screen no value is shown: it could be a card's number.
    assert "much" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay"],
        ["evaluate", "--protocol", "prequential"],
        ["fit", "--out", "m.safetensors"],
        ["demo", "--input"],
    ],
)
def test_a_file_in_which_nothing_can_be_scored_ends_with_one_line_and_1(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "t.csv"
    contents = [HEADER] if arguments[0] == "demo" else [HEADER, HEADER + "t,c,much,EUR,x,0\n"]
    for content in contents:
        path.write_text(content)
        command, *rest = arguments
        options = rest if command == "demo" else [str(path), *rest]
        result = run(command, *options, *([str(path)] if command == "demo" else []))
        assert result.exit_code == 1
        *begun, line = result.stderr.splitlines()
        assert line.startswith("streamer: t.csv must hold payments, got ")
        assert all(each.startswith("t.csv: ") for each in begun)


def test_standard_input_and_a_compressed_file_replay_as_the_plain_one(tmp_path: Path) -> None:
    path, packed = tmp_path / "t.csv", tmp_path / "t.csv.gz"
    path.write_text(HEADER + "".join(GOOD.format(i) for i in range(20)))
    packed.write_bytes(gzip.compress(path.read_bytes()))
    piped = CliRunner().invoke(
        main, ["replay", "-", "--format", "csv", "--json"], input=path.read_bytes()
    )
    assert piped.exit_code == 0, piped.stderr
    summaries = [replayed(path), replayed(packed), json.loads(piped.stdout)]
    assert [s["scored"] for s in summaries] == [20, 20, 20]
    assert [s["ledger"] for s in summaries[1:]] == [summaries[0]["ledger"]] * 2


def test_unlabelled_payments_count_on_no_side(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        GOOD.format(i).replace(",0\n", f",{word}\n") for i, word in enumerate(("NA", "No", "Y"))
    ]
    path.write_text(HEADER + "".join(rows))
    summary = replayed(path)
    assert summary["unlabelled"] == {"sent": 1, "alerted": 0}
    assert summary["normal"] == {"sent": 1, "alerted": 0}
    assert summary["fraud"] == {"injected": 1, "alerted": 0}


def test_a_label_of_a_third_kind_stops_a_command_before_it_scores(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + GOOD.format(1) + GOOD.format(2).replace(",0\n", ",perhaps\n"))
    result = run("replay", str(path), "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'perhaps' in row 2 of t.csv" in result.stderr


def test_an_intake_that_is_not_known_is_one_line_and_2(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + GOOD.format(1))
    for name in ("paysym", "none.toml"):
        result = run("replay", str(path), "--intake", name)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_words_rank_as_numbers_do(tmp_path: Path) -> None:
    """The same payments with 0 and 1, and with No, Yes: one area under the curve."""
    rows = [
        {
            "transaction_id": f"t{i}",
            "card_id": f"c{i % 40}",
            "amount": 900.0 + i % 7 if i % 50 == 0 else 10.0 + i % 13,
            "currency": "EUR",
            "timestamp": f"2026-01-{1 + i // 1440:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00Z",
            "label": int(i % 50 == 0),
        }
        for i in range(3_000)
    ]
    path = tmp_path / "t.csv"
    write_rows(path, [rows])
    words = tmp_path / "w.csv"
    lines = path.read_text().splitlines()
    at = lines[0].split(",").index("label")
    changed = [lines[0]]
    for line in lines[1:]:
        cells = line.split(",")
        cells[at] = {"0": "No", "1": "Yes"}[cells[at]]
        changed.append(",".join(cells))
    words.write_text("\n".join(changed))
    figures = []
    for file in (path, words):
        result = run(
            *("evaluate", str(file), "--protocol", "prequential", "--json"),
            warmup_transactions="300",
            n_clusters="4",
        )
        assert result.exit_code == 0, result.stderr
        figures.append(json.loads(result.stdout)["streamer"]["auc_roc"])
    assert figures[0] == figures[1] > 0.9


def test_the_file_of_rejects_has_no_card_s_number_but_where_they_are_allowed(
    tmp_path: Path,
) -> None:
    """In the row, and where a name or a value of it is told."""
    path, rejects = tmp_path / "t.csv", tmp_path / "rejects.jsonl"
    number = "4929123456781236"
    wide = number.translate({48 + digit: 0xFF10 + digit for digit in range(10)})
    rows = (f"t-1,{number},much,EUR,x,0", f"t-2,c,{number}x,EUR,x,0", f"t-3,c,much,EUR,{wide},0")
    path.write_text(HEADER + "\n".join(rows))
    run("replay", str(path), "--rejects", str(rejects))
    told = rejects.read_text()
    assert len(told.splitlines()) == 3
    assert number not in told
    assert wide not in told
    run("replay", str(path), "--rejects", str(rejects), card_numbers="allow")
    assert number in rejects.read_text()
