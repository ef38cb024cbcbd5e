"""What is kept in Redis of the chains: the head of each, and what Kafka has not taken yet.

Invariants:
* An entry lies in Redis before anybody sees or changes what it tells of, and until its chain's head,
  written in the same step, is at it or beyond: whoever is killed in between loses none.
* A head never goes back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from streamer.audit.audit_entry import Head
from streamer.store.client import Client, Pipe, asked

__all__ = ["KeptHeads"]


@dataclass(frozen=True, slots=True)
class KeptHeads:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def hold(self, writer: str, sequence: int, value: bytes) -> None:
        """Keep an entry until Kafka has it; another with its number makes room."""
        command = "HSET", self._unsent, _field(writer, sequence), value
        await self.client.pipelined([command], atomic=False)

    async def heads(self) -> dict[str, Head]:
        """Return the head of each chain."""
        [stored] = await self.client.pipelined([("HGETALL", self._heads)], atomic=False)
        return {
            writer.decode(): msgspec.json.decode(head, type=Head) for writer, head in stored.items()
        }

    async def unsent(self) -> dict[str, dict[int, bytes]]:
        """Return what Kafka has not taken, by writer and number, the numbers in their order."""
        [stored] = await self.client.pipelined([("HGETALL", self._unsent)], atomic=False)
        found: dict[str, dict[int, bytes]] = {}
        for name, value in sorted(stored.items(), key=lambda pair: _split(pair[0])):
            writer, sequence = _split(name)
            found.setdefault(writer, {})[sequence] = value
        return found

    async def taken(self, writer: str, head: Head, sequences: Iterable[int]) -> None:
        """Note what Kafka has of a chain: its head, and that the entries need not be kept."""
        fields = [_field(writer, sequence) for sequence in sequences]

        async def attempt(pipe: Pipe) -> None:
            stored = await asked(pipe, "HGET", self._heads, writer)
            known = None if stored is None else msgspec.json.decode(stored, type=Head)
            pipe.multi()
            if known is None or known.sequence < head.sequence:
                pipe.execute_command("HSET", self._heads, writer, msgspec.json.encode(head))
            if fields:
                pipe.execute_command("HDEL", self._unsent, *fields)

        await self.client.transact([self._heads], attempt)

    async def forget(self, writers: Collection[str]) -> None:
        """Forget heads of chains that are no longer kept."""
        if writers:
            await self.client.pipelined([("HDEL", self._heads, *writers)], atomic=False)

    @property
    def _heads(self) -> str:
        return self.client.keys.audit_heads

    @property
    def _unsent(self) -> str:
        return self.client.keys.audit_unsent


def _field(writer: str, sequence: int) -> str:
    return f"{writer}/{sequence}"


def _split(field: bytes) -> tuple[str, int]:
    writer, _, sequence = field.decode().rpartition("/")
    return writer, int(sequence)
