"""`ops/argo`: the YAML is what Hera renders, its commands are ours, and it runs step by step."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integrations.environments import ROOT
from tests.integrations.lifecycle import Stage, staged

pytestmark = pytest.mark.timeout(900)
FOLDER = ROOT / "ops" / "argo"
WORKFLOW: dict[str, Any] = yaml.safe_load((FOLDER / "streamer-retrain.yaml").read_text())
STEPS = [each for each in WORKFLOW["spec"]["templates"] if "container" in each]
[TASKS] = [each["dag"]["tasks"] for each in WORKFLOW["spec"]["templates"] if "dag" in each]
MOUNT = "/models"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made


def test_the_file_is_what_hera_renders() -> None:
    rendered = subprocess.run(
        [sys.executable, FOLDER / "workflow.py"], capture_output=True, text=True, check=True
    ).stdout
    assert rendered == (FOLDER / "streamer-retrain.yaml").read_text()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_each_step_is_a_command_of_the_command_line(step: dict[str, Any], stage: Stage) -> None:
    assert step["container"]["command"] == ["streamer"]
    words = [re.sub(r"\{\{.*?\}\}", "4f1c", word) for word in step["container"]["args"]]
    command = [str(stage.folder / "bin" / "streamer"), *words, "--help"]
    done = subprocess.run(command, env=stage.env, capture_output=True, text=True, check=False)
    later = ("challenge", "canary", "promote")
    if done.returncode and "No such" in done.stderr and step["name"] in later:
        pytest.skip(f"this release has no {' '.join(words[:2])} with these options")
    assert done.returncode == 0, done.stderr


class Run:
    """Runs the tasks in their order, as Argo would, on a folder in place of the volume."""

    def __init__(self, stage: Stage, **parameters: str) -> None:
        given = WORKFLOW["spec"]["arguments"]["parameters"]
        self._known = {f"workflow.parameters.{each['name']}": each["value"] for each in given}
        self._known |= {f"workflow.parameters.{name}": v for name, v in parameters.items()}
        self._stage = stage
        self.states: dict[str, str] = {}
        templates = {each["name"]: each for each in STEPS}
        for task in TASKS:
            self.states[task["name"]] = self._state(task, templates[task["template"]])

    def _state(self, task: dict[str, Any], template: dict[str, Any]) -> str:
        if not all(self._holds(word) for word in task.get("depends", "").split(" && ") if word):
            return "Omitted"
        if "when" in task:
            left, right = self._told(task["when"]).split(
                " != " if " != " in task["when"] else " == "
            )
            if (left == right) == (" != " in task["when"]):
                return "Skipped"
        inputs = task.get("arguments", {}).get("parameters", [])
        given = {f"inputs.parameters.{each['name']}": self._told(each["value"]) for each in inputs}
        words = [self._told(word, given) for word in template["container"]["args"]]
        folder = str(self._stage.folder)
        words = [re.sub(f"^{MOUNT}(?=/)", folder, word) for word in words]
        command = [str(self._stage.folder / "bin" / "streamer"), *words]
        done = subprocess.run(
            command, env=self._stage.env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return "Failed"
        for each in template.get("outputs", {}).get("parameters", []):
            path = each["valueFrom"]["path"].replace(MOUNT, folder, 1)
            name = f"tasks.{task['name']}.outputs.parameters.{each['name']}"
            self._known[name] = Path(path).read_text()
        return "Succeeded"

    def _holds(self, word: str) -> bool:
        """Whether a word of ``depends`` holds; a task without a state means any of three."""
        name, _, state = word.partition(".")
        good = {state} if state else {"Succeeded", "Skipped", "Daemoned"}
        return self.states[name] in good

    def _told(self, text: str, more: dict[str, str] | None = None) -> str:
        known = self._known | (more or {})
        return re.sub(r"\{\{(.*?)\}\}", lambda found: known[found[1]], text)


def test_it_retrains_and_gates_and_nothing_more_is_done(stage: Stage) -> None:
    # Nothing has drifted here, and the workflow asks for that.
    run = Run(stage, then="nothing")
    assert run.states == {
        "retrain": "Succeeded",
        "gate": "Skipped",
        "challenge": "Omitted",
        "canary": "Omitted",
        "promote": "Omitted",
    }


def test_with_a_version_the_gate_follows(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    [retrain] = [each for each in STEPS if each["name"] == "retrain"]
    words = [word for word in retrain["container"]["args"] if word != "--if-drifted"]
    monkeypatch.setitem(retrain["container"], "args", words)
    run = Run(stage, then="nothing", name="weekly")
    assert (run.states["retrain"], run.states["gate"]) == ("Succeeded", "Succeeded")
    assert {run.states[name] for name in ("challenge", "canary", "promote")} == {"Skipped"}
    [entry, *_] = json.loads(stage.streamer("model", "history", "--json"))
    assert (entry["reason"], entry["why"]) == ("retrain", "weekly")
    assert entry["version"] == (stage.folder / "version").read_text()
