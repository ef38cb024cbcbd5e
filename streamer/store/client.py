"""The connection to Redis: bounded in time, and its errors in words.

Invariants:
* No call waits longer than its timeout, and the client itself repeats nothing: whether a write may
  be offered again is for the checkpoint to know, not for the connection.
* After a few calls without an answer the next ones fail at once, see `breaker`.
* A connection to a server that refused writes is used no more: the next one resolves the address again,
  and nothing is read there before that server would take a write.
* `transact` either writes everything that the attempt queued or nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

import numpy as np
from redis import exceptions

from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings.redis_url import RedisUrl
from streamer.store.breaker import Breaker
from streamer.store.connecting import connect, disconnect, parsed, renew, try_out
from streamer.store.credentials import Credentials, FollowedUrl
from streamer.store.faults import (
    UNREACHABLE,
    is_shut_out,
    is_turned_away,
    is_unanswered,
    translated,
)
from streamer.store.keys import Keys

__all__ = ["CALL_OUTCOMES", "CallOutcome", "Client", "Pipe", "Url", "asked"]

# redis-py types a command's result as maybe awaitable, maybe the pipeline itself; its replies are
# given their types where they are read.
Pipe: TypeAlias = Any
T = TypeVar("T")
Url: TypeAlias = str | FollowedUrl
"""A URL, or what has it as it is now: its user and password count once Redis has taken them."""

CallOutcome = Literal["done", "unanswered", "refused", "not tried"]
CALL_OUTCOMES: Final[tuple[CallOutcome, ...]] = get_args(CallOutcome)

# Of the workers that collide one always gets through, so this many tries outlast as many workers.
_MAX_TRIES: Final = 50
_JITTER_S: Final = 0.005
_MAX_JITTER_S: Final = 0.05
# Who is removed from the workers to learn whether a server takes writes.
_NOBODY: Final = "nobody"


@dataclass(slots=True)
class Client:
    """A lazily connecting client of one namespace.

    ``address`` is what may be shown of the URL; ``calls`` counts by what became of them, ``commands``
    by name what went over the wire; ``has_written`` is whether a transaction of this client was ever
    done.
    """

    redis: Pipe
    keys: Keys
    address: str
    rng: np.random.Generator
    breaker: Breaker
    calls: Counter[CallOutcome] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    has_written: bool = False
    credentials: Credentials | None = None

    @classmethod
    def of(
        cls,
        url: Url,
        timeout_s: float,
        namespace: str,
        rng: np.random.Generator,
        monotonic: Callable[[], float],
    ) -> Client:
        """Return a client for ``url``; connects at the first command."""
        keys = Keys(namespace)
        parts = parsed(url) if isinstance(url, str) else url.get()
        sent = Counter[str]()
        credentials = None if isinstance(url, str) else Credentials(url, monotonic)
        redis = connect(parts, timeout_s, sent, credentials)
        breaker = Breaker(rng, monotonic)
        return cls(redis, keys, parts.shown, rng, breaker, commands=sent, credentials=credentials)

    async def pipelined(self, commands: list[tuple[Any, ...]], *, atomic: bool) -> list[Any]:
        """Return the replies to ``commands``, sent in one round trip."""
        if not commands:
            return []
        async with self._call() as call, self.redis.pipeline(transaction=atomic) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            replies: list[Any] = await pipe.execute()
            call.has_written = atomic
            return replies

    async def snapshot(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Return the replies to ``commands``, which read, all as of one moment.

        What `pipelined` returns in a transaction, for half of its processor time.
        """
        if not commands:
            return []
        async with self._call() as call:
            pool = self.redis.connection_pool
            connection = await pool.get_connection()
            try:
                replies = await _transaction(connection, commands)
            except BaseException:
                # Replies may be left on it.
                await connection.disconnect(nowait=True)
                raise
            finally:
                await pool.release(connection)
            call.has_written = True
            return replies

    async def transact(self, watched: list[str], attempt: Callable[[Pipe], Awaitable[T]]) -> T:
        """Run ``attempt`` until none of ``watched`` changed between its reads and its writes.

        ``attempt`` reads, then calls ``pipe.multi()`` and queues its writes; with nothing queued
        nothing is written.  It may run several times.
        """
        for n_tries in range(1, _MAX_TRIES + 1):
            try:
                async with self._call() as call, self.redis.pipeline(transaction=True) as pipe:
                    await pipe.watch(*watched)
                    result = await attempt(pipe)
                    if len(pipe):
                        await pipe.execute()
                        call.has_written = self.has_written = True
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
        with self._readable():
            await disconnect(self.redis)

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[_Call]:
        """Let one call through, or not, and learn from what becomes of it."""
        if not self.breaker.admits():
            self.calls["not tried"] += 1
            raise UnavailableError(
                f"{self.breaker.last_error}; not asked again for {self.breaker.retry_in_s:.1f} s"
            )
        call = _Call()
        try:
            with self._readable():
                if self.credentials is not None and (others := self.credentials.others()):
                    await self._take_up(self.credentials, others)
                if self.breaker.refuses_writes:
                    # What a former primary answers may be older than what was written since.
                    await self.redis.execute_command("ZREM", self.keys.workers, _NOBODY)
                yield call
        except _UnansweredError as error:
            self.calls["unanswered"] += 1
            self.breaker.failed(str(error))
            raise UnavailableError(str(error)) from None
        except _ShutOutError as error:
            self.calls["refused"] += 1
            self.breaker.failed(str(error), refuses_writes=not error.is_turned_away)
            await renew(self.redis)
            raise UnavailableError(str(error)) from None
        except (UnavailableError, ConfigurationError):
            self.calls["refused"] += 1
            self.breaker.answered()
            raise
        except Exception:
            # A defect of ours or another worker's write: Redis has answered.
            self.calls["done"] += 1
            self.breaker.answered()
            raise
        except BaseException:
            # A cancelled call has heard nothing.
            self.breaker.abandoned()
            raise
        else:
            self.calls["done"] += 1
            self.breaker.answered(has_written=call.has_written)

    async def _take_up(self, credentials: Credentials, url: RedisUrl) -> None:
        """Make connections anew with the user and password of ``url`` if Redis takes them."""
        try:
            await try_out(self.redis, url)
        except (exceptions.RedisError, OSError) as error:
            # Whoever is not there says nothing of a password.
            if is_turned_away(error) or isinstance(error, exceptions.NoPermissionError):
                credentials.refuse(url, str(self._translated(error)))
            return
        credentials.use(url)
        await renew(self.redis)
        credentials.used()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn what redis-py raises within into one line without secrets."""
        try:
            yield
        except exceptions.WatchError as error:
            # redis-py reports a connection lost while watching as a conflict.  It is none: whether
            # the write happened is unknown, and the caller has to ask again.
            if isinstance(error.__context__, UNREACHABLE):
                raise self._translated(error.__context__) from None
            raise _ConflictError from None
        except (exceptions.RedisError, OSError) as error:
            raise self._translated(error) from None

    def _translated(self, error: BaseException) -> Exception:
        ours = translated(
            error,
            self.address,
            was_accepted=self.calls["done"] > 0,
            has_written=self.has_written,
        )
        if is_unanswered(error):
            return _UnansweredError(str(ours))
        if isinstance(ours, UnavailableError) and is_shut_out(error):
            return _ShutOutError(str(ours), is_turned_away(error))
        return ours


async def asked(pipe: Pipe, *command: Any) -> Any:
    """Return the reply to a command that is sent at once, in a transaction that watches.

    A pipeline's error quotes its command; this one does it for a single command, up to the key.
    """
    try:
        return await pipe.execute_command(*command)
    except exceptions.ResponseError as error:
        error.args = (f"Command ({command[0]} {command[1]}) caused error: {error}",)
        raise


async def _transaction(connection: Any, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Return the replies to ``commands``: one bound in time for all of them, not one for each."""
    packed = connection.pack_commands([("MULTI",), *commands, ("EXEC",)])
    await connection.send_packed_command(packed)
    try:
        async with asyncio.timeout(connection.socket_timeout):
            for _ in range(1 + len(commands)):
                await connection.read_response(timeout=math.inf)
            replies: list[Any] = await connection.read_response(timeout=math.inf)
    except TimeoutError:
        raise exceptions.TimeoutError("Timeout reading from Redis") from None
    for reply in replies:
        if isinstance(reply, exceptions.ResponseError):
            raise reply
    return replies


@dataclass(slots=True)
class _Call:
    """One call; ``has_written`` once a write of it was done."""

    has_written: bool = False


class _UnansweredError(UnavailableError):
    """There was no answer at all."""


class _ShutOutError(UnavailableError):
    """The server that answered would take no write, or did not let this user in."""

    def __init__(self, text: str, is_turned_away: bool) -> None:
        super().__init__(text)
        self.is_turned_away = is_turned_away


class _ConflictError(Exception):
    """Something watched changed between the reads and the writes."""
