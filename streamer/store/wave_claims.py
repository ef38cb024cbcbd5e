"""Alerts that are one matter: claimed at once, and remembered together when they are judged so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamer.store.client import Client, Pipe, asked

__all__ = ["Joint", "WaveClaimed", "WaveClaims"]

_KEPT_MS: Final = 86_400_000


class Joint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One verdict on ``members``, alerts of a wave or, ``is_ticked``, of nothing but a lead's choice.

    ``key`` names the form it came by, ``wave_id`` what the form was signed over.
    The verdict on alert i of them has the key `member_key`.
    """

    key: str
    wave_id: str
    verdict: Literal["fraud", "legitimate"]
    who: str
    decided_ms: int
    members: Sequence[str]
    is_undone: bool = False
    is_ticked: bool = False

    def member_key(self, i: int) -> str:
        """Return what names the verdict on alert ``i``: the same whenever the form is sent."""
        return f"{self.key}.{i}"


@dataclass(frozen=True, slots=True)
class WaveClaimed:
    """Who has each alert, "" where it is open no more; ``new`` are those that nobody had before.

    ``others`` are the alerts that a person has by ticks, where these would be more than is agreed.
    """

    holders: dict[str, str]
    new: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaveClaims:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def claim(self, alert_ids: Sequence[str], who: str, for_ms: int) -> WaveClaimed:
        """Give all of these alerts that are open and nobody else's to ``who``, in one step.

        They are one item to who judges them, and do not count among the alerts that one may have.
        """
        return await self._claim(alert_ids, who, for_ms)

    async def tick(self, alert_ids: Sequence[str], who: str, for_ms: int, most: int) -> WaveClaimed:
        """The same for what ``who`` has ticked, unless they would have more than ``most`` by ticks."""
        return await self._claim(alert_ids, who, for_ms, most)

    async def _claim(
        self, alert_ids: Sequence[str], who: str, for_ms: int, most: int | None = None
    ) -> WaveClaimed:
        if not alert_ids:
            return WaveClaimed({})
        keys = self.client.keys
        ticks = keys.review("ticks", who)
        claims = [keys.review("claim", each) for each in alert_ids]
        alerts = [keys.review("alert", each) for each in alert_ids]

        async def attempt(pipe: Pipe) -> WaveClaimed:
            ranks = await asked(pipe, "ZMSCORE", keys.review("ranked"), *alert_ids)
            found = await asked(pipe, "MGET", *claims)
            holders: dict[str, str] = {}
            free = []
            for alert_id, rank, holder in zip(alert_ids, ranks, found, strict=True):
                holders[alert_id] = holder.decode() if holder else who if rank is not None else ""
                if rank is not None and holder is None:
                    free.append(alert_id)
            pairs = zip(alert_ids, ranks, strict=True)
            theirs = [each for each, rank in pairs if rank is not None and holders[each] == who]
            others = [] if most is None else await self._ticked(pipe, who, theirs)
            if most is not None and others and len(others) + len(theirs) > most:
                return WaveClaimed({}, others=tuple(sorted(others)))
            pipe.multi()
            for alert_id in theirs:
                pipe.execute_command("SET", keys.review("claim", alert_id), who, "PX", for_ms)
            if most is not None and theirs:
                pipe.execute_command("DEL", ticks)
                pipe.execute_command("SADD", ticks, *others, *theirs)
                pipe.execute_command("PEXPIRE", ticks, for_ms)
            return WaveClaimed(holders, tuple(free))

        return await self.client.transact([*claims, *alerts, ticks], attempt)

    async def _ticked(self, pipe: Pipe, who: str, besides: Sequence[str]) -> list[str]:
        """Return what ``who`` has by ticks besides some alerts."""
        keys = self.client.keys
        found = await asked(pipe, "SMEMBERS", keys.review("ticks", who))
        ids = [each.decode() for each in found if each.decode() not in besides]
        if not ids:
            return []
        holders = await asked(pipe, "MGET", *(keys.review("claim", each) for each in ids))
        return [each for each, holder in zip(ids, holders, strict=True) if holder == who.encode()]

    async def release(self, alert_ids: Sequence[str], who: str) -> list[str]:
        """Let go of those of these alerts that are ``who``'s, and return them."""
        claims = {each: self.client.keys.review("claim", each) for each in alert_ids}
        if not claims:
            return []

        async def attempt(pipe: Pipe) -> list[str]:
            found = await asked(pipe, "MGET", *claims.values())
            theirs = [
                each for each, holder in zip(claims, found, strict=True) if holder == who.encode()
            ]
            pipe.multi()
            for each in theirs:
                pipe.execute_command("DEL", claims[each])
            return theirs

        return await self.client.transact(list(claims.values()), attempt)

    async def note(self, joint: Joint) -> None:
        """Remember for a day what was judged at once."""
        key = self.client.keys.review("joint", f"{joint.who}:{joint.key}")
        command = "SET", key, msgspec.json.encode(joint), "PX", _KEPT_MS
        await self.client.pipelined([command], atomic=False)

    async def begin(self, joint: Joint) -> Joint:
        """Remember for a day what is judged at once, and return it; what is known of its form stays."""
        key = self.client.keys.review("joint", f"{joint.who}:{joint.key}")
        value = msgspec.json.encode(joint)
        commands = [("SET", key, value, "PX", _KEPT_MS, "NX"), ("GET", key)]
        _, stored = await self.client.pipelined(commands, atomic=True)
        return msgspec.json.decode(stored, type=Joint)

    async def joint(self, who: str, key: str) -> Joint | None:
        """Return what a form of ``who`` has judged at once; None where it is not known, or no more."""
        command = "GET", self.client.keys.review("joint", f"{who}:{key}")
        [stored] = await self.client.pipelined([command], atomic=False)
        return None if stored is None else msgspec.json.decode(stored, type=Joint)
