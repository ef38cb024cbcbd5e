"""`ops/airflow` imported and run by Airflow; `streamer` is the real one, found on the PATH."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.integrations.environments import ROOT
from tests.integrations.lifecycle import Stage, staged

# Airflow and streamer start a process for nearly everything.
pytestmark = pytest.mark.timeout(900)
DAG = ROOT / "ops" / "airflow" / "retrain.py"
VALUES = {"payments": "p", "policy": "g", "name": "n", "folder": "f", "version": "4f1c"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture(scope="module")
def module(stage: Stage) -> ModuleType:
    """The DAG's file, imported with a database of Airflow's own."""
    os.environ |= stage.env
    os.environ |= {
        "AIRFLOW_HOME": str(stage.folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAG.parent),
    }
    airflow = Path(sys.executable).with_name("airflow")
    subprocess.run([airflow, "db", "migrate"], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location("streamer_retrain", DAG)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def run(module: ModuleType, stage: Stage, **params: Any) -> dict[str, str]:
    """Run the DAG with ``params`` and return the state of each task."""
    conf = {
        "payments": str(stage.payments),
        "policy": str(stage.policy),
        "folder": str(stage.folder),
        **params,
    }
    done = module.made.test(run_conf=conf)
    return {each.task_id: str(each.state) for each in done.get_task_instances()}


def test_it_retrains_and_gates_and_the_head_stays(module: ModuleType, stage: Stage) -> None:
    states = run(module, stage, if_drifted=False, then="nothing", name="weekly")
    assert states == {"retrain": "success", "gate": "success", "follow": "success"}
    version = (stage.folder / "version").read_text()
    [entry, *_] = json.loads(stage.streamer("model", "history", "--json"))
    assert (entry["reason"], entry["why"], entry["gate"]) == ("retrain", "weekly", "passed")
    assert entry["version"] == version
    listed = json.loads(stage.streamer("model", "list", "--json"))
    assert {each["id"] for each in listed if each["is_head"]} == {entry["against"]}


def test_without_drift_nothing_follows(module: ModuleType, stage: Stage) -> None:
    states = run(module, stage, if_drifted=True, then="nothing")
    assert states == {"retrain": "skipped", "gate": "skipped", "follow": "skipped"}


def test_a_refused_version_fails_the_run(module: ModuleType, stage: Stage) -> None:
    strict = stage.folder / "strict.toml"
    strict.write_text(stage.policy.read_text().replace("5_000", "6_001", 1))
    states = run(module, stage, if_drifted=False, then="nothing", policy=str(strict))
    assert states["retrain"] == "failed"
    assert states["gate"] == "upstream_failed"


@pytest.mark.parametrize(
    "name", ["retrain", "retrain always", "gate", "challenge", "canary", "promote"]
)
def test_each_command_is_one_of_the_command_line(
    module: ModuleType, stage: Stage, name: str
) -> None:
    words = [word.format(**VALUES) for word in module.COMMANDS[name].split()]
    command = [str(stage.folder / "bin" / "streamer"), *words, "--help"]
    done = subprocess.run(command, env=stage.env, capture_output=True, text=True, check=False)
    if done.returncode and "No such" in done.stderr and name in ("challenge", "canary", "promote"):
        pytest.skip(f"this release has no {' '.join(words[:2])} with these options")
    assert done.returncode == 0, done.stderr
