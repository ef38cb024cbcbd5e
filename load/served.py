"""What is measured: Redis with a model and states of cards, and ``streamer serve``, each a process."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from load.answer_times import Asked
from load.asking import Plan
from load.machine import without_openblas
from load.stored_service import StoredService, made_up
from streamer.embedded import ChildProcess
from streamer.embedded.server import HOST, free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError
from streamer.serving.grpc_messages import SERVICE, message
from streamer.serving.tensors import INPUTS, MODEL, Tensor, bytes_of
from streamer.settings import child_environment

__all__ = ["Served", "answers_to", "ask", "bodies_in", "memory_mb", "serving_process", "stored"]

_N_LEARNED: Final = 12_000
_N_ASKED: Final = 1_000
_READY_S: Final = 120.0
_PATIENCE_S: Final = 60.0
_SEED: Final = 3


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready; ``payments`` are messages that come next."""

    port: int
    grpc_port: int
    pid: int
    service: StoredService
    payments: Sequence[bytes]


@contextmanager
def stored() -> Iterator[tuple[StoredService, list[bytes]]]:
    """Run Redis within the block, with a model and states; with it come payments that are next."""
    records = made_up(_SEED, _N_LEARNED + _N_ASKED)
    with EmbeddedRedis() as redis:
        service = StoredService(redis.url, "served")

        async def learn() -> None:
            await service.claim()
            await service.stream(records[:_N_LEARNED])
            await service.store.close()

        asyncio.run(learn())
        yield service, [value for _, value in records[_N_LEARNED:]]


@contextmanager
def serving_process(
    service: StoredService, payments: Sequence[bytes], **settings: str
) -> Iterator[Served]:
    """Run ``streamer serve`` within the block, with further ``settings`` of it by name."""
    port, grpc_port = free_port(), free_port()
    environment = child_environment(
        {
            "STREAMER_REDIS_URL": service.settings.redis_url.get_secret_value(),
            "STREAMER_NAMESPACE": service.settings.namespace,
            "STREAMER_N_CLUSTERS": str(service.settings.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(service.settings.warmup_transactions),
            "STREAMER_SERVE_PORT": str(port),
            "STREAMER_SERVE_GRPC_PORT": str(grpc_port),
        }
        | settings
    )
    child = ChildProcess(
        [sys.executable, "-m", "streamer", "serve"],
        name="streamer serve",
        env=without_openblas(environment),
    )
    with child:
        child.wait_ready(lambda: _is_ready(port), f"/readyz on port {port}", _READY_S)
        yield Served(port, grpc_port, child.pid, service, payments)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=1.0) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def bodies_in(door: str, payments: Sequence[bytes], batch: int) -> list[bytes]:
    """Return requests of ``batch`` payments each, as ``door`` takes them."""
    parts = [payments[i : i + batch] for i in range(0, len(payments) - batch + 1, batch)]
    if door == "grpc":
        return [_infer_request(part) for part in parts]
    return [part[0] if batch == 1 else b"[" + b",".join(part) + b"]" for part in parts]


def _infer_request(payments: Sequence[bytes]) -> bytes:
    rows: list[dict[str, Any]] = [json.loads(payment) for payment in payments]
    request = message("ModelInferRequest")(model_name=MODEL)
    for name, kind in INPUTS.items():
        missing: Any = "" if kind == "BYTES" else math.nan
        if all(row.get(name) is None for row in rows):
            continue
        data = [missing if row.get(name) is None else row[name] for row in rows]
        request.inputs.add(name=name, datatype=kind, shape=[len(rows)])
        request.raw_input_contents.append(bytes_of(Tensor(name, kind, (len(rows),), data)))
    serialized: bytes = request.SerializeToString()
    return serialized


def answers_to(served: Served, door: str, batch: int, told: str, **how: Any) -> Asked:
    """Return what came of asking ``served`` by ``door``; ``how`` as `Plan` has it."""
    port, path = (
        (served.grpc_port, f"/{SERVICE}/ModelInfer")
        if door == "grpc"
        else (served.port, "/v1/score")
    )
    kind = "grpc" if door == "grpc" else "http"
    bodies = bodies_in(door, served.payments, batch)
    return ask(kind, port, path, bodies, batch, told, **how)


def ask(
    kind: str, port: int, path: str, bodies: Sequence[bytes], batch: int, told: str, **how: Any
) -> Asked:
    """Run a process that asks, telling how far it is, and return what came of it."""
    with tempfile.NamedTemporaryFile(suffix=".bodies") as file:
        Path(file.name).write_bytes(msgspec.msgpack.encode(list(bodies)))
        plan = msgspec.convert(
            {"door": kind, "port": port, "path": path, "bodies_file": file.name}
            | {"n_payments": batch, "connections": 1, "seconds": 5.0}
            | how,
            Plan,
        )
        command = [sys.executable, "-m", "load.asking", msgspec.json.encode(plan).decode()]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            assert child.stderr is not None  # noqa: S101 - it was asked for
            assert child.stdout is not None  # noqa: S101 - it was asked for
            lines = [_tell(told, line) for line in child.stderr]
            found = child.stdout.read()
        if child.returncode:
            raise InvariantError(f"asking must go well, got:\n{''.join(lines[-20:])}")
    return msgspec.json.decode(found, type=Asked)


def _tell(told: str, line: str) -> str:
    click.echo(f"{told}: {line.rstrip()}", err=True)
    return line


def memory_mb(pid: int) -> float:
    """Return what a process has resident, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def sampled(pid: int, every_s: float, is_over: Callable[[], bool]) -> list[tuple[float, float]]:
    """Return seconds and megabytes of a process, until it ``is_over``."""
    began, samples = time.monotonic(), [(0.0, memory_mb(pid))]
    while not is_over():
        time.sleep(every_s)
        samples.append((time.monotonic() - began, memory_mb(pid)))
    return samples
