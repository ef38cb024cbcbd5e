"""`streamer gate` over files, and promotion by it: a version against itself, and bad ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from streamer.datafiles import write_rows
from streamer.embedded import EmbeddedKafka
from streamer.model.codec import decode_version, encode_version, state_id
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import model_config
from tests.cli.test_commands import audited_by, run

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
    assert (rules["disparity"]["outcome"], rules["disparity"]["figure"]) == ("pass", 1.0)
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


def test_a_promotion_needs_a_passed_gate_or_a_reason_and_the_history_keeps_which(
    past: tuple[Path, Path, Path], tmp_path: Path, redis_url: str, kafka: EmbeddedKafka
) -> None:
    """A gate that fails promotes nothing; forced all the same, its failure is in the history too."""
    payments, fitted, policy = past
    own = {"redis_url": redis_url, "namespace": f"gate-{uuid4().hex[:8]}"}
    settings = SETTINGS | own | audited_by(kafka)
    config = model_config(load_settings({f"STREAMER_{k.upper()}": v for k, v in SETTINGS.items()}))
    sums, header = decode_version(fitted.read_bytes(), config)
    sums.revivals += 1
    other, strict = tmp_path / "other.safetensors", tmp_path / "strict.toml"
    other.write_bytes(encode_version(sums, header, config.feature_names))
    strict.write_text("min_transactions = 8_001\nmin_payments = 1_000\n")
    for arguments in (str(fitted), "--promote"), (str(other),):
        assert run("model", "import", *arguments, **settings).exit_code == 0
    wanted = state_id(sums)
    labels = "--payments", str(payments), "--labels", "none"

    def promote(*arguments: str) -> tuple[int, str]:
        result = run("model", "promote", wanted[:10], *arguments, **settings)
        return result.exit_code, result.stderr

    def history() -> list[dict[str, str]]:
        told = json.loads(run("model", "history", "--json", **settings).stdout)
        return [entry for entry in told if entry["reason"] == "promotion"]

    code, said = promote()
    assert code == 2
    assert "--payments FILE` runs the gate" in said
    assert f"promote {wanted[:10]} --force REASON` does without" in said
    code, said = promote(*labels, "--policy", str(strict))
    assert (code, history()) == (1, [])
    assert "fails by: learned" in said
    assert promote(*labels, "--policy", str(policy), "--reason", "k of the year")[0] == 0
    (passed,) = history()
    assert (passed["gate"], passed["why"]) == ("passed", "k of the year")
    assert passed.keys() & {"not_measured", "forced"} == set()
    base = run("model", "rollback", "--reason", "once more", **settings)
    assert base.exit_code == 0
    assert promote(*labels, "--policy", str(strict), "--force", "I know")[0] == 0
    forced, _ = history()
    assert (forced["gate"], forced["forced"]) == ("failed: learned", "I know")
