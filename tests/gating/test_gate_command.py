"""`streamer gate` over files: a version against itself, and one that must not take over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.datafiles import write_rows
from streamer.model.codec import decode_version, encode_version
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import model_config
from tests.cli.test_commands import run

SETTINGS = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}
POLICY = (
    "min_transactions = 5_000\nmin_payments = 1_000\nmax_worst_5000 = 3.0\nmax_budget_ratio = 1.5\n"
)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Payments, a version fitted to those of before, and a policy."""
    directory = tmp_path_factory.mktemp("gate")
    before, payments = directory / "before.parquet", directory / "payments.parquet"
    simulator = Simulator(SimulatorConfig(seed=3))
    write_rows(before, [simulator.generate(8_000).rows()])
    write_rows(payments, [simulator.generate(12_000).rows()])
    version, policy = directory / "model.safetensors", directory / "gate.toml"
    fitted = run("fit", str(before), "--out", str(version), "--k", "4", **SETTINGS)
    assert fitted.exit_code == 0, fitted.stderr
    policy.write_text(POLICY)
    return payments, version, policy


def gated(past: tuple[Path, Path, Path], version: Path, *more: str) -> tuple[int, dict[str, Any]]:
    payments, base, policy = past
    arguments = ("--payments", str(payments), "--against", str(base), "--policy", str(policy))
    result = run("gate", str(version), *arguments, *more, "--labels", "none", "--json", **SETTINGS)
    assert result.stdout, result.stderr
    return result.exit_code, json.loads(result.stdout)


def test_a_version_passes_against_itself(past: tuple[Path, Path, Path]) -> None:
    """The features are the same to the bit in both ways of reading, and no figure differs."""
    code, told = gated(past, past[1])
    rules = {rule["rule"]: rule for rule in told["rules"]}
    assert (code, told["passed"], told["version"]) == (0, True, told["against"])
    assert rules["drift"]["figure"] == 0.0
    assert rules["overlap"]["figure"] == 1.0
    assert rules["average precision"]["figure"] == 0.0
    assert rules["same features"]["told"].startswith("0 of 12,000 payments")


def test_a_version_that_is_not_finite_or_has_learned_too_little_fails(
    past: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    """Nothing is scored with the former."""
    config = model_config(load_settings({f"STREAMER_{k.upper()}": v for k, v in SETTINGS.items()}))
    sums, header = decode_version(past[1].read_bytes(), config)
    broken = replace(sums, hour_weights=np.full_like(sums.hour_weights, np.nan))
    path = tmp_path / "broken.safetensors"
    path.write_bytes(encode_version(broken, header, config.feature_names))
    code, told = gated(past, path)
    assert (code, told["passed"]) == (1, False)
    (rule,) = told["rules"]
    assert (rule["rule"], rule["outcome"]) == ("finite", "fail")
    assert rule["told"].startswith("NaN or infinity in hour_weights;")
    young = past[2].with_name("strict.toml")
    young.write_text("min_transactions = 8_001\n")
    payments, base, _ = past
    arguments = ("--payments", str(payments), "--against", str(base), "--policy", str(young))
    result = run("gate", str(base), *arguments, "--labels", "none", **SETTINGS)
    assert result.exit_code == 1
    assert "8,000 payments learned from, at least 8,001" in result.stdout
    assert "fails by: learned" in result.stdout


def test_a_version_of_other_settings_is_refused_with_what_differs(
    past: tuple[Path, Path, Path],
) -> None:
    payments, version, _ = past
    arguments = ("gate", str(version), "--payments", str(payments), "--against", str(version))
    result = run(*arguments, **(SETTINGS | {"n_clusters": "5"}))
    assert result.exit_code == 2
    assert "must have 5 clusters (STREAMER_N_CLUSTERS), got 4" in result.stderr
