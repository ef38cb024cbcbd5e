"""Debian's Redis: on disk or not, with passwords, limits, as a cluster node.

Valkey (`EmbeddedRedis`) is for quick tests and forgets everything.  This one keeps its port and, as
its persistence says, its data over `kill` and `start`; `forget` is the disk that was lost.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import quote

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from streamer.embedded import ChildProcess
from tests.rig.folders import DataFolder
from tests.rig.ports import HOST, stable_port
from tests.rig.waiting import DEADLINE_S, wait_until

__all__ = ["DebianRedis", "Persistence", "missing", "start_program"]

Persistence = Literal["none", "aof-always", "aof-everysec", "rdb"]

_PERSISTENCE: Final[Mapping[Persistence, Mapping[str, str]]] = {
    "none": {"appendonly": "no", "save": '""'},
    # Every write is on disk before it is answered: what was answered survives a kill.
    "aof-always": {"appendonly": "yes", "appendfsync": "always", "save": '""'},
    # Written to the file at once, synced each second: survives a kill, not a power cut.
    "aof-everysec": {"appendonly": "yes", "appendfsync": "everysec", "save": '""'},
    # Only `snapshot` and a stop in good order write: a kill goes back to the last of them.
    "rdb": {"appendonly": "no", "save": "3600 1"},
}
_TIMEOUT_S: Final = 30.0
_READY_TIMEOUT_S: Final = DEADLINE_S


def missing() -> str | None:
    """Say what is not installed and what to do; None when everything is there."""
    for program in ("redis-server", "redis-sentinel"):
        if shutil.which(program) is None:
            return f"Debian's Redis needs {program}, got none; run: .ci/install-services"
    return None


class DebianRedis:
    """One redis-server on a fixed port; settings are Redis's own, with underscores for hyphens.

    ``users`` are ACL users with their passwords, who may do everything below ``streamer:``.
    """

    def __init__(
        self,
        persistence: Persistence = "none",
        *,
        port: int | None = None,
        password: str | None = None,
        users: Mapping[str, str] | None = None,
        is_cluster: bool = False,
        **settings: str | int,
    ) -> None:
        self.port = stable_port() if port is None else port
        self._password = password
        self._users = users or {}
        self._settings: dict[str, str] = {
            "port": str(self.port),
            "bind": HOST,
            "daemonize": "no",
            "cluster-enabled": "yes" if is_cluster else "no",
            **_PERSISTENCE[persistence],
            **{name.replace("_", "-"): str(value) for name, value in settings.items()},
        }
        self._folder: DataFolder | None = None
        self._child: ChildProcess | None = None

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:PORT/0``, with the password where there is one."""
        return self.url_of(self._password)

    def url_of(self, password: str | None, user: str = "", database: int = 0) -> str:
        """The URL of somebody in particular, right or wrong."""
        who = "" if password is None else f"{user}:{quote(password, safe='')}@"
        return f"redis://{who}{HOST}:{self.port}/{database}"

    @property
    def process(self) -> ChildProcess:
        """The server process."""
        assert self._child is not None, "redis-server must be started first"
        return self._child

    def client(self) -> Redis:
        """Return a client for the test itself; use it in a ``with`` statement.

        It tries three times: sentinels disconnect the clients of a server that changes its role.
        """
        retry = Retry(ExponentialBackoff(cap=0.1, base=0.01), 3)
        return Redis.from_url(self.url, socket_timeout=_TIMEOUT_S, retry=retry)

    def start(self) -> Self:
        """Start, or start again with the data that are on disk, and return when it answers."""
        if self._folder is None:
            self._folder = DataFolder()
            self.folder.mkdir()
            lines = "".join(f"{line}\n" for line in self._lines())
            (self._folder.path / "redis.conf").write_text(lines)
        self._started()
        return self

    def _started(self, *arguments: str) -> None:
        assert self._folder is not None
        settings = self._folder.path / "redis.conf"
        self._child = start_program("redis-server", settings, *arguments)
        self._child.wait_ready(self._is_ready, f"PING on {HOST}:{self.port}", _READY_TIMEOUT_S)

    def stop(self) -> None:
        """Shut down in good order: what is to be kept is written."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_TIMEOUT_S)

    def forget(self) -> None:
        """Remove the data of a server that does not run: it starts empty."""
        assert not self.process.is_running(), "redis-server must be stopped before it forgets"
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def restore(self, snapshot: Path) -> Self:
        """Start from a snapshot alone, as docs/backups.md says, after a `stop` or a `kill`.

        With `appendonly yes` Redis 7 reads its append-only files and no snapshot, none of them there or
        not: it is switched on once the snapshot is in memory.
        """
        self.forget()
        shutil.copy(snapshot, self.folder / "dump.rdb")
        appended = self._settings["appendonly"]
        self._started("--appendonly", "no")
        with self.client() as client:
            client.config_set("appendonly", appended)
            wait_until(
                lambda: not client.info("persistence")["aof_rewrite_in_progress"], "all is appended"
            )
        return self

    def snapshot(self) -> None:
        """Write the snapshot that ``rdb`` starts from."""
        with self.client() as client:
            client.save()

    def pause(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def follow(self, primary: DebianRedis) -> None:
        """Become a replica of a server and return when all that it holds has been copied."""
        with self.client() as client:
            client.replicaof(HOST, primary.port)
            wait_until(
                lambda: client.info("replication")["master_link_status"] == "up",
                "the replica follows",
            )

    def take_over(self, primary: DebianRedis) -> None:
        """Become the primary of a server that was one until now, without losing a write."""
        with self.client() as client, primary.client() as former:
            # It refuses writes first: what was answered before is copied before this one takes more.
            former.config_set("min-replicas-to-write", 9)
            wanted = former.info("replication")["master_repl_offset"]
            wait_until(
                lambda: client.info("replication")["slave_repl_offset"] >= wanted, "all is copied"
            )
            client.replicaof("NO", "ONE")
            former.replicaof(HOST, self.port)
            wait_until(
                lambda: former.info("replication")["master_link_status"] == "up",
                "the former primary follows",
            )

    def close(self) -> None:
        """Kill it and remove its data; safe to call twice, or before `start`."""
        if self._child is not None:
            self._child.stop(grace_s=0.0)
        if self._folder is not None:
            self._folder.remove()

    @property
    def folder(self) -> Path:
        """Where its data lie."""
        assert self._folder is not None
        return self._folder.path / "data"

    def _lines(self) -> list[str]:
        lines = [f"{name} {value}" for name, value in self._settings.items()]
        lines.append(f'dir "{self.folder}"')
        if self._password is not None:
            lines.append(f'requirepass "{self._password}"')
        return lines + [
            f"user {name} on >{password} ~streamer:* +@all"
            for name, password in self._users.items()
        ]

    def _is_ready(self) -> bool:
        try:
            with self.client() as client:
                found: Any = client.info("server")
                client.ping()
        except RedisError:
            return False
        return bool(found["process_id"] == self.process.pid)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def start_program(program: str, settings: Path, *arguments: str) -> ChildProcess:
    """Start redis-server or redis-sentinel with a file of settings, in that file's folder."""
    argv = [shutil.which(program) or program, str(settings), *arguments]
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return ChildProcess(argv, name=program, env=env, cwd=settings.parent).start()
