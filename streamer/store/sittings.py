"""Logins that failed, and sessions that were ended: what a console must remember of people."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.store.client import Client, Pipe, asked

__all__ = ["Sittings"]


@dataclass(frozen=True, slots=True)
class Sittings:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def tried(self, name: str, within_ms: int) -> int:
        """Count a try, and return how many there were since the first of the last ``within_ms``."""
        key = self.client.keys.review("tries", name)
        _, n_tries = await self.client.pipelined(
            [("SET", key, 0, "NX", "PX", within_ms), ("INCR", key)], atomic=True
        )
        return int(n_tries)

    async def n_tries(self, name: str) -> int:
        """Return how many tries are counted at present."""
        key = self.client.keys.review("tries", name)
        [found] = await self.client.pipelined([("GET", key)], atomic=False)
        return int(found or 0)

    async def is_first(self, name: str, for_ms: int) -> bool:
        """Whether something is done for the first time, in so long: noted in the same step."""
        command = "SET", self.client.keys.review("once", name), 1, "NX", "PX", for_ms
        [told] = await self.client.pipelined([command], atomic=False)
        return bool(told)

    async def succeeded(self, name: str) -> None:
        """Count a try less: people of one address do not wait for one another."""
        key = self.client.keys.review("tries", name)

        async def attempt(pipe: Pipe) -> None:
            # One that has expired would begin below 0, and for good.
            if int(await asked(pipe, "GET", key) or 0) > 0:
                pipe.multi()
                pipe.execute_command("DECR", key)

        await self.client.transact([key], attempt)

    async def forget_tries(self, name: str) -> None:
        """Begin to count anew."""
        key = self.client.keys.review("tries", name)
        await self.client.pipelined([("DEL", key)], atomic=False)

    async def came_from(self, name: str, for_ms: int) -> None:
        """Remember for so long that somebody has logged in from an address."""
        command = "SET", self.client.keys.review("known-address", name), 1, "PX", for_ms
        await self.client.pipelined([command], atomic=False)

    async def has_come_from(self, name: str) -> bool:
        """Whether that is remembered."""
        key = self.client.keys.review("known-address", name)
        [found] = await self.client.pipelined([("EXISTS", key)], atomic=False)
        return bool(found)

    async def end(self, session_id: str, for_ms: int) -> None:
        """Let a session count no more, for as long as its cookie could."""
        key = self.client.keys.review("ended", session_id)
        await self.client.pipelined([("SET", key, 1, "PX", max(for_ms, 1))], atomic=False)

    async def is_ended(self, session_id: str) -> bool:
        """Whether somebody has logged out of it."""
        key = self.client.keys.review("ended", session_id)
        [found] = await self.client.pipelined([("EXISTS", key)], atomic=False)
        return bool(found)
