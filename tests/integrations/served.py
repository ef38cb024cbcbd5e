"""What checks of clients share: `streamer serve` on a Redis whose service has learned from payments.

``python -m tests.integrations.served``, run by an interpreter that has streamer, starts both, writes
one line of JSON, `Served`'s fields, and ends both when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

__all__ = ["Served", "served"]

ROOT: Final = Path(__file__).resolve().parents[2]
N_LEARNED: Final = 4_000
_READY_S: Final = 240.0
_TICK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Served:
    """Where it answers, the id of its version, and payments that come next."""

    port: int
    grpc_port: int
    version: str
    payments: list[dict[str, Any]]

    @property
    def url(self) -> str:
        """Where it answers over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and content of what a path answers, asked with ``body`` as JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        asked = Request(self.url + path, data, headers)  # noqa: S310 - on this machine
        try:
            with urlopen(asked, timeout=60) as response:  # noqa: S310
                return response.status, _read(response.read())
        except HTTPError as error:
            return error.code, _read(error.read())

    def answers(self, payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what ``/v1/score`` answers to each."""
        status, told = self.ask("/v1/score?explain=true", payments)
        assert status == 200, told
        return [each["answer"] for each in told]


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


@contextmanager
def served(**settings: str) -> Iterator[Served]:
    """Yield a server that another interpreter runs, with settings such as ``serve_rate="5"``."""
    others = {k: v for k, v in os.environ.items() if k != "STREAMER_PYTHON"}
    env = {f"STREAMER_{name.upper()}": value for name, value in settings.items()}
    command = [os.environ["STREAMER_PYTHON"], "-m", "tests.integrations.served"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env=others | env,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, "the server must start; what it wrote is above"
            yield Served(**json.loads(line))
        finally:
            process.stdin.close()


def main() -> None:
    """Serve until standard input ends."""
    from streamer.embedded import EmbeddedRedis
    from tests.serving.stored_service import StoredService, made_up
    from tests.serving.test_serve_command import free_port

    payments = made_up(3, N_LEARNED + 50)
    with EmbeddedRedis(ready_timeout_s=120) as redis:
        service = StoredService(redis.url, "served")

        async def learn() -> None:
            await service.claim()
            await service.stream(payments[:N_LEARNED])
            await service.store.close()

        asyncio.run(learn())
        following = [json.loads(value) for _, value in payments[N_LEARNED:]]
        found = Served(free_port(), free_port(), service.version.id, following)
        env = os.environ | {
            "STREAMER_REDIS_URL": redis.url,
            "STREAMER_NAMESPACE": "served",
            "STREAMER_N_CLUSTERS": str(service.settings.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(service.settings.warmup_transactions),
            "STREAMER_SERVE_PORT": str(found.port),
            "STREAMER_SERVE_GRPC_PORT": str(found.grpc_port),
            "STREAMER_SERVE_DEADLINE_S": "30",
        }
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamer", "serve"], env=env, stdout=log, stderr=log
            )
            try:
                deadline = time.monotonic() + _READY_S
                while not _is_ready(found):
                    if process.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        sys.exit(log.read().decode()[-4_000:])
                    time.sleep(_TICK_S)
                print(json.dumps(asdict(found)), flush=True)
                sys.stdin.read()
            finally:
                process.terminate()
                process.wait(60)


def _is_ready(found: Served) -> bool:
    try:
        return found.ask("/readyz")[0] == 200
    except OSError:
        return False


if __name__ == "__main__":
    main()
