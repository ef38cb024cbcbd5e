"""Who has an alert: one holder at a time, and no more alerts to one person than is agreed.

A claim is a key that Redis itself lets expire, so that the clocks of several consoles do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.store.client import Client, Pipe, asked
from streamer.store.open_alerts import QueueRow, queue_again

__all__ = ["Claimed", "Claims"]

# What waits for a verdict, and what for a second opinion or a ruling.
_OPEN: Final = "ranked", "twices"


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whose an alert is: ``holder`` is empty where nobody has it, or it is open no more.

    ``others`` are the alerts that a person has where another would be more than is agreed.  ``is_open``
    is whether it is in the queue.
    """

    holder: str
    left_ms: int = 0
    others: tuple[str, ...] = ()
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Claims:
    """Each method raises `UnavailableError` where Redis is away; a person has at most ``most``."""

    client: Client
    most: int

    async def claim(
        self, alert_id: str, who: str, for_ms: int, row: QueueRow | None = None
    ) -> Claimed:
        """Give an open alert to ``who`` for so long, unless another has it; return whose it is.

        ``holder`` is empty, and ``others`` are told, where ``who`` has as many as is agreed.  With its
        ``row`` an alert that is in the queue no more, and has no verdict, is put back in the same step.
        """
        keys = self.client.keys
        names = "claim", "alert", "verdict"
        claim, alert, verdict = (keys.review(name, alert_id) for name in names)
        theirs = keys.review("claims", who)

        async def attempt(pipe: Pipe) -> Claimed:
            places = [keys.review(name) for name in _OPEN]
            ranks = [await asked(pipe, "ZSCORE", place, alert_id) for place in places]
            is_open = any(rank is not None for rank in ranks)
            if not is_open and (row is None or await asked(pipe, "EXISTS", verdict)):
                return Claimed("", is_open=False)
            if not await asked(pipe, "EXISTS", alert):
                return Claimed("", is_open=False)
            holder = await asked(pipe, "GET", claim)
            if holder is not None and holder.decode() != who:
                return await _of_another(pipe, claim, holder)
            others, over = await self._others(pipe, alert_id, who)
            if holder is None and len(others) >= self.most:
                return Claimed("", others=tuple(sorted(others)), is_open=is_open)
            pipe.multi()
            if row is not None and not is_open:
                queue_again(pipe, keys, row)
            self._queue_claim(pipe, alert_id, who, for_ms)
            if over:
                pipe.execute_command("SREM", theirs, *over)
            return Claimed(who, for_ms)

        return await self.client.transact([claim, alert, theirs, verdict], attempt)

    async def take(self, alert_id: str, who: str, holder: str, for_ms: int) -> Claimed:
        """Give an open alert from ``holder`` to ``who`` if ``holder`` still has it; return whose it is.

        ``holder`` of what is returned is empty where nobody has it.
        """
        claim = self.client.keys.review("claim", alert_id)

        async def attempt(pipe: Pipe) -> Claimed:
            found = await asked(pipe, "GET", claim)
            if found is None:
                return Claimed("")
            if found.decode() != holder:
                return await _of_another(pipe, claim, found)
            pipe.multi()
            self._queue_claim(pipe, alert_id, who, for_ms)
            return Claimed(who, for_ms)

        return await self.client.transact([claim], attempt)

    async def release(self, alert_id: str, who: str) -> bool:
        """Let go of an alert; False where it is not ``who``'s."""
        claim = self.client.keys.review("claim", alert_id)

        async def attempt(pipe: Pipe) -> bool:
            holder = await asked(pipe, "GET", claim)
            if holder is None or holder.decode() != who:
                return False
            pipe.multi()
            pipe.execute_command("DEL", claim)
            return True

        return await self.client.transact([claim], attempt)

    async def look(self, alert_id: str) -> Claimed:
        """Return whose an alert is, and claim nothing."""
        keys = self.client.keys
        claim = keys.review("claim", alert_id)
        ranks = [("ZSCORE", keys.review(name), alert_id) for name in _OPEN]
        commands = [("GET", claim), ("PTTL", claim), *ranks]
        holder, left_ms, *found = await self.client.pipelined(commands, atomic=True)
        name = "" if holder is None else holder.decode()
        is_open = any(rank is not None for rank in found)
        return Claimed(name, max(int(left_ms), 0), is_open=is_open)

    async def holders(self, alert_ids: Sequence[str]) -> list[str]:
        """Return who has each alert, "" for nobody."""
        if not alert_ids:
            return []
        claims = [self.client.keys.review("claim", alert_id) for alert_id in alert_ids]
        [found] = await self.client.pipelined([("MGET", *claims)], atomic=False)
        return ["" if holder is None else holder.decode() for holder in found]

    async def _others(self, pipe: Pipe, alert_id: str, who: str) -> tuple[list[str], list[str]]:
        """Return the other alerts that ``who`` has, and those that they have no more."""
        keys = self.client.keys
        found = await asked(pipe, "SMEMBERS", keys.review("claims", who))
        ids = [each.decode() for each in found if each.decode() != alert_id]
        if not ids:
            return [], []
        holders = await asked(pipe, "MGET", *(keys.review("claim", each) for each in ids))
        pairs = list(zip(ids, holders, strict=True))
        theirs = [each for each, holder in pairs if holder == who.encode()]
        return theirs, [each for each, holder in pairs if holder != who.encode()]

    def _queue_claim(self, pipe: Pipe, alert_id: str, who: str, for_ms: int) -> None:
        keys = self.client.keys
        theirs = keys.review("claims", who)
        pipe.execute_command("SET", keys.review("claim", alert_id), who, "PX", for_ms)
        pipe.execute_command("SADD", theirs, alert_id)
        # As long as the claim that ends last: each later one says it anew.
        pipe.execute_command("PEXPIRE", theirs, for_ms)


async def _of_another(pipe: Pipe, claim: str, holder: bytes) -> Claimed:
    return Claimed(holder.decode(), max(int(await asked(pipe, "PTTL", claim)), 0))
