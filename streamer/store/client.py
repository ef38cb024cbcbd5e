"""The connection to Redis: bounded in time, and its errors in words.

Invariants:
* No call waits longer than its timeout, and the client itself repeats nothing: whether a write may
  be offered again is for the checkpoint to know, not for the connection.
* After a few calls without an answer the next ones fail at once, see `breaker`.
* `transact` either writes everything that the attempt queued or nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

import numpy as np
from redis import exceptions

from streamer.errors import ConfigurationError, UnavailableError
from streamer.store.breaker import Breaker
from streamer.store.connecting import connect, disconnect, parsed
from streamer.store.faults import UNREACHABLE, is_unanswered, translated
from streamer.store.keys import Keys

__all__ = ["CALL_OUTCOMES", "CallOutcome", "Client", "Pipe", "asked"]

# redis-py types a command's result as maybe awaitable, maybe the pipeline itself; its replies are
# given their types where they are read.
Pipe: TypeAlias = Any
T = TypeVar("T")

CallOutcome = Literal["done", "unanswered", "refused", "not tried"]
CALL_OUTCOMES: Final[tuple[CallOutcome, ...]] = get_args(CallOutcome)

# Of the workers that collide one always gets through, so this many tries outlast as many workers.
_MAX_TRIES: Final = 50
_JITTER_S: Final = 0.005
_MAX_JITTER_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Client:
    """A lazily connecting client of one namespace.

    ``address`` is what may be shown of the URL; ``calls`` counts by what became of them.
    """

    redis: Pipe
    keys: Keys
    address: str
    rng: np.random.Generator
    breaker: Breaker
    calls: Counter[CallOutcome] = field(default_factory=Counter)

    @classmethod
    def of(
        cls,
        url: str,
        timeout_s: float,
        namespace: str,
        rng: np.random.Generator,
        monotonic: Callable[[], float],
    ) -> Client:
        """Return a client for ``url``; connects at the first command."""
        keys = Keys(namespace)
        parts = parsed(url)
        return cls(connect(parts, timeout_s), keys, parts.shown, rng, Breaker(rng, monotonic))

    async def pipelined(self, commands: list[tuple[Any, ...]], *, atomic: bool) -> list[Any]:
        """Return the replies to ``commands``, sent in one round trip."""
        if not commands:
            return []
        async with self._call(), self.redis.pipeline(transaction=atomic) as pipe:
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
                async with self._call(), self.redis.pipeline(transaction=True) as pipe:
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
        with self._readable():
            await disconnect(self.redis)

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        """Let one call through, or not, and learn from what becomes of it."""
        if not self.breaker.admits():
            self.calls["not tried"] += 1
            raise UnavailableError(
                f"{self.breaker.last_error}; not asked again for {self.breaker.retry_in_s:.1f} s"
            )
        outcome: CallOutcome | None = "done"
        try:
            with self._readable():
                yield
        except _UnansweredError as error:
            outcome = "unanswered"
            self.breaker.failed(str(error))
            raise UnavailableError(str(error)) from None
        except (UnavailableError, ConfigurationError):
            outcome = "refused"
            raise
        except BaseException as error:
            # A defect of ours or another worker's write: Redis has answered.  A cancelled call has
            # heard nothing.
            outcome = None if not isinstance(error, Exception) else "done"
            raise
        finally:
            if outcome is None:
                self.breaker.abandoned()
            else:
                self.calls[outcome] += 1
                if outcome != "unanswered":
                    self.breaker.answered()

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
        ours = translated(error, self.address, was_accepted=self.calls["done"] > 0)
        return _UnansweredError(str(ours)) if is_unanswered(error) else ours


async def asked(pipe: Pipe, *command: Any) -> Any:
    """Return the reply to a command that is sent at once, in a transaction that watches.

    A pipeline's error quotes its command; this one does it for a single command, up to the key.
    """
    try:
        return await pipe.execute_command(*command)
    except exceptions.ResponseError as error:
        error.args = (f"Command ({command[0]} {command[1]}) caused error: {error}",)
        raise


class _UnansweredError(UnavailableError):
    """There was no answer at all."""


class _ConflictError(Exception):
    """Something watched changed between the reads and the writes."""
