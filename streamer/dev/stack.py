"""The processes: embedded servers, workers that are started again when they die, and monitoring.

Every child ends with this process, however it ends.
"""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka.admin import AdminClient

from streamer.access.roles import Role
from streamer.dev.supervised_worker import HOST, READY_WITHIN_S, SupervisedWorker, answers
from streamer.embedded import ChildProcess, EmbeddedRedis, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.settings import child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["PEOPLE", "Stack"]

_N_PARTITIONS: Final = 4

PEOPLE: Final[tuple[tuple[str, Role], ...]] = (
    ("mona", "reviewer"),
    ("noor", "reviewer"),
    ("lea", "lead"),
    ("lars", "lead"),
)
"""Who may log in to the console, and what they are there."""


class Stack:
    """Broker, Redis, topics and ``n_workers``; with ``rules`` also Prometheus and Alertmanager.

    ``rules`` is a folder of Prometheus' rule files and Alertmanager's routes; either program is
    started where it is installed.  ``note`` is told what happens.  ``intake`` is the declaration that
    the workers read by.  Without ``has_console`` the console is started by `start_console`.
    """

    def __init__(
        self,
        n_workers: int,
        rules: Path | None,
        note: Callable[[str], None],
        *,
        intake: str | None = None,
        namespace: str = "dev",
        has_console: bool = True,
    ) -> None:
        self._servers = EmbeddedServers()
        self._n_workers = n_workers
        self._rules = rules
        self._note = note
        self._intake = intake
        self.worker_logs: list[Path] = []
        """Where each worker's log is; removed with the stack."""
        self._namespace = namespace
        self._has_console = has_console
        self._ends = ExitStack()
        self._workers: list[SupervisedWorker] = []
        self.prometheus_url: str | None = None
        self.console_url, self.password = "", ""
        self.monitoring: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:
            on_failure.callback(self._ends.close)
            self._ends.enter_context(self._servers)
            # What a person would export in another terminal, to look at this service.
            self.environment = {
                "STREAMER_KAFKA_BOOTSTRAP_SERVERS": self._servers.bootstrap_servers,
                "STREAMER_REDIS_URL": self._servers.redis_url,
                "STREAMER_NAMESPACE": self._namespace,
            }
            if self._intake is not None:
                self.environment["STREAMER_INTAKE"] = self._intake
            self.settings = load_settings(self.environment)
            admin = AdminClient(librdkafka_config(self.settings))
            names = dict.fromkeys(topic_names(self.settings), _N_PARTITIONS)
            create_topics(admin, names, 1, self.settings)
            logs = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="streamer-")))
            self.worker_logs = [logs / f"worker-{i}.log" for i in range(self._n_workers)]
            for i in range(self._n_workers):
                worker = SupervisedWorker(i, self.environment, self._note, self.worker_logs[i])
                self._workers.append(worker)
                self._ends.callback(self._workers[-1].child.stop)
            for worker in self._workers:
                worker.wait_ready()
            if self._has_console:
                self.start_console()
            if self._rules is not None:
                self._start_monitoring(self._rules.resolve())
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
            worker.restart_if_dead()

    @property
    def n_restarts(self) -> int:
        """How often a worker was started again."""
        return sum(worker.n_restarts for worker in self._workers)

    def log_tail(self) -> str:
        """Return the last lines of the first worker."""
        return self._workers[0].child.log_tail()

    def start_console(self) -> None:
        """Start the reviewers' console with accounts, where its packages are installed."""
        if any(find_spec(name) is None for name in ("argon2", "jinja2", "starlette", "uvicorn")):
            return
        from streamer.console.people.accounts import account_line

        folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        self.password = secrets.token_urlsafe(9)
        lines = [account_line(name, (role,), self.password) for name, role in PEOPLE]
        accounts, port = folder / "accounts", free_port()
        accounts.write_text("\n".join(lines))
        accounts.chmod(0o600)
        overrides = self.environment | {
            "STREAMER_CONSOLE_ACCOUNTS_FILE": str(accounts),
            # Its own topics are nobody else's.
            "STREAMER_CREATE_TOPICS": "true",
            "STREAMER_CONSOLE_HOST": HOST,
            "STREAMER_CONSOLE_PORT": str(port),
            "STREAMER_CONSOLE_WORKERS": ",".join(self.worker_urls),
            "STREAMER_LOG_LEVEL": "WARNING",
            "STREAMER_LOG_FORMAT": "console",
        }
        child = ChildProcess(
            [sys.executable, "-m", "streamer", "console"],
            name="console",
            env=child_environment(overrides),
        )
        self._ends.callback(child.stop)
        url = f"http://{HOST}:{port}"
        child.start().wait_ready(lambda: answers(f"{url}/readyz"), f"{url}/readyz", READY_WITHIN_S)
        self.console_url = url

    def _start_monitoring(self, rules: Path) -> None:
        folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        routes = rules / "alertmanager.yml"
        alertmanager = None
        if routes.exists():
            alertmanager = self._start_program(
                "prometheus-alertmanager",
                f"--config.file={routes}",
                f"--storage.path={folder / 'alertmanager'}",
                "--cluster.listen-address=",
            )
        targets = [url.removeprefix("http://") for url in self.worker_urls]
        receivers = [alertmanager] if alertmanager else []
        # JSON is YAML too.
        settings = {
            "global": {
                "scrape_interval": "5s",
                "evaluation_interval": "5s",
                # Links of alerts begin with it.
                "external_labels": {"runbooks": f"{rules.parents[1]}/"},
            },
            "rule_files": [str(rules / "*.rules.yml")],
            "alerting": {
                "alert_relabel_configs": [{"action": "labeldrop", "regex": "runbooks"}],
                "alertmanagers": [{"static_configs": [{"targets": receivers}]}],
            },
            "scrape_configs": [{"job_name": "streamer", "static_configs": [{"targets": targets}]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(settings))
        prometheus = self._start_program(
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        )
        if prometheus is not None:
            self.prometheus_url = f"http://{prometheus}"
            self.monitoring["Prometheus"] = f"{self.prometheus_url}/alerts"
        if alertmanager is not None:
            self.monitoring["Alertmanager"] = f"http://{alertmanager}/#/alerts"

    def _start_program(self, name: str, *arguments: str) -> str | None:
        """Start a server where it is installed, and return its address."""
        program = shutil.which(name)
        if program is None:
            return None
        address = f"{HOST}:{free_port()}"
        child = ChildProcess([program, f"--web.listen-address={address}", *arguments], name=name)
        self._ends.callback(child.stop)
        ready = f"http://{address}/-/ready"
        child.start().wait_ready(lambda: answers(ready), ready, READY_WITHIN_S)
        return address

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            if worker.child.is_running():
                # All at once, and not each when the one before has ended.
                worker.child.send_signal(signal.SIGTERM)
        self._ends.close()
