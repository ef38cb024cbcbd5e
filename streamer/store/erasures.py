"""Cards that somebody wants to be forgotten: proposed, begun, and which partitions have done it.

An erasure is known everywhere else by its id, which is drawn and says nothing of the card; here alone
stands which card it is, until it is done.

Invariants:
* Workers act on those alone that have begun, and each partition does so once: that it has is written
  in the checkpoint that holds it.
* Of an erasure that is done nothing is left here but when it was, under a keyed digest of the card,
  and that no longer than it is to be remembered.  The key lies beside it: who reads this part of Redis
  does not see whose it was, but finds it out by trying cards.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from streamer.store.alias_keys import AliasKeys
from streamer.store.client import Client, Pipe, asked

__all__ = ["Erasure", "Erasures", "Forgotten"]

# As many as there is room for among proposals.
_MOST: Final = 200
_KEY_BYTES: Final = 32


class Erasure(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One card to be forgotten; ``id`` is that of its proposal.

    ``begun_ms`` is 0 until somebody carries it out, ``alias`` what the card was called in alerts
    before its alias was destroyed.  ``names`` are what else the card is called,
    ``transactions`` the payments that are known to be its own, ``segments`` by partition
    (``topic:number``) which saved payments that wait for a verdict have some of its own.
    """

    id: str
    card_id: str
    proposed_ms: int
    begun_ms: int = 0
    alias: str = ""
    names: list[str] = []
    transactions: list[str] = []
    segments: dict[str, list[int]] = {}

    @property
    def turn(self) -> str:
        """What workers know it by: one that is begun again is another."""
        return f"{self.id}:{self.begun_ms}"

    def done_name(self, topic: str, partition: int) -> str:
        """Return the field under which a partition says that it has let go of the card."""
        return f"{self.turn}:{topic}:{partition}"


class Forgotten(msgspec.Struct, frozen=True):
    """That a card was forgotten: by which erasure, and when, in epoch milliseconds."""

    id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Erasures:
    """Those of one namespace; each method raises `UnavailableError` where Redis is away."""

    client: Client

    @property
    def aliases(self) -> AliasKeys:
        """What stands for cards where nothing can be erased."""
        return AliasKeys(self.client)

    async def all(self) -> list[Erasure]:
        """Return those that are proposed or under way, the oldest first."""
        [stored] = await self.client.pipelined([("HVALS", self.client.keys.erasures)], atomic=False)
        found = [msgspec.json.decode(each, type=Erasure) for each in stored]
        return sorted(found, key=lambda each: (each.proposed_ms, each.id))

    async def begun(self) -> list[Erasure]:
        """Return those that workers are to act on."""
        return [each for each in await self.all() if each.begun_ms]

    async def put(self, erasure: Erasure) -> bool:
        """Keep an erasure in place of what has its id; False where there are too many."""
        keys = self.client.keys

        async def attempt(pipe: Pipe) -> bool:
            names = await asked(pipe, "HKEYS", keys.erasures)
            if len(names) >= _MOST and erasure.id.encode() not in names:
                return False
            pipe.multi()
            pipe.execute_command("HSET", keys.erasures, erasure.id, msgspec.json.encode(erasure))
            return True

        return await self.client.transact([keys.erasures], attempt)

    async def done(self) -> Mapping[str, int]:
        """Return when each partition let go of a card, by `Erasure.done_name`, in epoch ms."""
        [stored] = await self.client.pipelined([("HGETALL", self.client.keys.erased)], atomic=False)
        return {name.decode(): int(at_ms) for name, at_ms in stored.items()}

    async def some_stored(
        self, topic: str, partition: int, kind: str, cursor: int, at_once: int
    ) -> tuple[int, dict[str, bytes]]:
        """Return where to go on, 0 after the last, and about ``at_once`` stored entities of a kind.

        Whatever lies there: a name that is no text is one that no entity has.
        """
        key = self.client.keys.entities(kind, topic, partition)
        [(following, states)] = await self.client.pipelined(
            [("HSCAN", key, cursor, "COUNT", at_once)], atomic=False
        )
        rows = {name.decode(errors="replace"): state for name, state in states.items()}
        return int(following), rows

    async def drop(self, erasure_id: str) -> bool:
        """Let go of one that was declined, or never became a proposal; False of one under way.

        Of that the alias may be destroyed already, and nobody else knows what it was.
        """
        key = self.client.keys.erasures

        async def attempt(pipe: Pipe) -> bool:
            stored = await asked(pipe, "HGET", key, erasure_id)
            found = None if stored is None else msgspec.json.decode(stored, type=Erasure)
            if found is not None and (found.begun_ms or found.alias):
                return False
            pipe.multi()
            pipe.execute_command("HDEL", key, erasure_id)
            return True

        return await self.client.transact([key], attempt)

    async def finish(self, erasure: Erasure, at_ms: int, kept_ms: int) -> None:
        """Let go of an erasure and of all that is noted of it, and note for a while when that was."""
        keys, prefix = self.client.keys, f"{erasure.id}:".encode()
        digest = await self._digest(erasure.card_id)
        noted = msgspec.json.encode(Forgotten(erasure.id, at_ms))

        async def attempt(pipe: Pipe) -> None:
            done = [n for n in await asked(pipe, "HKEYS", keys.erased) if n.startswith(prefix)]
            known = await asked(pipe, "HGETALL", keys.forgotten)
            old = _older(known, at_ms - kept_ms)
            pipe.multi()
            if old:
                pipe.execute_command("HDEL", keys.forgotten, *old)
            pipe.execute_command("HSET", keys.forgotten, digest, noted)
            if done:
                pipe.execute_command("HDEL", keys.erased, *done)
            pipe.execute_command("HDEL", keys.erasures, erasure.id)

        await self.client.transact([keys.erased, keys.erasures, keys.forgotten], attempt)

    async def forgotten(self, card_id: str, now_ms: int, kept_ms: int) -> Forgotten | None:
        """Return when a card was forgotten last, None where that is not known or was too long ago.

        What is older than ``kept_ms`` of all cards goes.
        """
        key, digest = self.client.keys.forgotten, await self._digest(card_id)

        async def attempt(pipe: Pipe) -> Forgotten | None:
            known = await asked(pipe, "HGETALL", key)
            old = _older(known, now_ms - kept_ms)
            pipe.multi()
            if old:
                pipe.execute_command("HDEL", key, *old)
            stored = None if digest.encode() in old else known.get(digest.encode())
            return None if stored is None else msgspec.json.decode(stored, type=Forgotten)

        return await self.client.transact([key], attempt)

    async def _digest(self, card_id: str) -> str:
        key, drawn = self.client.keys.forgotten_key, secrets.token_bytes(_KEY_BYTES)
        commands = [("SET", key, drawn, "NX"), ("GET", key)]
        _, stored = await self.client.pipelined(commands, atomic=True)
        return hmac.new(stored, card_id.encode(), hashlib.sha256).hexdigest()


def _older(known: Mapping[bytes, bytes], before_ms: int) -> list[bytes]:
    """Return the digests of those that were forgotten before a time."""
    decode = msgspec.json.Decoder(Forgotten).decode
    return [name for name, value in known.items() if decode(value).at_ms < before_ms]
