"""Challengers: what each is, what it has learned, and what checkpoints add to both.

Invariants:
* A partition's checkpoint and what its challengers learned and counted are one atomic step, so that a
  challenger learns a payment once, whatever crashes.
* What is offered for a run that is no longer there is dropped: somebody has stopped it, and perhaps
  started another of its name.
* At most `MOST` run at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

from streamer.challenging.challenge import MOST, Challenge
from streamer.challenging.standing import Standing, Taken, standing_in
from streamer.errors import ConfigurationError, InvariantError
from streamer.model.codec import VersionHeader, decode_version, encode_version, state_id
from streamer.model.learning import advance
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums
from streamer.store.client import Client, Pipe, asked
from streamer.store.keys import Keys
from streamer.store.stored import Checkpoint, rfc3339

__all__ = ["Challengers", "merging"]

_REASON: Final = "challenger"


@dataclass(frozen=True, slots=True)
class Challengers:
    """Those of one namespace."""

    _client: Client

    async def standings(self) -> list[Standing]:
        """Return what is kept of those that run, by name."""
        key = self._client.keys.challengers
        [stored] = await self._client.pipelined([("HGETALL", key)], atomic=False)
        return [standing_in(stored[name], key) for name in sorted(stored)]

    async def learned(self, name: str, main: ModelConfig) -> tuple[Standing, Sums] | None:
        """Return what is kept of one and what it has learned, as of one moment; None without it.

        ``main`` is the configuration that its own is derived from.
        """
        keys = self._client.keys
        [stored, blob] = await self._client.pipelined(
            [("HGET", keys.challengers, name), ("GET", keys.challenger(name))], atomic=True
        )
        if stored is None:
            return None
        standing = standing_in(stored, keys.challengers)
        return standing, await asyncio.to_thread(_sums_in, blob, standing, main, keys)

    async def start(
        self, name: str, challenge: Challenge, sums: Sums, who: str, now_ms: int, main: ModelConfig
    ) -> Standing:
        """Let one begin with ``sums``; ConfigurationError where its name is taken, or `MOST` run."""
        keys, at, config = self._client.keys, rfc3339(now_ms), challenge.config(main)
        begun = Standing(
            name=name,
            run=f"{challenge.id[:12]}-{now_ms}",
            challenge=challenge,
            version=state_id(sums),
            transactions_seen=sums.transactions_seen,
            started_at=at,
            started_by=who,
        )
        header = VersionHeader(challenge.begins_with, at, _REASON, config.hash)
        blob = encode_version(sums, header, config.feature_names)

        async def attempt(pipe: Pipe) -> Standing:
            stored = await asked(pipe, "HGETALL", keys.challengers)
            names = sorted(each.decode(errors="replace") for each in stored)
            if name in names:
                raise ConfigurationError(
                    f"a challenger's name must be free, got {name}, which runs; "
                    f"`streamer challenger stop {name}` ends it"
                )
            if len(names) >= MOST:
                raise ConfigurationError(
                    f"at most {MOST} challengers must run, got {', '.join(names)} and {name}; "
                    "`streamer challenger stop NAME` ends one"
                )
            pipe.multi()
            pipe.execute_command("SET", keys.challenger(name), blob)
            pipe.execute_command("HSET", keys.challengers, name, begun.encoded())
            return begun

        return await self._client.transact([keys.challengers], attempt)

    async def stop(self, name: str) -> Standing:
        """End one and return what was kept of it; ConfigurationError where none has the name."""
        keys = self._client.keys

        async def attempt(pipe: Pipe) -> Standing:
            stored = await asked(pipe, "HGETALL", keys.challengers)
            if name.encode() not in stored:
                names = ", ".join(sorted(each.decode(errors="replace") for each in stored))
                raise ConfigurationError(
                    f"challenger must be one that runs ({names or 'there is none'}), got {name}"
                )
            pipe.multi()
            pipe.execute_command("HDEL", keys.challengers, name)
            pipe.execute_command("DEL", keys.challenger(name))
            return standing_in(stored[name.encode()], keys.challengers)

        return await self._client.transact([keys.challengers], attempt)


async def merging(
    pipe: Pipe, keys: Keys, new: Sequence[Checkpoint], main: ModelConfig
) -> list[list[Any]]:
    """Return the commands that bring the challengers on by what checkpoints hold of them.

    Of a transaction that watches ``keys.challengers``; nothing is asked where they hold nothing.
    """
    names = sorted({name for each in new for name in each.challenges})
    commands: list[list[Any]] = []
    for name in names:
        stored = await asked(pipe, "HGET", keys.challengers, name)
        if stored is None:
            continue
        standing = standing_in(stored, keys.challengers)
        offered = [each.challenges[name] for each in new if name in each.challenges]
        taken = [each for each in offered if each.run == standing.run]
        if not taken:
            continue
        known = {each.version: each.sums for each in taken}
        sums = known.get(standing.version)
        if sums is None:
            blob = await asked(pipe, "GET", keys.challenger(name))
            sums = await asyncio.to_thread(_sums_in, blob, standing, main, keys)
        header = VersionHeader(standing.version, rfc3339(new[0].now_ms), _REASON, "")
        commands += await asyncio.to_thread(_moved, keys, standing, sums, taken, header, main)
    return commands


def _moved(
    keys: Keys,
    standing: Standing,
    sums: Sums,
    taken: Sequence[Taken],
    header: VersionHeader,
    main: ModelConfig,
) -> list[list[Any]]:
    """Return the commands that write what a challenger is after ``taken``; a thread's work."""
    config = standing.challenge.config(main)
    deltas = [each.delta for each in taken if each.delta.teaches]
    tallies = [each.tally for each in taken if not each.tally.is_empty]
    commands: list[list[Any]] = []
    if deltas:
        sums = reduce(lambda before, delta: advance(before, delta, config), deltas, sums)
        header = replace(header, config_hash=config.hash)
        blob = encode_version(sums, header, config.feature_names)
        commands.append(["SET", keys.challenger(standing.name), blob])
    if deltas or tallies:
        version = state_id(sums) if deltas else standing.version
        after = standing.after(version, sums, tallies)
        commands.append(["HSET", keys.challengers, standing.name, after.encoded()])
    return commands


def _sums_in(blob: bytes | None, standing: Standing, main: ModelConfig, keys: Keys) -> Sums:
    if blob is None:
        raise InvariantError(
            f"{keys.challenger(standing.name)} must be stored while its challenger runs, got nothing; "
            "has Redis evicted it? maxmemory-policy must be noeviction"
        )
    sums, _ = decode_version(blob, standing.challenge.config(main))
    return sums
