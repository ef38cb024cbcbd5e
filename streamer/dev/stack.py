"""The processes: embedded servers, workers that are started again when they die, and Prometheus.

Every child ends with this process, however it ends.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka.admin import AdminClient

from streamer.embedded import ChildProcess, EmbeddedRedis, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.settings import child_environment, load_settings
from streamer.stream.kafka_config import librdkafka_config
from streamer.stream.topics import create_topics, topic_names

__all__ = ["Stack"]

_N_PARTITIONS: Final = 4
_READY_WITHIN_S: Final = 60.0
_HOST: Final = "127.0.0.1"


class Stack:
    """Broker, Redis, topics and ``n_workers``; with ``rules`` also Prometheus, where it is installed.

    ``rules`` is a folder of Prometheus' rule files.  ``note`` is told what happens.
    """

    def __init__(self, n_workers: int, rules: Path | None, note: Callable[[str], None]) -> None:
        self._servers = EmbeddedServers()
        self._n_workers = n_workers
        self._rules = rules
        self._note = note
        self._ends = ExitStack()
        self._workers: list[_Worker] = []
        self.prometheus_url: str | None = None

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:
            on_failure.callback(self._ends.close)
            self._ends.enter_context(self._servers)
            # What a person would export in another terminal, to look at this service.
            self.environment = {
                "STREAMER_KAFKA_BOOTSTRAP_SERVERS": self._servers.bootstrap_servers,
                "STREAMER_REDIS_URL": self._servers.redis_url,
                "STREAMER_NAMESPACE": "dev",
            }
            self.settings = load_settings(self.environment)
            admin = AdminClient(librdkafka_config(self.settings))
            create_topics(admin, dict.fromkeys(topic_names(self.settings), _N_PARTITIONS), 1)
            for i in range(self._n_workers):
                self._workers.append(_Worker(i, self.environment))
                self._ends.callback(self._workers[-1].child.stop)
            for worker in self._workers:
                worker.wait_ready()
            self._start_prometheus()
            on_failure.pop_all()
        return self

    @property
    def worker_urls(self) -> list[str]:
        """Where each worker's endpoints are."""
        return [worker.url for worker in self._workers]

    @property
    def worker_pids(self) -> list[int]:
        """The process id of each worker as it is now."""
        return [worker.child.pid for worker in self._workers]

    @property
    def n_partitions(self) -> int:
        """Of each topic."""
        return _N_PARTITIONS

    @property
    def redis(self) -> EmbeddedRedis:
        """The Redis, for who wants to take it away."""
        return self._servers.redis

    def kill(self, number: int) -> None:
        """End a worker with SIGKILL; nobody starts it again before `restart_dead`."""
        self._workers[number].child.send_signal(signal.SIGKILL)

    def restart_dead(self) -> None:
        """Start the workers again that have died, as a supervisor does."""
        for worker in self._workers:
            code = worker.child.returncode
            if code is not None:
                worker.child.stop()
                worker.child.start()
                self._note(
                    f"{worker.child.name} ended with {code}; started again as {worker.child.pid}"
                )

    def _start_prometheus(self) -> None:
        program = shutil.which("prometheus")
        if self._rules is None or program is None:
            return
        folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        targets = [url.removeprefix("http://") for url in self.worker_urls]
        # JSON is YAML too.
        settings = {
            "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
            "rule_files": [str(self._rules.resolve() / "*.rules.yml")],
            "scrape_configs": [{"job_name": "streamer", "static_configs": [{"targets": targets}]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(settings))
        port = free_port()
        child = ChildProcess(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={_HOST}:{port}",
            ],
            name="Prometheus",
        ).start()
        self._ends.callback(child.stop)
        url = f"http://{_HOST}:{port}"
        child.wait_ready(lambda: _answers(f"{url}/-/ready"), f"{url}/-/ready", _READY_WITHIN_S)
        self.prometheus_url = url

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()


class _Worker:
    """One worker with a port of its own, which its successors keep."""

    def __init__(self, number: int, environment: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://{_HOST}:{port}"
        overrides = environment | {
            "STREAMER_WEB_HOST": _HOST,
            "STREAMER_WEB_PORT": str(port),
            "STREAMER_ADMIN_PORT": str(free_port()),
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
            "STREAMER_CHECKPOINT_INTERVAL_S": "1",
            "STREAMER_LOG_LEVEL": "WARNING",
            "STREAMER_LOG_FORMAT": "console",
        }
        self.child = ChildProcess(
            [sys.executable, "-m", "streamer", "worker"],
            name=f"worker {number}",
            env=child_environment(overrides),
        ).start()

    def wait_ready(self) -> None:
        self.child.wait_ready(
            lambda: _answers(f"{self.url}/readyz"), f"{self.url}/readyz", _READY_WITHIN_S
        )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - of this machine
            return True
    except OSError:
        return False
