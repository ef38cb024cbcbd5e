"""`streamer model push` and `pull` with a real MLflow server: the same id, the same scores."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from streamer.model import Scorer
from streamer.model.codec import decode_version
from streamer.pipeline import PartitionState, process
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import pipeline_config

Streamer = Callable[..., subprocess.CompletedProcess[str]]
FIT = {"n_clusters": "4", "warmup_transactions": "600", "alert_budget": "0.02"}
N = 3_000
START_S = 240


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow with its database and artifacts in a folder."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    with (folder / "server.out").open("wb") as out:
        quick = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | quick)
    uri, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((folder / "server.out").read_text()[-2_000:], pytrace=False)
            time.sleep(0.2)
    yield uri
    process.terminate()
    process.wait(60)


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with EmbeddedRedis(ready_timeout_s=120) as running:
        yield running.url


@pytest.fixture(scope="module")
def audit() -> Iterator[dict[str, str]]:
    """The settings by which what is stored is on an audit topic before."""
    with EmbeddedKafka(ready_timeout_s=120) as kafka:
        yield {"kafka_bootstrap_servers": kafka.bootstrap_servers, "create_topics": "true"}


@pytest.fixture(scope="module")
def messages() -> list[bytes]:
    """Simulated payments as they would lie in Kafka, twice as many as the version is fitted to."""
    made = Simulator(SimulatorConfig(seed=3, n_customers=300)).generate(2 * N)
    return [value for _, value in made.records()]


@pytest.fixture(scope="module")
def fitted(
    messages: list[bytes], streamer: Streamer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A fitted version and its id."""
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "payments.jsonl").write_bytes(b"\n".join(messages[:N]))
    out = folder / "model.safetensors"
    made = streamer(
        "fit", str(folder / "payments.jsonl"), "--out", str(out), "--k", "4", "--json", **FIT
    )
    assert made.returncode == 0, made.stderr
    return out, json.loads(made.stdout)["version"]


@pytest.fixture(autouse=True)
def _client(server: str) -> None:
    mlflow.set_tracking_uri(server)
    mlflow.set_registry_uri(server)


def push(streamer: Streamer, server: str, what: object, *arguments: str, **settings: str) -> str:
    result = streamer("model", "push", str(what), "--mlflow", server, *arguments, **FIT | settings)
    assert result.returncode == 0, result.stderr
    return result.stderr


def test_a_version_goes_round_trip_with_the_same_id_and_bytes_and_does_not_become_the_head(
    fitted: tuple[Path, str],
    streamer: Streamer,
    server: str,
    redis: str,
    audit: dict[str, str],
    tmp_path: Path,
) -> None:
    path, version = fitted
    said = push(streamer, server, path, "--name", "trip", "--alias", "challenger")
    assert said == f"{version} registered as trip/1, which is trip@challenger\n"
    there = FIT | audit | {"redis_url": redis, "namespace": "trip"}
    pulled = streamer("model", "pull", "trip@challenger", "--mlflow", server, **there)
    assert (pulled.returncode, pulled.stderr) == (
        0,
        f"{version} stored from trip/1; `streamer model promote` makes it the head\n",
    )
    (stored,) = json.loads(streamer("model", "list", "--json", **there).stdout)
    assert (stored["id"], stored["reason"], stored["is_head"]) == (version, "fit", False)
    out = tmp_path / "again.safetensors"
    assert streamer("model", "export", version, str(out), **there).returncode == 0
    config = pipeline_config(load_settings({f"STREAMER_{k.upper()}": v for k, v in FIT.items()}))
    (before, header), (after, header_after) = (
        decode_version(each.read_bytes(), config.model) for each in (path, out)
    )
    assert header_after.made_of == header.made_of
    assert before.transactions_seen == after.transactions_seen == N


def test_its_tags_say_where_it_comes_from_and_what_the_gate_said(
    fitted: tuple[Path, str], streamer: Streamer, server: str, tmp_path: Path
) -> None:
    path, version = fitted
    gate = tmp_path / "gate.json"
    rule = {"rule": "budget", "outcome": "pass", "figure": 1.02, "limit": 1.2, "told": ""}
    gate.write_text(
        json.dumps({"version": version, "against": "ab" * 32, "passed": True, "rules": [rule]})
    )
    push(
        streamer,
        server,
        path,
        "--name",
        "tagged",
        "--alias",
        "champion",
        "--gate-result",
        str(gate),
    )
    client = mlflow.MlflowClient()
    found = client.get_model_version_by_alias("tagged", "champion")
    tags = {name.removeprefix("streamer."): value for name, value in found.tags.items()}
    assert (tags["version"], tags["reason"], tags["gate"]) == (version, "fit", "passed")
    assert tags["transactions_seen"] == str(N)
    assert tags["data"].startswith("payments.jsonl=")
    for name in ("data_hash", "config_hash", "intake_hash", "code"):
        assert tags[name]
    metrics = client.get_run(found.run_id).data.metrics
    assert (metrics["gate.budget"], metrics["transactions_seen"]) == (1.02, float(N))


def test_a_second_push_of_a_version_only_moves_the_alias(
    fitted: tuple[Path, str], streamer: Streamer, server: str
) -> None:
    path, version = fitted
    push(streamer, server, path, "--name", "twice", "--alias", "challenger")
    said = push(streamer, server, path, "--name", "twice", "--alias", "champion")
    assert said == f"{version} was registered before as twice/1, which is twice@champion\n"
    model = mlflow.MlflowClient().get_registered_model("twice")
    assert dict(model.aliases) == {"challenger": "1", "champion": "1"}


def test_a_version_that_failed_the_gate_is_no_champion(
    fitted: tuple[Path, str], streamer: Streamer, server: str, tmp_path: Path
) -> None:
    path, version = fitted
    gate = tmp_path / "gate.json"
    gate.write_text(json.dumps({"version": version, "against": "", "passed": False, "rules": []}))
    arguments = ("model", "push", str(path), "--mlflow", server, "--name", "failed")
    result = streamer(*arguments, "--alias", "champion", "--gate-result", str(gate), **FIT)
    assert result.returncode == 2
    assert "a champion must have passed the gate" in result.stderr
    gate.write_text(json.dumps({"version": "cd" * 32, "passed": True, "rules": []}))
    result = streamer(*arguments, "--gate-result", str(gate), **FIT)
    assert (result.returncode, "got the gate of cdcdcdcdcdcd" in result.stderr) == (2, True)
    assert not mlflow.MlflowClient().search_registered_models("name='failed'")


def worker_scores(path: Path, messages: list[bytes], size: int) -> list[tuple[object, ...]]:
    """What a worker says that holds the version and meets no checkpoint, in batches of that many."""
    settings = load_settings(
        {f"STREAMER_{k.upper()}": v for k, v in (FIT | {"scores_enabled": "true"}).items()}
    )
    config = pipeline_config(settings)
    sums, _ = decode_version(path.read_bytes(), config.model)
    now_ms = time.time_ns() // 1_000_000
    state, version = PartitionState.empty(config, 10_000, 10_000), Scorer.of("", sums, config.model)
    found: list[tuple[object, ...]] = []
    for first in range(0, len(messages), size):
        records = [
            StoredRecord(i, now_ms, None, value)
            for i, value in enumerate(messages[first : first + size], first)
        ]
        batch = Batch("transactions", 0, records, now_ms)
        outcome = process(batch, state, version, config, now_ms=now_ms)
        assert outcome is not None
        found += [(s.transaction_id, s.score, s.distance, s.alerted) for s in outcome.scores]
    return found


def test_the_pyfunc_scores_as_a_worker_does_bit_for_bit_and_says_what_is_no_payment(
    fitted: tuple[Path, str], messages: list[bytes], streamer: Streamer, server: str
) -> None:
    path, _ = fitted
    push(streamer, server, path, "--name", "scored", "--alias", "champion")
    model = mlflow.pyfunc.load_model("models:/scored@champion")
    frame = pd.DataFrame([json.loads(each) for each in messages])
    given = model.predict(frame)
    wanted = worker_scores(path, messages, 700)
    columns = ["transaction_id", "score", "distance", "alerted"]
    assert list(given[columns].itertuples(index=False, name=None)) == wanted
    assert given["refused"].isna().all()
    assert 0 < given["alerted"].sum() < N // 10
    # Asked again it says the same: nothing was learned.
    pd.testing.assert_frame_equal(model.predict(frame), given)
    broken = frame.head(2).copy()
    broken.loc[0, "currency"] = "?"
    refused = model.predict(broken)
    assert (isinstance(refused["refused"][0], str), bool(pd.isna(refused["score"][0]))) == (
        True,
        True,
    )
    assert refused["score"][1] > 0


def test_there_is_no_pickle_in_what_is_registered(
    fitted: tuple[Path, str], streamer: Streamer, server: str, tmp_path: Path
) -> None:
    path, _ = fitted
    push(streamer, server, path, "--name", "plain")
    folder = Path(
        mlflow.artifacts.download_artifacts("models:/plain/1", dst_path=str(tmp_path / "plain"))
    )
    assert {each.name for each in folder.iterdir() if each.is_file()} - {"registered_model_meta"} == {
        "MLmodel", "python_env.yaml", "requirements.txt", "scores_payments.py", "settings.json",
        "version.safetensors",
    }  # fmt: skip
    assert (folder / "version.safetensors").read_bytes() == path.read_bytes()


def test_content_that_is_not_that_of_the_id_is_refused_and_not_stored(
    fitted: tuple[Path, str], streamer: Streamer, server: str, redis: str
) -> None:
    path, _ = fitted
    push(streamer, server, path, "--name", "changed")
    mlflow.MlflowClient().set_model_version_tag("changed", "1", "streamer.version", "ef" * 32)
    there = FIT | {"redis_url": redis, "namespace": "changed"}
    result = streamer("model", "pull", "changed/1", "--mlflow", server, **there)
    assert result.returncode == 2
    assert "must have the content of its id, efefefefefef, got" in result.stderr
    assert json.loads(streamer("model", "list", "--json", **there).stdout) == []


@pytest.mark.parametrize("place", ["nobody@champion", "nobody/1"])
def test_what_is_not_registered_is_one_line(
    place: str, streamer: Streamer, server: str, redis: str
) -> None:
    result = streamer("model", "pull", place, "--mlflow", server, **FIT, redis_url=redis)
    assert (result.returncode, result.stderr) == (
        2, f"streamer: {place} must be registered at {server}\n"
    )  # fmt: skip


def test_without_a_server_it_is_one_line_and_1_within_seconds(
    fitted: tuple[Path, str], streamer: Streamer, redis: str
) -> None:
    uri, began = f"http://127.0.0.1:{free_port()}", time.monotonic()
    there = FIT | {"redis_url": redis, "namespace": "away"}
    for arguments in (("push", str(fitted[0])), ("pull", "streamer@champion")):
        result = streamer("model", *arguments, "--mlflow", uri, timeout=120, **there)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == f"streamer: MLflow must answer at {uri}, got Connection refused\n"
    assert time.monotonic() - began < 120
    assert json.loads(streamer("model", "list", "--json", **there).stdout) == []


def test_nothing_is_told_to_anybody(streamer: Streamer) -> None:
    """The commands switch MLflow's telemetry off themselves, before it is imported."""
    code = (
        "from streamer.registry.mlflow_registry import MlflowRegistry; MlflowRegistry('http://x:1');"
        "from mlflow.telemetry.utils import is_telemetry_disabled as off;"
        "from mlflow.telemetry import get_telemetry_client as told; print(off(), told())"
    )
    silent = {"MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"}
    env = {k: v for k, v in os.environ.items() if k not in silent}
    result = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert result.stdout == "True None\n"
