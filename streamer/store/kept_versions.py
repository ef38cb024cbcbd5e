"""The model versions of the latest alerts, beside those of the stream, which trims them in minutes.

Redis copies them itself.  Invariant: at most `_MOST`, those whose alerts came last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from streamer.store.client import Client, Pipe, asked

__all__ = ["KeptVersions"]

_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class KeptVersions:
    """The copies of one namespace; each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def keep(self, version_ids: Iterable[str], now_ms: int) -> None:
        """Keep versions, as far as they are still there; the oldest copies make room."""
        keys, wanted = self.client.keys, sorted(set(version_ids))
        kept = keys.review("versions")

        async def attempt(pipe: Pipe) -> None:
            scores = await asked(pipe, "ZMSCORE", kept, *wanted)
            new = [each for each, score in zip(wanted, scores, strict=True) if score is None]
            n_over = int(await asked(pipe, "ZCARD", kept)) + len(new) - _MOST
            oldest = await asked(pipe, "ZRANGE", kept, 0, n_over - 1) if n_over > 0 else []
            commands: list[tuple[Any, ...]] = []
            for each in new:
                copied = keys.review("version", each)
                commands += [
                    ("COPY", keys.version(each), copied),
                    ("ZADD", kept, now_ms, each),
                ]
            for each in oldest:
                name = each.decode()
                commands += [("DEL", keys.review("version", name)), ("ZREM", kept, name)]
            pipe.multi()
            for command in commands:
                pipe.execute_command(*command)

        if wanted:
            await self.client.transact([kept], attempt)

    async def blob(self, version_id: str) -> bytes | None:
        """Return a version's file, the stream's or the copy; None where there is neither."""
        keys = self.client.keys
        names = keys.version(version_id), keys.review("version", version_id)
        [found] = await self.client.pipelined([("MGET", *names)], atomic=False)
        first: bytes | None = found[0]
        return found[1] if first is None else first
