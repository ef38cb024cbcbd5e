"""Names of people whom a provider lets in: whose each one is, for good.

Invariants:
* A name, however its letters are written, is one subject's, and a subject has one name: that of its
  first login.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.store.client import Client, Pipe, asked

__all__ = ["BoundNames"]


@dataclass(frozen=True, slots=True)
class BoundNames:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def bind(self, subject: str, name: str) -> str | None:
        """Return the name of a subject, ``name`` from now on where it has none.

        None where that is another subject's.
        """
        of_subject, of_name = f"subject:{subject}", f"name:{name.lower()}"

        async def attempt(pipe: Pipe) -> str | None:
            known = await asked(pipe, "HGET", self._key, of_subject)
            if known is not None:
                return str(known.decode())
            if await asked(pipe, "HGET", self._key, of_name) is not None:
                return None
            pipe.multi()
            told = of_subject, name, of_name, subject
            pipe.execute_command("HSET", self._key, *told)
            return name

        return await self.client.transact([self._key], attempt)

    async def has(self, name: str) -> bool:
        """Whether a name is a subject's, in capitals or not."""
        [n] = await self.client.pipelined(
            [("HEXISTS", self._key, f"name:{name.lower()}")], atomic=False
        )
        return bool(n)

    @property
    def _key(self) -> str:
        return self.client.keys.review("bound-names")
