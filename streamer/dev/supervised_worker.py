"""One worker that is started again when it dies, as an operator's supervisor would do it."""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.errors import ConfigurationError, StreamerError, UnavailableError
from streamer.settings import child_environment

__all__ = ["HOST", "READY_WITHIN_S", "SupervisedWorker", "answers"]

HOST: Final = "127.0.0.1"
READY_WITHIN_S: Final = 120.0
_TICK_S: Final = 0.1
# A worker that cannot live is not started for ever.
_MAX_RESTARTS: Final = 100
_EXIT_MISCONFIGURED: Final = 2


class SupervisedWorker:
    """One worker with a port of its own, which its successors keep; ``note`` is told when it died."""

    def __init__(
        self,
        number: int,
        environment: dict[str, str],
        note: Callable[[str], None],
        log_path: Path,
    ) -> None:
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        self.n_restarts = 0
        self._note = note
        overrides = environment | {
            "STREAMER_WEB_HOST": HOST,
            "STREAMER_WEB_PORT": str(port),
            "STREAMER_ADMIN_PORT": str(free_port()),
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
            "STREAMER_CHECKPOINT_INTERVAL_S": "1",
            # A quarter of an hour of them: `explain` needs the version of an alert.
            "STREAMER_MODEL_VERSIONS_KEPT": "1000",
            # Of each partition, so that all that verdicts taught can be counted.
            "STREAMER_LESSONS_MAX_ENTRIES": "20000",
            "STREAMER_LOG_LEVEL": "WARNING",
            "STREAMER_LOG_FORMAT": "console",
        }
        self.child = ChildProcess(
            [sys.executable, "-m", "streamer", "worker"],
            name=f"worker {number}",
            env=child_environment(overrides),
            log_path=log_path,
        ).start()

    def restart_if_dead(self) -> None:
        """Start the worker again if it has died; an error says why it cannot live."""
        code = self.child.returncode
        if code is None:
            return
        if code == _EXIT_MISCONFIGURED:
            raise ConfigurationError(f"the worker must start, got:\n{self.child.log_tail()}")
        if self.n_restarts >= _MAX_RESTARTS:
            raise StreamerError(
                f"the worker must stay up, got {_MAX_RESTARTS} deaths; its last words:\n"
                f"{self.child.log_tail()}"
            )
        self.n_restarts += 1
        self.child.stop()
        self.child.start()
        self._note(f"{self.child.name} ended with {code}; started again as {self.child.pid}")

    def wait_ready(self) -> None:
        """Wait until /readyz says so."""
        url = f"{self.url}/readyz"
        deadline = time.monotonic() + READY_WITHIN_S
        while not answers(url):
            self.restart_if_dead()
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"the worker must be ready within {READY_WITHIN_S:g} s, got no 200 of {url}; "
                    f"its last words:\n{self.child.log_tail()}"
                )
            time.sleep(_TICK_S)


def answers(url: str) -> bool:
    """Whether a GET of ``url`` is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - of this machine
            return True
    except OSError:
        return False
