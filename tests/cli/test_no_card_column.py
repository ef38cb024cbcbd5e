"""A file without a column for the card: said before the run, with the column that may be it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamer.cli import main
from tests.pipeline.helpers import ordinary

WARNED = "customer_id may say whose it is: --map card_id=customer_id"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module", params=["jsonl", "csv"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [dict(row) for row in ordinary(400, seed=1)]
    for row in rows:
        row["customer_id"] = row.pop("card_id")
    path = tmp_path_factory.mktemp("files") / f"bank.{request.param}"
    if request.param == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        names = list(rows[0])
        lines = [",".join(names), *(",".join(str(row[n]) for n in names) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["replay"],
        ["evaluate", "--protocol", "prequential", "--rivals", "none"],
        ["fit", "--out", "m"],
    ],
)
def test_it_is_said_first_and_names_the_column_that_is_suggested(
    command: list[str], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, *_ = run(command[0], str(path), *command[1:]).stderr.splitlines()
    assert first.startswith(
        "streamer: no column for card_id: every payment counts as a card of its own"
    )
    assert first.endswith(WARNED)


def test_a_column_that_the_file_has_not_is_refused_with_the_nearest(path: Path) -> None:
    refused = run("replay", str(path), "--map", "card_id=custmer_id")
    assert refused.exit_code == 2
    assert (
        "for card_id must be in the file, got custmer_id; did you mean customer_id?"
        in refused.stderr
    )


def test_with_the_column_named_nothing_is_said_of_it(path: Path) -> None:
    played = run("replay", str(path), "--map", "card_id=customer_id")
    assert played.exit_code == 0
    assert "no column for card_id" not in played.output
