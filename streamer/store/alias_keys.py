"""The key of aliases (`streamer.contract.card_aliases`), which Redis alone has.

Invariant: it is drawn once, and only becomes less afterwards; what was in it of a card that is
forgotten is overwritten in one step.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.contract.card_aliases import AliasKey
from streamer.store.client import Client, Pipe, asked

__all__ = ["AliasKeys"]


@dataclass(frozen=True, slots=True)
class AliasKeys:
    """That of one namespace; each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def read(self) -> AliasKey:
        """Return the key, a new one where there was none."""
        key = self.client.keys.aliases
        drawn = AliasKey.drawn().encoded()
        commands = [("SET", key, drawn, "NX"), ("GET", key)]
        _, stored = await self.client.pipelined(commands, atomic=True)
        return AliasKey.decoded(stored)

    async def forget(self, *cards: str) -> AliasKey:
        """Let nobody make the aliases of these any more, all or none; return the key that is left."""
        key = self.client.keys.aliases

        async def attempt(pipe: Pipe) -> AliasKey:
            stored = await asked(pipe, "GET", key)
            left = AliasKey.drawn() if stored is None else AliasKey.decoded(stored)
            for card in cards:
                left = left.without(card)
            pipe.multi()
            pipe.execute_command("SET", key, left.encoded())
            return left

        return await self.client.transact([key], attempt)
