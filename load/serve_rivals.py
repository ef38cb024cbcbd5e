"""MLflow's server and Ray Serve beside ours, on the same payments, in turn.

They answer with the cluster of a scikit-learn k-means from features that were computed before, here
by streamer.  That favours them: ours reads the states of card and merchant, computes the features and
scores, for each request.  Each is one server as its command starts it: MLflow with one worker, Ray
Serve with one proxy and one replica, which are two processes.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from load.answer_times import Asked
from load.environments import python_in
from load.machine import without_openblas
from load.served import answers_to, ask, serving_process
from load.stored_service import NOW_MS, TOPIC, StoredService
from streamer.arrays import Floats
from streamer.embedded import ChildProcess
from streamer.embedded.server import HOST, free_port
from streamer.features import observe_apart
from streamer.intake.decoding import PLAIN
from streamer.one_thread import VARIABLES
from streamer.serving.card_states import CardStates
from streamer.serving.questions import read_questions
from streamer.starting.wiring import open_store

__all__ = ["rivals", "times_the_better"]

_FOLDER: Final = Path(__file__).parent / "rivals"
_READY_S: Final = 180.0
_MANY: Final = {1: 64, 100: 8}
_QUIET: Final = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GIT_PYTHON_REFRESH": "quiet",
}


def rivals(
    service: StoredService,
    payments: Sequence[bytes],
    batches: Sequence[int],
    rounds: int,
    seconds: float,
) -> dict[str, Any]:
    """Return what came of asking each of them, by name, and how many times the better one ours is."""
    python = python_in("rivals", _FOLDER / "requirements.lock")
    X = asyncio.run(features_of(service, payments))
    found: dict[str, list[Asked]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving_process(service, payments) as served,
        _others(python, X, service.settings.n_clusters, Path(folder)) as ports,
    ):
        for _ in range(rounds):
            for batch in batches:
                how = {"connections": _MANY.get(batch, 16), "seconds": seconds}
                name = f"streamer, batches of {batch}"
                found.setdefault(name, []).append(answers_to(served, "rest", batch, name, **how))
                bodies = _rows_in(X, batch)
                for rival, (port, path) in ports.items():
                    name = f"{rival}, batches of {batch}"
                    asked = ask("http", port, path, bodies, batch, name, **how)
                    found.setdefault(name, []).append(asked)
    return found | {
        f"streamer beside the better, batches of {batch}": f"{times_the_better(found, batch):.2f} times"
        for batch in batches
    }


def times_the_better(found: dict[str, list[Asked]], batch: int) -> float:
    """Return how many times the answers of the better rival ours are, by medians over the rounds."""
    medians = {
        name.partition(",")[0]: statistics.median(each.answers_per_s for each in asked)
        for name, asked in found.items()
        if name.endswith(f" {batch}")
    }
    ours = medians.pop("streamer")
    return ours / max(medians.values())


async def features_of(service: StoredService, payments: Sequence[bytes]) -> Floats:
    """Return the features of payments that come next, (n, d), as ours computes them."""
    store = open_store(service.settings)
    try:
        states = CardStates(store.lookups, TOPIC, time.monotonic)
        question = read_questions(payments, NOW_MS, service.config.believable, PLAIN)
        columns = question.decoded.columns
        found = await states.of(columns, question.decoded.payments.names.column(1).strings())
        # What a payment does not have is no number, which scikit-learn does not take.
        return np.nan_to_num(observe_apart(columns, found.kept, states.n_partitions).X)
    finally:
        await store.close()


def _rows_in(X: Floats, batch: int) -> list[bytes]:
    """Return requests of ``batch`` rows each, the same rows to both."""
    parts = [X[i : i + batch] for i in range(0, len(X) - batch + 1, batch)]
    return [json.dumps({"inputs": part.tolist()}).encode() for part in parts]


@contextmanager
def _others(
    python: Path, X: Floats, n_clusters: int, folder: Path
) -> Iterator[dict[str, tuple[int, str]]]:
    """Run both within the block: port and path by name."""
    np.save(folder / "X.npy", X)
    # Our own products are kept on one thread, which these inherit unless it is taken out.
    inherited = {k: v for k, v in without_openblas(os.environ).items() if k not in VARIABLES}
    environment = inherited | _QUIET
    environment["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    train = [str(python), str(_FOLDER / "train.py"), str(folder / "X.npy"), str(n_clusters)]
    subprocess.run([*train, str(folder)], check=True, env=environment, capture_output=True)
    mlflow_port, ray_port = free_port(), free_port()
    mlflow_command = [
        *(str(python), "-m", "mlflow", "models", "serve", "--model-uri", str(folder / "mlflow")),
        *("--env-manager", "local", "--host", HOST, "--port", str(mlflow_port)),
    ]
    ray_command = [str(python), str(_FOLDER / "ray_app.py"), str(ray_port)]
    ray_command.append(str(folder / "kmeans.joblib"))
    ports = {"MLflow": (mlflow_port, "/invocations"), "Ray Serve": (ray_port, "/")}
    first = _rows_in(X, 1)[0]
    with (
        ChildProcess(mlflow_command, name="MLflow", env=environment, cwd=folder) as mlflow,
        ChildProcess(ray_command, name="Ray Serve", env=environment, cwd=folder) as ray,
    ):
        for child, (port, path) in zip((mlflow, ray), ports.values(), strict=True):
            url = f"http://{HOST}:{port}{path}"
            child.wait_ready(lambda url=url: _answers(url, first), url, _READY_S)  # type: ignore[misc]
        yield ports
        ray.stop(grace_s=30.0)


def _answers(url: str, body: bytes) -> bool:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=5.0) as answer:  # noqa: S310 - ours
            return "predictions" in json.load(answer)
    except (OSError, ValueError):
        time.sleep(0.2)
        return False
