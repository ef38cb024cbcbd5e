"""`ops/pipeline`: its script runs step by step on a real Redis, and both workflows call its steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from streamer.datafiles import write_rows
from streamer.embedded import EmbeddedKafka
from streamer.simulator import Simulator, SimulatorConfig
from tests.cli.test_commands import audited_by, run
from tests.ops.dockerfile import ROOT

FOLDER = ROOT / "ops" / "pipeline"
SCRIPT = FOLDER / "pipeline.sh"
SETTINGS = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}
POLICY = (
    "min_transactions = 5_000\nmin_payments = 1_000\nmax_worst_5000 = 3.0\nmax_budget_ratio = 1.5\n"
    "max_psi = 20.0\n"
)


class Pipeline:
    """The script in a folder of its own, with a head in Redis and another version in a file."""

    def __init__(self, folder: Path, redis_url: str, kafka: EmbeddedKafka) -> None:
        self.folder = folder
        own = {"redis_url": redis_url, "namespace": f"pipeline-{os.getpid()}"}
        self.settings = SETTINGS | own | audited_by(kafka)
        (folder / "streamer").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m streamer "$@"\n')
        (folder / "streamer").chmod(0o755)
        simulator = Simulator(SimulatorConfig(seed=3))
        for name in ("before", "payments"):
            write_rows(folder / f"{name}.parquet", [simulator.generate(6_000).rows()])
        for name, model in (("before", "head"), ("payments", "model")):
            out = str(folder / f"{model}.safetensors")
            self.run("fit", str(folder / f"{name}.parquet"), "--out", out, "--k", "4")
        self.run("model", "import", str(folder / "head.safetensors"), "--promote")
        (folder / "gate.toml").write_text(POLICY)

    def run(self, *arguments: str) -> str:
        result = run(*arguments, **self.settings)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def step(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {f"STREAMER_{name.upper()}": value for name, value in self.settings.items()}
        env |= {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "POLICY": "gate.toml"}
        env |= {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [SCRIPT, *arguments],
            cwd=self.folder,
            env=os.environ | env | variables,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )


@pytest.fixture(scope="module")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, kafka: EmbeddedKafka
) -> Pipeline:
    return Pipeline(tmp_path_factory.mktemp("pipeline"), redis_url, kafka)


def test_a_version_is_registered_and_gated_and_the_head_stays(pipeline: Pipeline) -> None:
    early = pipeline.step("gate", VERSION_FILE="none.txt")
    assert early.returncode == 2
    assert "register or pull comes first" in early.stderr
    registered = pipeline.step("register")
    assert registered.returncode == 0, registered.stderr
    version = (pipeline.folder / "version.txt").read_text().strip()
    listed = json.loads(pipeline.run("model", "list", "--json"))
    assert version in {each["id"] for each in listed}
    assert version not in {each["id"] for each in listed if each["is_head"]}
    gated = pipeline.step("gate")
    assert gated.returncode == 0, gated.stdout + gated.stderr
    (pipeline.folder / "strict.toml").write_text(POLICY.replace("5_000", "6_001", 1))
    refused = pipeline.step("gate", POLICY="strict.toml")
    assert refused.returncode == 1
    assert "fails by: learned" in refused.stdout


def test_what_is_no_version_is_not_registered(pipeline: Pipeline) -> None:
    refused = pipeline.step("register", MODEL="payments.parquet", VERSION_FILE="no.txt")
    assert refused.returncode == 1
    assert not (pipeline.folder / "no.txt").exists()


def test_a_version_is_promoted_and_gone_back_from(pipeline: Pipeline) -> None:
    pipeline.step("register")
    promoted = pipeline.step("promote")
    if "No such option" in promoted.stderr:
        pytest.skip("`streamer model promote` of this release runs no gate")
    assert promoted.returncode == 0, promoted.stderr
    back = pipeline.step("rollback", REASON="it was a test")
    assert back.returncode == 0, back.stderr
    [last, *_] = json.loads(pipeline.run("model", "history", "--json"))
    assert (last["reason"], last["why"]) == ("rollback", "it was a test")


def test_both_workflows_call_steps_that_there_are_in_the_same_order() -> None:
    steps = set(re.findall(r"^#   (\w+)  +\w", SCRIPT.read_text(), re.MULTILINE))
    assert steps == {"register", "pull", "gate", "canary", "promote", "rollback"}
    calls = {}
    for name in ("github-actions.yml", "gitlab-ci.yml"):
        text = (FOLDER / name).read_text()
        yaml.safe_load(text)
        calls[name] = re.findall(
            r"^ *- (?:run: )?ops/pipeline/pipeline\.sh (\w+)$", text, re.MULTILINE
        )
        assert set(calls[name]) <= steps
    assert calls["github-actions.yml"] == calls["gitlab-ci.yml"] == ["register", "gate", "canary"]


def test_an_unknown_step_lists_the_steps() -> None:
    done = subprocess.run([SCRIPT, "deploy"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "register" in done.stderr
