"""Policies: content-addressed and immutable, one of them in force, every change on record.

Invariants:
* A record is written once, under the hash of its bytes; the one in force is there.
* What is put in force replaces the policy that it was decided on, or nothing is written.
* Every change is in the lineage and in a history of its own, which no merge pushes out, in the same
  step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamer.errors import ConfigurationError, InvariantError
from streamer.policies import Policy, changes_between, policy_in_bytes
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.stored import rfc3339
from streamer.store.versions import queue_entry

__all__ = ["Policies", "PolicyEntry"]

# A whole history is read for an id's beginning.
_ALL: Final = 1_000_000
_FIRST_WHY: Final = "the first, from the environment"


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """A policy that was put in force ``at`` a time, in place of ``before``; empty for the first."""

    id: str
    before: str
    at: str
    who: str
    why: str
    changed: str


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of one namespace; each method raises `UnavailableError` where Redis is away."""

    client: Client
    identity: Identity
    limits: Limits

    async def head(self) -> str:
        """Return the id of the policy in force; empty where there is none yet."""
        [stored] = await self.client.pipelined(
            [("GET", self.client.keys.policy_head)], atomic=False
        )
        return _text(stored)

    async def begin(self, first: Policy, owner: str, now_ms: int) -> Policy:
        """Return the policy in force, which is ``first`` where there was none."""
        client = self.client
        await self.identity.known(client)

        async def attempt(pipe: Pipe) -> Policy:
            await self.identity.verify(pipe, client)
            current = _text(await asked(pipe, "GET", client.keys.policy_head))
            if current:
                return await _read(pipe, client, current)
            pipe.multi()
            entry = PolicyEntry(first.id, "", rfc3339(now_ms), owner, _FIRST_WHY, "")
            _queue(pipe, client, self.limits, first, entry)
            return first

        return await client.transact([client.keys.identity, client.keys.policy_head], attempt)

    async def put_in_force(
        self, policy: Policy, decided_on: str, *, who: str, why: str, now_ms: int
    ) -> bool:
        """Put a policy in force; False where it is already.

        ``decided_on`` is the id of the one that it was compared with: `ConfigurationError` where
        another is in force by now.
        """
        client = self.client
        await self.identity.known(client)

        async def attempt(pipe: Pipe) -> bool:
            await self.identity.verify(pipe, client)
            current = _text(await asked(pipe, "GET", client.keys.policy_head))
            if current == policy.id:
                return False
            if current != decided_on:
                raise ConfigurationError(
                    f"policy in force must still be {decided_on}, on which this change was decided, "
                    f"got {current or 'none'}: somebody else has changed it meanwhile; look at "
                    "`streamer policy history` and apply again"
                )
            before = await _read(pipe, client, current)
            changed = "; ".join(map(str, changes_between(before, policy)))
            pipe.multi()
            entry = PolicyEntry(policy.id, current, rfc3339(now_ms), who, why, changed)
            _queue(pipe, client, self.limits, policy, entry)
            return True

        return await client.transact([client.keys.identity, client.keys.policy_head], attempt)

    async def find(self, wanted: str = "") -> Policy:
        """Return the policy whose id starts with ``wanted``, the one in force where that is empty."""
        current = await self.head()
        if not current:
            raise ConfigurationError(
                "a worker must have started in STREAMER_NAMESPACE "
                f"{self.client.keys.namespace!r}, which makes the first policy of its environment, "
                "got none"
            )
        if not wanted:
            return await self.read(current)
        ids = sorted({each.id for each in await self.history(_ALL)} | {current})
        matches = [each for each in ids if each.startswith(wanted)]
        if len(matches) != 1:
            raise ConfigurationError(
                f"policy must be one of the {len(ids)} stored, got {wanted!r}, which begins "
                f"{len(matches)} of them; `streamer policy history` shows them"
            )
        return await self.read(matches[0])

    async def read(self, policy_id: str) -> Policy:
        """Return the policy with this id, which the head or the history names."""
        client = self.client

        async def attempt(pipe: Pipe) -> Policy:
            return await _read(pipe, client, policy_id)

        return await client.transact([client.keys.policy_head], attempt)

    async def history(self, count: int) -> list[PolicyEntry]:
        """Return the latest ``count`` policies that were put in force, newest first."""
        key = self.client.keys.policy_history
        [entries] = await self.client.pipelined(
            [("XREVRANGE", key, "+", "-", "COUNT", count)], atomic=False
        )
        return [_entry(values, key) for _, values in entries]

    async def note(self, owner: str, policy_id: str) -> None:
        """Note by which policy ``owner`` goes, and forget what those went by who are gone."""
        client, keys = self.client, self.client.keys
        await self.identity.known(client)

        async def attempt(pipe: Pipe) -> None:
            await self.identity.verify(pipe, client)
            noted = {_text(name) for name in await asked(pipe, "HKEYS", keys.policy_workers)}
            alive = {_text(name) for name in await asked(pipe, "ZRANGE", keys.workers, 0, -1)}
            pipe.multi()
            pipe.execute_command("HSET", keys.policy_workers, owner, policy_id)
            if gone := sorted(noted - alive - {owner}):
                pipe.execute_command("HDEL", keys.policy_workers, *gone)

        await client.transact([keys.identity], attempt)

    async def by_worker(self) -> dict[str, str]:
        """Return by which policy each worker said that it goes."""
        command = "HGETALL", self.client.keys.policy_workers
        [stored] = await self.client.pipelined([command], atomic=False)
        return {_text(name): _text(policy_id) for name, policy_id in stored.items()}


async def _read(pipe: Pipe, client: Client, policy_id: str) -> Policy:
    record: bytes | None = await asked(pipe, "GET", client.keys.policy(policy_id))
    if record is None:
        raise InvariantError(
            f"policy {policy_id!r} must be stored while {client.keys.policy_head} or the history names "
            "it, got nothing; does something else write under its keys?"
        )
    return policy_in_bytes(record, policy_id)


def _queue(pipe: Pipe, client: Client, limits: Limits, policy: Policy, entry: PolicyEntry) -> None:
    keys = client.keys
    told: dict[str, str | int] = {
        "reason": "policy",
        "who": entry.who,
        "at": entry.at,
        "why": entry.why,
        "from": entry.before,
        "to": entry.id,
    }
    if entry.changed:
        told["changed"] = entry.changed
    pipe.execute_command("SET", keys.policy(policy.id), policy.encoded, "NX")
    pipe.execute_command("SET", keys.policy_head, policy.id)
    named = [item for pair in told.items() for item in pair]
    pipe.execute_command(
        "XADD", keys.policy_history, "MAXLEN", "~", limits.lineage_max_entries, "*", *named
    )
    queue_entry(pipe, keys, told, limits)


def _entry(values: dict[bytes, bytes], key: str) -> PolicyEntry:
    told = {_text(name): _text(value) for name, value in values.items()}
    try:
        known = told["to"], told["from"], told["at"], told["who"], told["why"]
    except KeyError as error:
        raise InvariantError(
            f"{key} must hold what streamer wrote, got an entry without {error}; does something else "
            "write under its keys?"
        ) from None
    return PolicyEntry(*known, told.get("changed", ""))


def _text(stored: bytes | None) -> str:
    return stored.decode(errors="replace") if stored is not None else ""
