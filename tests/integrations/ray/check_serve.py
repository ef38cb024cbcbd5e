"""`streamer serve` on a real Ray Serve: it answers as the process does, to the bit."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray
from ray import serve
from ray.serve._private import api

from streamer.embedded import EmbeddedRedis
from streamer.errors import ConfigurationError
from streamer.serve import deployment
from tests.integrations.environments import ROOT
from tests.integrations.ray.ray_head import START_S, free_port, ray_head
from tests.serving.stored_service import StoredService, made_up

PAYMENTS = made_up(3, 6_100)
N_LEARNED = 6_000
# A busy machine is slower than Ray waits for the process that listens: 5 s, and 60 s for all of it.
os.environ["RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"] = str(START_S)
api.HTTP_PROXY_TIMEOUT = START_S


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    """The settings of a service that has learned from payments."""
    with EmbeddedRedis(ready_timeout_s=START_S) as redis:
        made = StoredService(redis.url, "served")

        async def learn() -> None:
            await made.claim()
            await made.stream(PAYMENTS[:N_LEARNED])
            await made.store.close()

        asyncio.run(learn())
        yield {
            "STREAMER_REDIS_URL": redis.url,
            "STREAMER_NAMESPACE": made.settings.namespace,
            "STREAMER_N_CLUSTERS": str(made.settings.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(made.settings.warmup_transactions),
            "STREAMER_SERVE_DEADLINE_S": "60",
            "STREAMER_SERVE_GRPC_PORT": "0",
        }


@pytest.fixture(scope="module")
def process(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``streamer serve``."""
    port, log = free_port(), tmp_path_factory.mktemp("serve") / "log"
    own = {"PATH": os.environ["PATH"], "STREAMER_SERVE_PORT": str(port)}
    with log.open("wb") as told:
        started = subprocess.Popen(
            [sys.executable, "-m", "streamer", "serve"],
            env=env | own, cwd=ROOT, stdout=told, stderr=told,
        )  # fmt: skip
    try:
        yield ready(f"127.0.0.1:{port}", lambda: log.read_text()[-2_000:])
    finally:
        started.terminate()
        started.wait(60)


@pytest.fixture(scope="module")
def on_ray(env: dict[str, str]) -> Iterator[str]:
    """The address of the same app on a Ray of one processor."""
    with ray_head(1) as address:
        port = free_port()
        env_vars = env | {"PYTHONPATH": str(ROOT)}
        ray.init(address=address, runtime_env={"env_vars": env_vars}, log_to_driver=False)
        try:
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            serve.run(deployment({"max_replicas": "2"}), name="streamer", route_prefix="/")
            yield ready(f"127.0.0.1:{port}", lambda: str(serve.status()))
            serve.shutdown()
        finally:
            ray.shutdown()


def ready(address: str, said: Callable[[], str]) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if asked(address, "/readyz")[0] == 200:
                return address
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(f"not ready within {START_S} s: {said()}", pytrace=False)


def asked(address: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    """Return status and answer, without how old the state was by then."""
    # Without it urllib says that a body is a form, which no door reads.
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=START_S) as answer:  # noqa: S310
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, content = error.code, error.read()
    return status, json.loads(content, object_hook=_without_age)


def _without_age(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "state_age_s"}


def test_ray_serve_answers_what_the_process_answers_to_the_bit(process: str, on_ray: str) -> None:
    values = [value for _, value in PAYMENTS[N_LEARNED:]]
    scores = set()
    for value in values[:20]:
        status, answer = asked(on_ray, "/v1/score?explain=true", value)
        assert (status, answer) == asked(process, "/v1/score?explain=true", value)
        assert status == 200
        scores.add(answer["score"])
    assert len(scores) > 10
    together = b"[" + b",".join(values) + b"]"
    assert asked(on_ray, "/v1/score", together) == asked(process, "/v1/score", together)
    for bad in (b"{", b'{"amount": 3}'):
        refused = asked(on_ray, "/v1/score", bad)
        assert refused == asked(process, "/v1/score", bad)
        assert refused[0] in (400, 422)


def test_replicas_are_scaled_by_what_is_asked_at_once(on_ray: str) -> None:
    [of_app] = serve.status().applications.values()
    assert [each.status for each in of_app.deployments.values()] == ["HEALTHY"]
    with pytest.raises(ConfigurationError, match="arguments must be among min_replicas"):
        deployment({"replicas": "2"})
    with pytest.raises(ConfigurationError, match="max_replicas must be a number"):
        deployment({"max_replicas": "many"})
    made = deployment({"max_replicas": "8", "target_ongoing_requests": "16"})
    scaled = made._bound_deployment._deployment_config.autoscaling_config
    assert (scaled.min_replicas, scaled.max_replicas) == (1, 8)
    assert scaled.target_ongoing_requests == 16
