"""What both embedded servers share: a free port, readiness, and nothing left behind.

A port that the system calls free may be taken before the server binds it.  So a server that ends
because its address is in use is started again on another port, and readiness includes the proof
that the answer comes from *this* child: another server's answer must never satisfy a probe.

The child's working folder exists during the start only and is removed as soon as the server is up.
The server keeps running in a folder that is gone and so has no place to write a file by accident.
"""

from __future__ import annotations

import os
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from streamer.embedded.child import ChildProcess
from streamer.errors import InvariantError, UnavailableError

__all__ = ["HOST", "EmbeddedServer", "free_port"]

# Never another interface: the embedded servers have no password.
HOST = "127.0.0.1"

# Losing the race once is rare; five times in a row means that something else is wrong.
_PORT_ATTEMPTS = 5

# What the loader and the launching interpreter may need.  Nothing else is passed on: the broker
# takes settings, such as SCHEMA_REGISTRY, from any environment that it is given.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "TMPDIR")


class EmbeddedServer(ABC):
    """A server as a child process on 127.0.0.1, usable as a context manager.

    `port` is for a server that must come back where it was; by default the system chooses one.
    """

    _name: str
    _probe_name: str

    def __init__(self, *, port: int | None = None, ready_timeout_s: float = 20.0) -> None:
        self._fixed_port = port
        self._port: int | None = port
        self._ready_timeout_s = ready_timeout_s
        self._child: ChildProcess | None = None

    @abstractmethod
    def _command(self, port: int, scratch: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        """The argument list, and the environment variables on top of the few passed on."""

    @abstractmethod
    def _is_ready(self, port: int, child: ChildProcess) -> bool:
        """True once the server on `port` answers and is that child."""

    def start(self) -> Self:
        """Start the server and return when it answers; raise `UnavailableError` if it does not."""
        if self._child is not None and self._child.is_running():
            raise InvariantError(f"{self._name} must be stopped before it is started again")
        attempts = 1 if self._fixed_port is not None else _PORT_ATTEMPTS
        for attempt in range(1, attempts + 1):
            port = self._fixed_port if self._fixed_port is not None else free_port()
            try:
                self._child = self._start_on(port)
            except _AddressInUseError:
                if attempt == attempts:
                    raise
            else:
                self._port = port
                break
        return self

    def _start_on(self, port: int) -> ChildProcess:
        with tempfile.TemporaryDirectory(prefix="streamer-embedded-") as folder:
            argv, variables = self._command(port, Path(folder))
            inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            child = ChildProcess(
                argv, name=self._name, env={**inherited, **variables}, cwd=Path(folder)
            ).start()
            try:
                child.wait_ready(
                    lambda: self._is_ready(port, child),
                    f"{self._probe_name} on {HOST}:{port}",
                    self._ready_timeout_s,
                )
            except BaseException as error:
                child.stop()
                if isinstance(error, UnavailableError) and _says_in_use(child):
                    raise _AddressInUseError(str(error)) from None
                raise
        return child

    @property
    def process(self) -> ChildProcess:
        """The child process, e.g. for its log or to pause it with SIGSTOP."""
        if self._child is None:
            raise InvariantError(f"{self._name} must be started first")
        return self._child

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    @property
    def port(self) -> int:
        """The port it listens on; kept after `stop`, so that a successor can take it."""
        if self._port is None:
            raise InvariantError(f"{self._name} must be started first")
        return self._port

    def stop(self) -> None:
        """Stop the server; safe to call twice, or before `start`."""
        if self._child is not None:
            self._child.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _AddressInUseError(UnavailableError):
    """The port was taken between choosing and binding it."""


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _says_in_use(child: ChildProcess) -> bool:
    """True for ``Address already in use`` and for the broker's ``AddrInUse``."""
    log = child.log_tail().lower()
    return "in use" in log or "addrinuse" in log
