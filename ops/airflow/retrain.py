"""Retrain streamer's model once a day where traffic has drifted: retrain, gate, and what follows.

A DAG for Airflow 3.  Each task is one command of `streamer`, which must be on the PATH of the worker
that runs it, with the service's STREAMER_ variables.  `folder` is one that all tasks see.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

_RETRAIN = (
    "retrain --from {payments} --policy {policy} --name {name} --out {folder}/model.safetensors"
    " --id-to {folder}/version"
)
COMMANDS = {
    "retrain": f"{_RETRAIN} --if-drifted",
    "retrain always": _RETRAIN,
    "gate": "gate {folder}/model.safetensors --payments {payments} --policy {policy}",
    "challenge": "challenger start {name} --version {folder}/model.safetensors",
    "canary": "model promote {version} --payments {payments} --policy {policy} --canary 2 --for 10m",
    "promote": "model promote {version} --payments {payments} --policy {policy}",
}


def _streamer(command: str, **more: str) -> None:
    """Run one of `COMMANDS` with the run's parameters; the task fails unless its exit code is 0."""
    params: dict[str, Any] = {**get_current_context()["params"], **more}
    words = [word.format(**params) for word in COMMANDS[command].split()]
    subprocess.run(["streamer", *words], check=True)


@dag(
    schedule="@daily",
    catchup=False,
    max_active_runs=1,
    params={
        "payments": Param("/var/lib/streamer/payments.parquet", type="string"),
        "policy": Param("/etc/streamer/gate.toml", type="string"),
        "folder": Param("/var/lib/streamer", type="string"),
        "name": Param("nightly", type="string"),
        "if_drifted": Param(True, type="boolean"),
        "then": Param("challenge", enum=["challenge", "canary", "promote", "nothing"]),
    },
)
def streamer_retrain() -> None:
    """Recent payments, a fitted version, the gate, and then a challenger, a canary or a promotion."""

    @task
    def retrain() -> str:
        params = get_current_context()["params"]
        _streamer("retrain" if params["if_drifted"] else "retrain always")
        version = (Path(params["folder"]) / "version").read_text()
        if not version:
            raise AirflowSkipException("no feature has moved since the reference settled")
        return version

    @task
    def gate(version: str) -> str:
        _streamer("gate")
        return version

    @task
    def follow(version: str) -> None:
        then = get_current_context()["params"]["then"]
        if then != "nothing":
            _streamer(then, version=version)

    follow(gate(retrain()))


made = streamer_retrain()
