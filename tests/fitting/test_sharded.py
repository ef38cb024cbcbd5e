"""A fit in shards: what it depends on, and what it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import run
from tests.fitting.helpers import three_kinds

SETTINGS = {"warmup_transactions": "600", "alert_budget": "0.02", "n_clusters": "3"}
N = 4_000


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Payments, one of them sent twice, and a row that is none."""
    path = three_kinds(tmp_path_factory.mktemp("sharded") / "kinds.jsonl", N)
    rows = path.read_text().splitlines(keepends=True)
    return [*rows[:2_000], "hello\n", rows[1_999], *rows[2_000:]]


def version_of(folder: Path, lines: list[str], *places: int, shards: int) -> str:
    """Return the id of what is fitted to ``lines``, which lie in files that are cut at ``places``."""
    paths = []
    for first, beyond in zip((0, *places), (*places, len(lines)), strict=True):
        paths.append(folder / f"{first}.jsonl")
        paths[-1].write_text("".join(lines[first:beyond]))
    result = run(
        "fit", *map(str, paths), "--out", str(folder / "m"), "--k", "3", "--json",
        "--shards", str(shards), **SETTINGS,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["transactions_seen"], told["dead_lettered"]) == (N, 1)
    return str(told["version"])


def test_a_version_does_not_depend_on_the_files_and_does_on_the_shards(
    lines: list[str], tmp_path: Path
) -> None:
    three = version_of(tmp_path, lines, shards=3)
    assert version_of(tmp_path, lines, 700, 2_001, shards=3) == three
    one = version_of(tmp_path, lines, shards=1)
    assert version_of(tmp_path, lines, 1, 3_000, shards=1) == one
    assert version_of(tmp_path, lines, shards=2) not in (one, three)


def test_a_version_of_shards_is_rebuilt_with_as_many(lines: list[str], tmp_path: Path) -> None:
    version = version_of(tmp_path, lines, 2_500, shards=2)
    files = [str(tmp_path / name) for name in ("0.jsonl", "2500.jsonl")]
    result = run("model", "verify", str(tmp_path / "m"), *files, **SETTINGS)
    assert (result.exit_code, result.stderr) == (
        0,
        f"{version} comes out of {', '.join(files)} again\n",
    )


def test_a_note_names_its_file(lines: list[str], tmp_path: Path) -> None:
    version_of(tmp_path, lines, 2_000, shards=2)
    files = [str(tmp_path / name) for name in ("0.jsonl", "2000.jsonl")]
    arguments = ("--out", str(tmp_path / "m"), "--k", "3", "--shards", "2", "--json")
    told = json.loads(run("fit", *files, *arguments, **SETTINGS).stdout)
    (note,) = [each for each in told["notes"] if "refused" in each]
    assert note.startswith("2000.jsonl: refused, counting nowhere: 1 row")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rejects", "out.jsonl"), "--rejects must not be given with --ray or --shards"),
        (("--ray", "payments.jsonl"), "--ray must be an address of the form host:port"),
    ],
)
def test_what_cannot_be_done_in_shards_is_one_line_and_2(
    arguments: tuple[str, ...], said: str, lines: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "payments.jsonl"
    path.write_text("".join(lines[:10]))
    result = run("fit", str(path), "--out", str(tmp_path / "m"), "--shards", "2", *arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert not (tmp_path / "m").exists()


def test_files_without_a_payment_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text("hello\n" * 3)
    result = run("fit", str(path), "--out", str(tmp_path / "m"), "--shards", "2", **SETTINGS)
    assert result.exit_code == 1
    assert "must hold payments, got none in 3 rows" in result.stderr
