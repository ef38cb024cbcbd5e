"""The coordinator of the consumer group, as its members meet it.

Invariants:
* A generation is formed by the members that have come, and no other member may commit.
* A member whose last heartbeat was received a session ago is out, whatever it believes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from faust.types import TP

from streamer.store import Committed
from tests.simulation.loop import Process, SimulationLoop

__all__ = ["Group", "Member"]

_TICK_S: Final = 0.5
_BEATS_PER_SESSION: Final = 3


@dataclass(slots=True)
class Member:
    """A consumer in the group; ``beaten_at`` is when the group has last received its heartbeat."""

    name: str
    process: Process
    generation: int = 0
    partitions: tuple[int, ...] = ()
    has_joined: bool = False
    beaten_at: float = 0.0


class Group:
    """The coordinator of the consumer group."""

    def __init__(
        self,
        loop: SimulationLoop,
        rng: random.Random,
        n_partitions: int,
        session_s: float,
        is_away: Callable[[], bool],
    ) -> None:
        """``is_away`` says whether the broker is, and then no session ends."""
        self._loop = loop
        self._rng = rng
        self._n_partitions = n_partitions
        self._session_s = session_s
        self._is_away = is_away
        self._rebalance_s = session_s + 4.0
        self.beat_interval_s = session_s / _BEATS_PER_SESSION
        self.generation = 0
        self.members: list[Member] = []
        self.committed: dict[TP, Committed] = {}
        self.is_rebalancing = False
        self.change = asyncio.Event()
        """Set for a moment when a member may have to hear something."""
        self._deadline = 0.0
        loop.in_world(_TICK_S, self._tick)

    def join(self, member: Member, *, is_static: bool) -> None:
        """Ask to be in the next generation; a static member takes its dead predecessor's place."""
        if is_static:
            self.members = [m for m in self.members if m.name != member.name or m is member]
        if member not in self.members:
            self.members.append(member)
        member.has_joined = True
        self.rebalance()

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)
            self.rebalance()
            self.changed()

    def changed(self) -> None:
        """Have all who wait look again."""
        self.change.set()
        self.change.clear()

    def rebalance(self) -> None:
        """Have every member give up its partitions and come again."""
        if not self.is_rebalancing:
            self.is_rebalancing = True
            self.changed()
            self._deadline = self._loop.time() + self._rebalance_s

    def beat(self, member: Member) -> bool:
        """Take a heartbeat; False when there is no answer, or none for a member."""
        is_reached = not (self._is_away() or member.process.is_cut_off)
        if not is_reached or not self._is_of_this_generation(member):
            return False
        member.beaten_at = self._loop.time()
        return True

    def must_rejoin(self, member: Member) -> bool:
        if member.process.is_cut_off or self._is_away():
            return False  # nobody can tell it
        return self.is_rebalancing or member.generation != self.generation

    def commit(self, member: Member, tp: TP, offset: Committed) -> bool:
        """Store an offset, unless the member is not of the current generation."""
        if not self._is_of_this_generation(member):
            return False
        self.committed[tp] = offset
        return True

    def _is_of_this_generation(self, member: Member) -> bool:
        return member in self.members and member.generation == self.generation

    def _tick(self) -> None:
        self._loop.in_world(_TICK_S, self._tick)
        now = self._loop.time()
        for member in list(self.members):
            if self._is_away():
                # Whoever coordinates next gives everybody a whole session.
                member.beaten_at = now
            elif not member.has_joined and now - member.beaten_at >= self._session_s:
                self.leave(member)
        if self.is_rebalancing and (
            all(member.has_joined for member in self.members) or now >= self._deadline
        ):
            self._form()

    def _form(self) -> None:
        self.members = [member for member in self.members if member.has_joined]
        self.is_rebalancing = False
        self.generation += 1
        order = list(self.members)
        self._rng.shuffle(order)
        for i, member in enumerate(order):
            member.has_joined = False
            member.beaten_at = self._loop.time()
            member.generation = self.generation
            member.partitions = tuple(range(i, self._n_partitions, len(order)))
        self.changed()
