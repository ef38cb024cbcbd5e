"""The part of redis-py's interface that `streamer.store.client` uses, in front of a simulated server.

Invariants:
* MULTI is atomic: other requests come before or after it.
* EXEC does nothing when a watched key was written since, or the connection is an older server's.
"""

from __future__ import annotations

from typing import Any

from redis import exceptions

from tests.simulation.loop import Process
from tests.simulation.simulated_redis import Command, SimulatedRedis

__all__ = ["Connection"]


class Connection:
    """Passes for ``redis.asyncio.Redis`` in one process."""

    def __init__(self, server: SimulatedRedis, process: Process) -> None:
        self._server = server
        self._process = process

    def pipeline(self, transaction: bool = True) -> _Pipeline:
        return _Pipeline(self._server, self._process, transaction)

    async def aclose(self) -> None:
        """Nothing is open."""


class _Pipeline:
    """Passes for ``redis.asyncio.client.Pipeline``."""

    def __init__(self, server: SimulatedRedis, process: Process, is_atomic: bool) -> None:
        self._server = server
        self._process = process
        self._is_atomic = is_atomic
        self._queue: list[Command] = []
        self._watched: dict[str, int] | None = None
        self._incarnation: int | None = None

    async def __aenter__(self) -> _Pipeline:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._queue.clear()

    def __len__(self) -> int:
        return len(self._queue)

    def __bool__(self) -> bool:
        return True

    async def watch(self, *keys: str) -> None:
        def note() -> None:
            self._incarnation = self._server.incarnation
            self._watched = {key: self._server.version(key) for key in keys}

        self._watched = {}
        await self._server.ask(self._process, note)

    def multi(self) -> None:
        self._is_atomic = True
        self._reading = False

    _reading = True

    def execute_command(self, *command: Any) -> Any:
        if self._watched is not None and self._reading:
            return self._one(command)
        self._queue.append(command)
        return self

    async def _one(self, command: Command) -> Any:
        [reply] = await self._server.ask(self._process, lambda: self._run([command]))
        return reply

    def _run(self, commands: list[Command]) -> list[Any]:
        if self._watched is not None and self._incarnation != self._server.incarnation:
            raise exceptions.ConnectionError("connection lost with its server")
        return self._server.execute(self._process.name, commands)

    async def execute(self) -> list[Any]:
        commands, self._queue = self._queue, []

        def run() -> list[Any]:
            for key, version in (self._watched or {}).items():
                if self._server.version(key) != version:
                    raise exceptions.WatchError("watched key changed")
            return self._run(commands)

        replies: list[Any] = await self._server.ask(self._process, run)
        return replies
