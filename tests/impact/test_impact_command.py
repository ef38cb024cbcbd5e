"""`streamer impact` of a file: text, JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

from streamer.datafiles import write_rows
from streamer.simulator import Simulator, SimulatorConfig
from tests.cli.test_commands import run

SETTINGS = {
    "warmup_transactions": "500",
    "n_clusters": "4",
    "alert_budget": "0.02",
    "review_cost": "5",
    "false_alarm_cost": "2",
}


def test_a_file_is_told_in_money_where_currencies_have_values(tmp_path: Path) -> None:
    payments = tmp_path / "payments.parquet"
    write_rows(payments, [Simulator(SimulatorConfig(seed=3)).generate(6_000).rows()])
    mixed = run("impact", str(payments), "--labels", "none", **SETTINGS)
    assert mixed.exit_code == 2
    assert "STREAMER_CURRENCY_VALUES must say what a unit of each currency is worth" in mixed.stderr
    settings = SETTINGS | {"currency_values": "EUR=1"}
    result = run("impact", str(payments), "--labels", "none", "--json", **settings)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    day = {name: each["value"] for name, each in found["per_day"].items()}
    assert found["currency"] == "EUR"
    assert found["unpriced"]
    assert "EUR" not in found["unpriced"]
    assert day["review_cost"] == 5 * found["alerts_per_day"]
    assert day["friction"] == 2 * found["false_alarms_per_day"]
    net = day["saved"] - day["friction"] - day["review_cost"]
    assert abs(day["net"] - net) < 1e-3
    assert found["budgets"][0] == {"alerts_per_day": 0.0, "value": 0.0, "interval": None}
    assert found["best"]["value"] == max(each["value"] for each in found["budgets"])
    text = run("impact", str(payments), "--labels", "none", **settings).stdout
    assert "A day, EUR:" in text
    assert "Left out, without a value in STREAMER_CURRENCY_VALUES:" in text
