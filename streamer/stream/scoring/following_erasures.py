"""Takes up erasures: a card goes out of the memory of whoever has its partition, between two batches.

A command writes to Redis which card is to be forgotten; the owner of each partition looks there once in
each checkpoint's interval, and every few seconds where that is longer.  What is stored goes with the
partition's next checkpoint, in the same step as everything else in it: a worker that is killed in
between leaves a partition as it was before, whose next owner does it then.

Invariant: a partition of which nothing is saved says nothing of an erasure before its first checkpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from streamer.errors import UnavailableError
from streamer.pipeline import erase_card
from streamer.store import Erasure
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.ageing import Ageing
from streamer.stream.scoring.aliasing import Aliasing
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["FollowingErasures"]

_log = structlog.get_logger(__name__)

_LATEST_S: Final = 5.0


class FollowingErasures:
    """Does on one worker what erasures ask for."""

    def __init__(
        self,
        kit: Kit,
        held: Held,
        aliasing: Aliasing,
        forget: Callable[[Sequence[str]], None],
    ) -> None:
        """``forget`` is given what cards are called, for what else the worker remembers of them."""
        self._kit = kit
        self._held = held
        self._aliasing = aliasing
        self._forget = forget
        self._ageing = Ageing(kit, held)

    async def run(self) -> None:
        """Follow for ever, and look for what is old beside it: whose card is to go does not wait."""
        await asyncio.gather(self._repeat(self.look), self._repeat(self._ageing.look))

    async def _repeat(self, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(min(self._kit.settings.checkpoint_interval_s, _LATEST_S))
            with suppress(UnavailableError):
                await look()

    async def look(self) -> None:
        """Do what has been asked for and not been done; nothing while Redis is away."""
        try:
            begun = await self._kit.store.erasures.begun()
            done = await self._kit.store.erasures.done() if begun else {}
            turns = {each.turn for each in begun}
            # Of what has begun the alias is destroyed already; an erasure that came and went between
            # two looks has left nothing else to see.
            await self._aliasing.read()
        except UnavailableError:
            return
        for erasure in begun:
            for assigned in list(self._held.assigned.values()):
                is_done = erasure.done_name(assigned.topic, assigned.partition) in done
                if not is_done and erasure.turn not in assigned.erased:
                    await self._erase(assigned, erasure)
        for assigned in self._held.assigned.values():
            assigned.erased &= turns

    async def _erase(self, assigned: Assigned, erasure: Erasure) -> None:
        name = f"{assigned.topic}:{assigned.partition}"
        async with self._held.lock:
            is_held = self._held.assigned.get(assigned.partition) is assigned
            if not is_held or assigned.state.next_offset is None:
                return
            # Not in a thread: who is cancelled meanwhile would leave half of it done.
            erased = erase_card(
                assigned.state,
                erasure.card_id,
                erasure.names,
                erasure.transactions,
                erasure.segments.get(name, ()),
            )
            for shadow in assigned.shadows.values():
                shadow.erase(erased.card, erased.payments)
            assigned.erasing[erasure.turn] = erased.entities
            assigned.erased.add(erasure.turn)
        self._forget([erasure.card_id, *erasure.names])
        self._held.unsaved_since.setdefault(assigned.partition, self._kit.clock.monotonic())
        _log.info(
            "card erased",
            partition=assigned.partition,
            erasure=erasure.id,
            states=erased.n_states,
            waiting=erased.n_waiting,
            rulings=erased.n_rulings,
        )
