"""What `model push` and `pull` refuse before MLflow is asked, and what they say without MLflow."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.offline.offline_partition import OfflinePartition
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from tests.builders import batch
from tests.cli.test_commands import run
from tests.stream.harness import payments

SETTINGS = {"n_clusters": "4", "warmup_transactions": "300"}
URI = "http://127.0.0.1:9"

pytestmark = pytest.mark.skipif(
    find_spec("mlflow") is not None, reason="MLflow is here: tests/integrations/mlflow asks it"
)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of a version, and the version's id."""
    env = {f"STREAMER_{name.upper()}": value for name, value in SETTINGS.items()}
    config = pipeline_config(load_settings(env))
    partition = OfflinePartition(config, 600, 600, 6_000)
    for _ in partition.run(batch([value or b"" for _, value in payments(600)]), now_ms=0):
        pass
    header = VersionHeader("", "2026-01-05T12:00:00Z", "fit", config.model.hash)
    path = tmp_path_factory.mktemp("pushed") / "version.safetensors"
    path.write_bytes(encode_version(partition.sums, header, config.model.feature_names))
    return path, state_id(partition.sums)


def complaint(*arguments: str, **changes: str) -> str:
    result = run("model", *arguments, "--mlflow", URI, **SETTINGS | changes)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return str(line)


def gate_of(folder: Path, version: str, *, passed: bool) -> Path:
    path = folder / "gate.json"
    rules = [{"rule": "max_psi", "outcome": "passed" if passed else "failed"}]
    path.write_text(json.dumps({"version": version, "passed": passed, "rules": rules}))
    return path


def test_a_version_of_another_configuration_is_not_pushed(pushed: tuple[Path, str]) -> None:
    path, version = pushed
    assert "must have 5 clusters" in complaint("push", str(path), n_clusters="5")
    told = complaint("push", str(path), half_life_transactions="12345")
    assert f"{version[:12]} must be scored by the configuration" in told


def test_a_gate_result_must_be_what_the_gate_prints(
    pushed: tuple[Path, str], tmp_path: Path
) -> None:
    path, _ = pushed
    (text := tmp_path / "gate.json").write_text("passed")
    told = complaint("push", str(path), "--gate-result", str(text))
    assert f"{text} must be what `streamer gate --json` prints" in told


def test_a_gate_result_must_be_about_the_version(pushed: tuple[Path, str], tmp_path: Path) -> None:
    path, version = pushed
    other = gate_of(tmp_path, "f" * 64, passed=True)
    told = complaint("push", str(path), "--gate-result", str(other))
    assert f"must be about {version[:12]}, got the gate of ffffffffffff" in told


def test_what_failed_the_gate_is_no_champion_but_may_be_a_challenger(
    pushed: tuple[Path, str], tmp_path: Path
) -> None:
    path, version = pushed
    failed = "--gate-result", str(gate_of(tmp_path, version, passed=False))
    told = complaint("push", str(path), *failed, "--alias", "champion")
    assert "a champion must have passed the gate" in told
    assert "pip install" in complaint("push", str(path), *failed, "--alias", "challenger")


def test_without_mlflow_it_is_said_how_to_get_it(pushed: tuple[Path, str]) -> None:
    path, _ = pushed
    wanted = (
        "this command needs mlflow-skinny; install it with: pip install 'streamer-fraud[mlflow]'"
    )
    assert wanted in complaint("push", str(path))
    assert wanted in complaint("pull", "streamer@champion")


def test_a_place_in_the_registry_is_a_name_with_an_alias_or_a_number() -> None:
    assert "version must be NAME@ALIAS or NAME/NUMBER, got streamer" in complaint(
        "pull", "streamer"
    )
