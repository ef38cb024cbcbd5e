"""Whoever is called when a partition cannot be read on: does what the fault says, as `streamer
partition reset` does it.

Looks at what the workers report, waits a little, asks Kafka what the log is, and sets the partition to
its beginning, its end or somewhere between; also, on request, one that is well.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from faust.types import TP

from streamer.errors import ConfigurationError, StreamerError
from streamer.store import ResetRequest, Wish
from streamer.watching import WatchLimits
from tests.builders import ARRIVAL_MS
from tests.simulation.logs import SimulatedLogs
from tests.simulation.loop import OPERATOR, Process
from tests.simulation.payments import TOPIC
from tests.simulation.stores import open_store

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["Operator"]

_LOOKS_EVERY_S: Final = 2.0
# Workers report a fault until they have tried again.
_WAITS_S: Final = 3.0
_DECIDES_WITHIN_S: Final = (0.0, 0.5, 3.0)
# Whatever a canary does is well, and a few payments are enough.
_LIMITS: Final = WatchLimits(
    min_payments=1, max_budget_ratio=1e9, max_overflow_ratio=1e9, max_score_shift=1e9, minutes=0.1
)
# One is the head.
_ENOUGH: Final = 2
_PATIENCE: Final = 10
_WAYS: Final = ("beginning", "end", "between")


class Operator:
    """A person with a shell, beside the workers and as far from Kafka and Redis as these."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._process = Process(OPERATOR)
        self._logs = SimulatedLogs(world, self._process)
        self._wanted: set[TP] = set()
        self._acted_at: dict[TP, float] = {}

    def start(self) -> None:
        """Begin to look."""
        self._world.loop.spawn(self._process, self._run())

    def pass_over(self, tp: TP) -> None:
        """Set a partition to another offset although nothing is wrong with it."""
        self._wanted.add(tp)

    def begin_canary(self, n_partitions: int, for_s: float) -> None:
        """Have the oldest version that is stored score some partitions for a time."""
        self._world.loop.spawn(self._process, self._canary(n_partitions, for_s))

    def end_canary(self) -> None:
        """Go back from a canary, if there is one."""
        self._world.loop.spawn(self._process, self._canary(0, 0.0))

    async def _canary(self, n_partitions: int, for_s: float) -> None:
        world = self._world
        store, now_ms = open_store(world, self._process), world.workers[0].now_ms()
        try:
            if not n_partitions:
                ended = await store.trials.end_canary(Wish("", "rollback", OPERATOR, now_ms))
                world.note(f"operator ends {ended}")
                return
            stored = await store.versions()
            for _ in range(_PATIENCE):
                if len(stored) >= _ENOUGH:
                    break
                await asyncio.sleep(_LOOKS_EVERY_S)
                stored = await store.versions()
            if not stored:
                world.note("operator has no version for a canary")
                return
            wish = Wish(stored[-1].id, "canary", OPERATOR, now_ms, limits=_LIMITS)
            begun = await store.trials.start_canary(wish, n_partitions, round(for_s * 1_000))
            world.note(f"operator begins a canary of {begun.begun[-4:]}")
        except StreamerError as error:
            world.note(f"operator cannot: {error}")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS_EVERY_S)
            for tp in sorted(self._faulted() | self._wanted):
                if self._world.loop.time() - self._acted_at.get(tp, -_WAITS_S) < _WAITS_S:
                    continue
                try:
                    await self._reset(tp)
                except ConfigurationError as error:
                    self._world.note(f"operator may not: {error}")
                    self._wanted.discard(tp)
                except StreamerError as error:
                    self._world.note(f"operator cannot: {error}")

    def _faulted(self) -> set[TP]:
        return {
            tp
            for worker in self._world.workers
            for tp, fault in worker.claims.faults.items()
            if "streamer partition reset" in fault
        }

    async def _reset(self, tp: TP) -> None:
        world = self._world
        store = open_store(world, self._process)
        stored = await store.partition(tp.topic, tp.partition)
        bounds = self._logs.log(tp.topic, tp.partition, stored.offset)
        request = ResetRequest(
            *tp,
            self._target(bounds.beginning, bounds.end),
            bounds,
            OPERATOR,
            "to go on",
            committed=self._logs.committed(*tp),
            is_feedback=tp.topic != TOPIC,
            seen=stored,
        )
        try:
            await store.planned_reset(request)
        except ConfigurationError as error:
            if "--again" not in str(error):
                raise
            request = replace(request, to="end")
        # The command shows what it would do, and asks.
        await asyncio.sleep(self._rng.choice(_DECIDES_WITHIN_S))
        world.checker.resetting[tp] = request
        done = await store.reset(request, ARRIVAL_MS)
        self._wanted.discard(tp)
        self._acted_at[tp] = world.loop.time()
        world.note(
            f"operator sets {tp.topic}/{tp.partition} from {done.before.offset} to "
            f"{done.after.offset}, epoch {done.after.log.epoch}, {done.n_lost} lost"
        )

    def _target(self, beginning: int, end: int) -> str:
        way = self._rng.choice(_WAYS)
        return str(self._rng.randint(beginning, end)) if way == "between" else way
