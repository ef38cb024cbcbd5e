"""A Redis in memory: the server.

A request takes time to arrive and its answer to come back.  The connection can break before or after
the server has done what was asked; the server can be away, hang and then do what has piled up, or
lose what it held.

Invariants:
* The commands of one request are done with nothing between them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from redis import exceptions

from tests.simulation.loop import Process, SimulationLoop

__all__ = ["Command", "SimulatedRedis", "copied"]

Command = tuple[Any, ...]

TIMEOUT_S: Final = 2.0
_ANSWERS: Final = (exceptions.WatchError, exceptions.ResponseError)
_WRITES: Final = frozenset(
    {"HSET", "HINCRBY", "HDEL", "SADD", "SET", "DEL", "ZADD", "ZREM", "XADD", "HSETNX"}
    | {"LPUSH", "LREM", "LTRIM"}
)


def copied(value: Any) -> Any:
    """Return a copy of what a key holds."""
    return value if isinstance(value, bytes) else value.copy()


def _number(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class SimulatedRedis:
    """The server."""

    def __init__(self, loop: SimulationLoop, rng: random.Random) -> None:
        self._loop = loop
        self._rng = rng
        self.data: dict[str, Any] = {}
        self.on_written: Callable[[str, set[str]], None] = lambda *_: None
        """Gets who has written and which keys, right after each request."""
        self.on_request: Callable[[Process], None] = lambda _: None
        """Gets the process whose request has been served and not yet been answered."""
        self.incarnation = 0
        self.is_away = False
        self.answered_at: dict[str, float] = {}
        """Since when each process gets answers; infinite when it got none last."""
        self.broken_share = 0.0
        """Of the requests, whose connection breaks before or after they have been served."""
        self._versions: dict[str, int] = {}
        self._n_written = 0
        self._hanging: list[Callable[[], None]] | None = None
        self._n_streamed = 0

    def hang(self) -> None:
        """Take requests and do nothing, until `recover`."""
        self._hanging = []

    def recover(self) -> None:
        """Answer again; what has piled up is done first, though nobody waits for it any more."""
        self.is_away = False
        waiting, self._hanging = self._hanging or [], None
        for serve in waiting:
            serve()

    def snapshot(self) -> dict[str, Any]:
        return {key: copied(value) for key, value in self.data.items()}

    def restart(self, data: dict[str, Any]) -> None:
        """Come back with ``data`` in place of what was there; every connection is lost."""
        self.data = data
        self.incarnation += 1
        self._hanging = None

    async def ask(self, process: Process, serve: Callable[[], Any]) -> Any:
        """Return what ``serve`` returns at the server, or raise as redis-py does."""
        future = self._loop.create_future()

        def finish(result: Any, error: Exception | None, delay: float) -> None:
            def answer() -> None:
                if future.done():
                    return
                is_answer = error is None or isinstance(error, _ANSWERS)
                since = self._loop.time() if is_answer else math.inf
                was = self.answered_at.get(process.name, math.inf)
                self.answered_at[process.name] = min(since, was) if is_answer else since
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)
                    future.exception()  # whoever asked may be gone, and nobody else has to know

            self._loop.in_world(delay, answer)

        def do() -> None:
            try:
                result = serve()
            except exceptions.RedisError as error:
                finish(None, error, self._latency())
                return
            self.on_request(process)
            if self._rng.random() < self.broken_share / 2:
                finish(None, exceptions.ConnectionError("connection lost after"), self._latency())
                return
            finish(result, None, self._latency())

        def arrive() -> None:
            if not process.is_alive and self._rng.random() < 0.5:
                return
            if self._hanging is not None and not process.is_isolated:
                self._hanging.append(do)
                finish(None, exceptions.TimeoutError("no answer"), TIMEOUT_S)
            elif self.is_away or process.is_isolated or self._rng.random() < self.broken_share / 2:
                finish(None, exceptions.ConnectionError("connection lost"), self._latency())
            else:
                do()

        self._loop.in_world(self._latency(), arrive)
        return await future

    def execute(self, who: str, commands: list[Command]) -> list[Any]:
        """Run commands with nothing between them."""
        written = set()
        replies = []
        for name, *rest in commands:
            key, *args = rest or [""]
            replies.append(getattr(self, f"_{name.lower().replace(' ', '_')}")(key, *args))
            if name in _WRITES:
                self._n_written += 1
                self._versions[key] = self._n_written
                written.add(key)
        if written:
            self.on_written(who, written)
        return replies

    def version(self, key: str) -> int:
        return self._versions.get(key, 0)

    def _latency(self) -> float:
        return self._rng.expovariate(1 / 0.002) if self._rng.random() < 0.95 else 0.5

    def _time(self, _: str) -> tuple[int, int]:
        return int(self._loop.time()), 0

    def _ping(self, _: str) -> bool:
        return True

    def _hgetall(self, key: str) -> dict[bytes, bytes]:
        return dict(self.data.get(key, {}))

    def _hget(self, key: str, field: Any) -> bytes | None:
        found: bytes | None = self.data.get(key, {}).get(_bytes(field))
        return found

    def _hset(self, key: str, *pairs: Any) -> int:
        stored = self.data.setdefault(key, {})
        if isinstance(pairs[-1], Mapping):
            pairs = tuple(item for pair in pairs[-1].items() for item in pair)
        for field, value in zip(pairs[::2], pairs[1::2], strict=True):
            stored[_bytes(field)] = _bytes(value)
        return len(pairs) // 2

    def _hsetnx(self, key: str, field: Any, value: Any) -> int:
        if _bytes(field) in self.data.get(key, {}):
            return 0
        return self._hset(key, field, value)

    def _hmget(self, key: str, *fields: Any) -> list[bytes | None]:
        stored = self.data.get(key, {})
        return [stored.get(_bytes(field)) for field in fields]

    def _hincrby(self, key: str, field: str, by: int) -> int:
        stored = self.data.setdefault(key, {})
        value = int(stored.get(_bytes(field), 0)) + by
        stored[_bytes(field)] = _bytes(value)
        return value

    def _hscan(self, key: str, cursor: Any, *_: Any) -> tuple[int, dict[bytes, bytes]]:
        return 0, self._hgetall(key)

    def _hdel(self, key: str, *fields: Any) -> int:
        stored = self.data.get(key, {})
        return sum(stored.pop(_bytes(field), None) is not None for field in fields)

    def _hkeys(self, key: str) -> list[bytes]:
        return list(self.data.get(key, {}))

    def _hlen(self, key: str) -> int:
        return len(self.data.get(key, {}))

    def _sadd(self, key: str, *members: Any) -> int:
        self.data.setdefault(key, set()).update(map(_bytes, members))
        return len(members)

    def _smembers(self, key: str) -> set[bytes]:
        return set(self.data.get(key, ()))

    def _get(self, key: str) -> bytes | None:
        value: bytes | None = self.data.get(key)
        return value

    def _set(self, key: str, value: Any, *options: str) -> bytes | bool | None:
        before = self._get(key)
        is_kept = "NX" in options and before is not None
        if not is_kept:
            self.data[key] = _bytes(value)
        if "GET" in options:
            return before
        return None if is_kept else True

    def _exists(self, *keys: str) -> int:
        return sum(key in self.data for key in keys)

    def _del(self, *keys: str) -> int:
        return sum(self.data.pop(key, None) is not None for key in keys)

    def _lpush(self, key: str, value: Any) -> int:
        self.data.setdefault(key, []).insert(0, _bytes(value))
        return len(self.data[key])

    def _lrange(self, key: str, first: int, last: int) -> list[bytes]:
        stored: list[bytes] = self.data.get(key, [])
        return stored[first : len(stored) + last + 1 if last < 0 else last + 1]

    def _ltrim(self, key: str, first: int, last: int) -> bool:
        if key in self.data:
            self.data[key] = self._lrange(key, first, last)
        return True

    def _lrem(self, key: str, _: int, value: Any) -> int:
        """Remove all that are the value, which is what a count of 0 means."""
        stored = self.data.get(key, [])
        left = [each for each in stored if each != _bytes(value)]
        if key in self.data:
            self.data[key] = left
        return len(stored) - len(left)

    def _zadd(self, key: str, *args: Any) -> int:
        is_kept = args[0] == "NX"
        pairs = args[1:] if is_kept else args
        stored = self.data.setdefault(key, {})
        for score, member in zip(pairs[::2], pairs[1::2], strict=True):
            if not (is_kept and _bytes(member) in stored):
                stored[_bytes(member)] = float(score)
        return len(pairs) // 2

    def _zrange(self, key: str, first: int, last: int, *options: str) -> list[bytes]:
        stored = self.data.get(key, {})
        ids = sorted(stored, key=lambda member: (stored[member], member))
        if "REV" in options:
            ids.reverse()
        end = len(ids) + last + 1 if last < 0 else last + 1
        return ids[first : max(end, 0)]

    def _zscore(self, key: str, member: Any) -> float | None:
        score: float | None = self.data.get(key, {}).get(_bytes(member))
        return score

    def _zrem(self, key: str, *members: Any) -> int:
        return self._hdel(key, *members)

    def _xadd(self, key: str, *args: Any) -> bytes:
        at = args.index("*") if "*" in args else 3  # behind MAXLEN ~ n
        pairs = args[at + 1 :]
        stored = self.data.setdefault(key, [])
        if args[at] == "*":
            self._n_streamed += 1
            name = f"{self._n_streamed}-0".encode()
        else:
            name = _bytes(args[at])
            if stored and _number(name) <= _number(stored[-1][0]):
                raise exceptions.ResponseError("the id must be greater than the last one")
        entry = {_bytes(n): _bytes(v) for n, v in zip(pairs[::2], pairs[1::2], strict=True)}
        stored.append((name, entry))
        return name

    def _xinfo_stream(self, key: str) -> dict[str, Any]:
        stored = self.data.get(key, [])
        if not stored:
            raise exceptions.ResponseError("no such key")
        return {"last-generated-id": stored[-1][0], "length": len(stored)}

    def _xrevrange(
        self, key: str, last: str, first: str, *options: Any
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        newest = list(reversed(self.data.get(key, [])))
        return newest[: options[1]] if options else newest
