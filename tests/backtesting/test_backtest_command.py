"""`streamer backtest` end to end on small files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamer.datafiles import write_rows
from streamer.simulator import Simulator, SimulatorConfig
from tests.cli.test_commands import run

SETTINGS = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}
N = 8_000


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backtest") / "payments.parquet"
    write_rows(path, [Simulator(SimulatorConfig(seed=3)).generate(N).rows()])
    return path


def told(path: Path, *arguments: str, **settings: str) -> dict[str, Any]:
    result = run("backtest", str(path), *arguments, "--json", **(SETTINGS | settings))
    assert result.exit_code == 0, result.stderr
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def evaluated(path: Path, **settings: str) -> dict[str, Any]:
    arguments = ("--protocol", "prequential", "--rivals", "none", "--labels", "none", "--json")
    result = run("evaluate", str(path), *arguments, **(SETTINGS | settings))
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)["streamer"]["alerts"]
    return found


def test_either_run_is_the_one_that_evaluate_measures(simulated: Path, tmp_path: Path) -> None:
    """Without a sample or a reserve the alerts are the same, over the same three quarters."""
    page = tmp_path / "report.html"
    plain = {"sample_share": "0", "reserve_share": "0"}
    arguments = ("--labels", "none", "--change", "alert_budget=0.01", "--html", str(page))
    result = told(simulated, *arguments, **plain)
    assert result["changes"] == ["alert_budget 0.02 to 0.01"]
    assert (result["payments"], result["from_row"]) == (N * 3 // 4, N // 4)
    for side, budget in (("base", "0.02"), ("changed", "0.01")):
        alone = evaluated(simulated, alert_budget=budget)
        assert result[side]["alerts"] == alone["n"]
        assert result[side]["precision"] == pytest.approx(alone["precision"], abs=1e-6)
        assert result[side]["recall"] == pytest.approx(alone["recall"], abs=1e-6)
    alerts = {name: counts["n"] for name, counts in result["alerts"].items()}
    assert alerts["kept"] + alerts["lost"] == result["base"]["alerts"]
    assert alerts["kept"] + alerts["gained"] == result["changed"]["alerts"]
    assert alerts["lost"] > 0
    lost = result["examples"]["lost"]
    assert len(lost) == min(10, alerts["lost"])
    assert all(each["sentences"] and each["transaction_id"] for each in lost)
    text = page.read_text()
    assert "data:image/png;base64," in text
    assert lost[0]["transaction_id"] in text


def test_verdicts_teach_either_run_on_its_own_alerts(simulated: Path) -> None:
    arguments = ("--labels", "selective", "--judged-after", "1h", "--change", "alert_budget=0.01")
    result = told(simulated, *arguments)
    assert result["base"]["verdicts"] > result["changed"]["verdicts"] > 0


def test_a_file_without_labels_is_compared_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "payments.jsonl"
    rows = Simulator(SimulatorConfig(seed=3)).generate(2_000).rows()
    write_rows(path, [rows])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line.pop("label", None)
        line.pop("fraud_pattern", None)
    path.write_text("\n".join(map(json.dumps, lines)))
    result = told(path, "--change", "n_clusters=6")
    assert result["labelled"] == 0
    assert result["alerts"]["kept"]["frauds"] is None
    assert result["base"]["confusion"] is None


def test_either_may_begin_with_a_version(simulated: Path, tmp_path: Path) -> None:
    """From a version there is no warm-up: the first payments are scored."""
    version = tmp_path / "model.safetensors"
    fitted = run("fit", str(simulated), "--out", str(version), "--k", "4", **SETTINGS)
    assert fitted.exit_code == 0, fitted.stderr
    arguments = ("--labels", "none", "--from-row", "0", "--against", str(version))
    result = told(simulated, *arguments)
    assert result["changes"] == ["begins with model.safetensors"]
    first = [each["row"] for each in result["examples"]["gained"]]
    assert result["changed"]["alerts"] > 0
    assert first
    wrong = run("backtest", str(simulated), *arguments, **(SETTINGS | {"n_clusters": "5"}))
    assert wrong.exit_code == 2
    assert "model.safetensors must fit the settings" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--change or --against must be given, got neither"),
        (("--change", "alert_budget=2"), "STREAMER_ALERT_BUDGET must be at most 0.2"),
        (("--change", "allert_budget=0.1"), "STREAMER_ALLERT_BUDGET"),
        (("--change", "web_port=7001"), "must alter what scoring depends on"),
        (("--change", "alert_budget=0.02"), "must alter what scoring depends on"),
        (("--change", "earliest_event_year=2020"), "which timestamps are believable"),
        (("--change", "alert_budget"), "must be a setting and its value"),
        (("--change", "n_clusters=6", "--from-row", "8000"), "must be below the file's 8,000 rows"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    simulated: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("backtest", str(simulated), *arguments, **SETTINGS)
    assert result.exit_code == 2
    assert said in result.stderr
