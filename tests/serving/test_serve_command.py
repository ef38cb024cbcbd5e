"""``streamer serve`` as a process: it answers on its ports, and ends in good order."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import grpc

from streamer.serving.grpc_messages import SERVICE, message
from streamer.settings.loading import child_environment
from tests.retention.held import unstated
from tests.rig.collector import Collector
from tests.rig.waiting import DEADLINE_S
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import Door


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def test_a_process_answers_over_http_and_grpc_and_ends_when_it_is_told(
    service: StoredService, following: list[tuple[bytes, bytes]], tmp_path: Path
) -> None:
    door, grpc_port = Door(free_port()), free_port()
    settings = {
        "STREAMER_REDIS_URL": service.settings.redis_url.get_secret_value(),
        "STREAMER_NAMESPACE": service.settings.namespace,
        "STREAMER_N_CLUSTERS": str(service.settings.n_clusters),
        "STREAMER_WARMUP_TRANSACTIONS": str(service.settings.warmup_transactions),
        "STREAMER_SERVE_PORT": str(door.port),
        "STREAMER_SERVE_GRPC_PORT": str(grpc_port),
        "STREAMER_SERVE_RATE": "1",
        "STREAMER_SERVE_BURST": "30",
        "STREAMER_SERVE_MAX_BATCH": "30",
    }
    log = tmp_path / "log"
    with log.open("wb") as told:
        process = started(settings, told)
    try:
        assert is_ready(door, process), log.read_text()
        # All that a client may ask about in 30 s.
        several = b"[" + b",".join([following[0][1]] * 30) + b"]"
        status, told, _ = door.ask("/v1/score", several, X_Forwarded_For="192.0.2.1")
        assert (status, told[0]["answer"]["model_version"]) == (200, service.version.id)
        # Nobody is believed to ask for others, from this machine neither.
        assert door.ask("/v1/score", several, X_Forwarded_For="192.0.2.2")[0] == 429
        with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
            ready = channel.unary_unary(
                f"/{SERVICE}/ServerReady",
                request_serializer=message("ServerReadyRequest").SerializeToString,
                response_deserializer=message("ServerReadyResponse").FromString,
            )
            assert ready(message("ServerReadyRequest")(), timeout=DEADLINE_S).ready
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)
        assert "Traceback" not in log.read_text()
        url = service.settings.redis_url.get_secret_value()
        assert unstated(url, service.settings.namespace) == []
    finally:
        process.kill()
        process.wait()


def test_a_process_sends_its_spans_to_a_collector_before_it_ends(
    service: StoredService, following: list[tuple[bytes, bytes]], tmp_path: Path
) -> None:
    """By the standard's variables; as a service of another name than the workers."""
    door = Door(free_port())
    with Collector() as collector:
        settings = {
            "STREAMER_REDIS_URL": service.settings.redis_url.get_secret_value(),
            "STREAMER_NAMESPACE": service.settings.namespace,
            "STREAMER_N_CLUSTERS": str(service.settings.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(service.settings.warmup_transactions),
            "STREAMER_SERVE_PORT": str(door.port),
            "STREAMER_SERVE_GRPC_PORT": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_TRACES_SAMPLER": "always_on",
            # Nothing is sent by the clock: only the end sends.
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        }
        log = tmp_path / "log"
        with log.open("wb") as told:
            process = started(settings, told)
        try:
            assert is_ready(door, process), log.read_text()
            assert door.ask("/v1/score", following[0][1])[0] == 200
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
        finally:
            process.kill()
            process.wait()
        [span] = collector.named("POST /v1/score")
        assert span.kind == "server"
        assert span.resource["service.name"] == "streamer-serve"
        assert span.resource["streamer.namespace"] == service.settings.namespace
        assert len(collector.named("look up")) == 1


def started(settings: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "streamer", "serve"],
        env=child_environment(settings),
        stdout=log,
        stderr=log,
    )


def is_ready(door: Door, process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers within the deadline, unless it has ended before."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if door.ask("/readyz")[0] == 200:
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False
