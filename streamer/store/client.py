"""The connection to Redis: bounded in time, and its errors in words.

Invariants:
* No call waits longer than its timeout, and the client itself repeats nothing: whether a write may
  be offered again is for the checkpoint to know, not for the connection.
* No error text holds the password or a command's arguments, which may be card numbers.
* `transact` either writes everything that the attempt queued or nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

import numpy as np
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from streamer.errors import (
    ConfigurationError,
    InvariantError,
    StreamerError,
    UnavailableError,
)
from streamer.store.keys import Keys

__all__ = ["Client", "Pipe"]

# redis-py types a command's result as maybe awaitable, maybe the pipeline itself; its replies are
# given their types where they are read.
Pipe: TypeAlias = Any
T = TypeVar("T")

# Of the workers that collide one always gets through, so this many tries outlast as many workers.
_MAX_TRIES: Final = 50
_JITTER_S: Final = 0.005
_MAX_JITTER_S: Final = 0.05

_UNREACHABLE: Final = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
# States of a server that pass or that an operator mends, and that no other command of ours can.
_TEMPORARY: Final = {
    "BUSY": "is busy with a script",
    "CLUSTERDOWN": "is in a cluster that is down",
    "LOADING": "is loading its data",
    "MASTERDOWN": "has lost its primary",
    "MISCONF": "cannot save to disk and refuses writes",
    "NOREPLICAS": "has too few replicas to accept writes",
    "OOM": "is out of memory; raise maxmemory, and keep maxmemory-policy at noeviction",
    "READONLY": "is a read-only replica",
    "TRYAGAIN": "is moving its slots",
}
_CODES: Final = (
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
)
_CODE: Final = re.compile(r"\b(?:BUSY|MISCONF|NOREPLICAS|NOPERM|WRONGTYPE|CROSSSLOT|MOVED)\b")


@dataclass(frozen=True, slots=True)
class Client:
    """A lazily connecting client of one namespace.  ``address`` is host, port and database."""

    redis: Pipe
    keys: Keys
    address: str
    rng: np.random.Generator

    @classmethod
    def of(cls, url: str, timeout_s: float, namespace: str, rng: np.random.Generator) -> Client:
        """Return a client for ``url``; connects at the first command."""
        keys = Keys(namespace)
        try:
            address = _address(url)
            redis = Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        except ValueError:
            # The parser's own words may quote what it took for the port, password included.
            raise ConfigurationError(
                "STREAMER_REDIS_URL must be redis://[user:password@]host:port/database, "
                "rediss:// or unix://, got something else"
            ) from None
        return cls(redis, keys, address, rng)

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Turn what redis-py raises within into one line without secrets."""
        try:
            yield
        except exceptions.WatchError as error:
            # redis-py reports a connection lost while watching as a conflict.  It is none: whether
            # the write happened is unknown, and the caller has to ask again.
            if isinstance(error.__context__, _UNREACHABLE):
                raise self._translated(error.__context__) from None
            raise _ConflictError from None
        except (exceptions.RedisError, OSError) as error:
            raise self._translated(error) from None

    async def pipelined(self, commands: list[tuple[Any, ...]], *, atomic: bool) -> list[Any]:
        """Return the replies to ``commands``, sent in one round trip."""
        if not commands:
            return []
        with self.readable():
            async with self.redis.pipeline(transaction=atomic) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute()
                return replies

    async def transact(self, watched: list[str], attempt: Callable[[Pipe], Awaitable[T]]) -> T:
        """Run ``attempt`` until none of ``watched`` changed between its reads and its writes.

        ``attempt`` reads, then calls ``pipe.multi()`` and queues its writes; with nothing queued
        nothing is written.  It may run several times.
        """
        for n_tries in range(1, _MAX_TRIES + 1):
            try:
                with self.readable():
                    async with self.redis.pipeline(transaction=True) as pipe:
                        await pipe.watch(*watched)
                        result = await attempt(pipe)
                        if len(pipe):
                            await pipe.execute()
                        return result
            except _ConflictError:
                longest_s = min(_JITTER_S * n_tries, _MAX_JITTER_S)
                await asyncio.sleep(float(self.rng.uniform(0.0, longest_s)))
        raise UnavailableError(
            f"Redis at {self.address} must let a write through within {_MAX_TRIES} tries, got "
            "another worker's write each time; checkpoint less often"
        )

    async def close(self) -> None:
        """Close all connections."""
        with self.readable():
            await self.redis.aclose()

    def _translated(self, error: BaseException) -> StreamerError:
        code = _code(error)
        if code in _TEMPORARY:
            return UnavailableError(f"Redis at {self.address} {_TEMPORARY[code]}")
        if isinstance(error, _UNREACHABLE):
            return UnavailableError(f"Redis at {self.address} must answer, got: {error}")
        if code == "NOPERM":
            return ConfigurationError(
                f"Redis user at {self.address} must be allowed every command streamer uses, got NOPERM"
            )
        return InvariantError(
            f"Redis at {self.address} must accept a command of streamer, got "
            f"{code or type(error).__name__}; does something else write under its keys?"
        )


class _ConflictError(Exception):
    """Something watched changed between the reads and the writes."""


def _code(error: BaseException) -> str:
    """Return the server's error code; a pipeline hides it in a text that quotes the command."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    # The server's own words come last, after any arguments, so the last match is the code.
    found = _CODE.findall(str(error)) if isinstance(error, exceptions.ResponseError) else []
    return str(found[-1]) if found else ""


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.hostname is None:
        return parts.path
    return f"{parts.hostname}:{parts.port or 6379}{parts.path if parts.path != '/' else ''}"
