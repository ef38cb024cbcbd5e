"""Which store this is: an id that is written once, so that another Redis is known for what it is.

A Redis that lost its data answers like one that never had any, and a worker that saves into it buries
what is missing: Kafka's offsets went on, the model and the ledger begin again.

Invariants:
* The id is written only where there is none, by a process that has seen none before.
* A process that has seen an id writes nothing where that id is not: the check is part of the step.

An older state of the same Redis has the same id; `streamer.store.checkpoints` tells it by its offsets.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from streamer.errors import StoreReplacedError
from streamer.store.client import Client, Pipe, asked
from streamer.store.stored import rfc3339

__all__ = ["Identity"]


@dataclass(slots=True)
class Identity:
    """The id that this process saw first; None before it has asked."""

    seen: str | None = None

    async def identify(self, client: Client) -> str:
        """Return the id of the store, which gets one if nobody gave it one yet."""
        key = client.keys.identity
        if self.seen is not None:
            [stored] = await client.pipelined([("GET", key)], atomic=False)
            self._compare(client, stored)
            return self.seen
        [(seconds, micros)] = await client.pipelined([("TIME",)], atomic=False)
        # Never from a seed: two stores with one id would be taken for the same.
        since = rfc3339(int(seconds) * 1000 + int(micros) // 1000)
        proposed = f"{secrets.token_hex(8)} since {since}"
        # Of workers that start together one is first, and all read the same id.
        [_, stored] = await client.pipelined(
            [("SET", key, proposed, "NX"), ("GET", key)], atomic=True
        )
        self.seen = stored.decode(errors="replace")
        return self.seen

    async def known(self, client: Client) -> None:
        """Ask for the id where this process has not seen it yet."""
        if self.seen is None:
            await self.identify(client)

    async def verify(self, pipe: Pipe, client: Client) -> None:
        """Raise `StoreReplacedError` in a transaction that watches ``keys.identity``."""
        self._compare(client, await asked(pipe, "GET", client.keys.identity))

    def _compare(self, client: Client, stored: bytes | None) -> None:
        found = None if stored is None else stored.decode(errors="replace")
        if found == self.seen:
            return
        there = "none: it was emptied or is another" if found is None else f"{found!r}"
        raise StoreReplacedError(
            f"id of the store at {client.address} must be {self.seen!r}, which this worker saw first, "
            f"got {there}; nothing was written there: bring the old data back, or start the workers "
            "again, and they take this store and declare what is missing as lost"
        )
