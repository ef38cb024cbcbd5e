"""`simulate --out` and `replay`: the same payments from every format, and readable mistakes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pytest

from streamer.contract.messages import Alert
from tests.cli.test_commands import run

N = 3_000
SETTINGS = {"warmup_transactions": "300", "n_clusters": "4", "alert_budget": "0.02"}
KEYS = {
    "consumed",
    "scored",
    "dead_lettered",
    "alerts",
    "duplicate_alerts",
    "ledger_imbalance",
    "model_versions",
    "transactions_seen",
    "throughput_per_s",
    "latency_ms",
    "fraud",
    "normal",
    "patterns",
    "alert_budget",
    "ledger",
    "worker_restarts",
    "sent",
    "sound",
}


def _simulated(path: Path) -> Path:
    result = run("simulate", "--rate", "1000", "--duration", "3", "--out", str(path))
    assert result.exit_code == 0, result.stderr
    assert f"{N:,} payments written" in result.stderr
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_simulated_file_replays_to_the_same_result_in_every_format(
    suffix: str, tmp_path: Path
) -> None:
    """All payments scored; the alerts are decodable, as many as the summary says."""
    path, out = _simulated(tmp_path / f"payments.{suffix}"), tmp_path / "alerts.jsonl"
    result = run("replay", str(path), "--json", "--alerts", str(out), **SETTINGS)
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary.keys() >= KEYS
    assert (summary["scored"], summary["dead_lettered"], summary["sound"]) == (N, 0, True)
    alerts = [msgspec.json.decode(line, type=Alert) for line in out.read_bytes().splitlines()]
    assert len(alerts) == summary["alerts"] > 10
    # The same for every format, since the payments are.
    reference = _simulated(tmp_path / "reference.jsonl")
    again = json.loads(run("replay", str(reference), "--json", **SETTINGS).stdout)
    same = ("scored", "alerts", "model_versions", "ledger", "patterns", "normal")
    assert {name: again[name] for name in same} == {name: summary[name] for name in same}


def test_columns_may_have_other_names_and_missing_ones_a_default(tmp_path: Path) -> None:
    """--map and --default make a stranger's file readable."""
    path = tmp_path / "bank.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "customer", "value", "when"])
        for i in range(50):
            out.writerow([f"t-{i}", f"c-{i % 5}", 10 + i, f"2026-01-05T12:00:{i:02d}Z"])
    names = {"transaction_id": "id", "card_id": "customer", "amount": "value", "timestamp": "when"}
    maps = [part for name, column in names.items() for part in ("--map", f"{name}={column}")]
    result = run("replay", str(path), *maps, "--default", "currency=EUR", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["scored"] == 50


def test_a_missing_column_is_one_line_and_2(tmp_path: Path) -> None:
    """The line names the field that has no column."""
    path = tmp_path / "bank.csv"
    path.write_text("transaction_id,amount\nt-1,3\n")
    result = run("replay", str(path))
    assert result.exit_code == 2
    assert all(line.startswith("streamer: ") for line in result.stderr.splitlines())
    assert "timestamp must come from a column" in result.stderr


@pytest.mark.parametrize("command", ["replay", "simulate"])
def test_an_unknown_suffix_is_one_line_and_2(command: str, tmp_path: Path) -> None:
    """The line says which formats there are."""
    path = tmp_path / "payments.xlsx"
    if command == "replay":
        path.write_text("x")
    result = (
        run("replay", str(path)) if command == "replay" else run("simulate", "--out", str(path))
    )
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("streamer: ")
    assert ".parquet" in line
