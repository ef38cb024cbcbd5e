"""A world in which each partition's checkpoints lie in a slot of their own: ``--beyond``.

Invariant: which slot fails, when and for how long follows from the seed; no two need fail together.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
from faust.types import TP

from streamer.errors import FencedError, UnavailableError
from streamer.store.breaker import Breaker
from streamer.store.client import Client
from streamer.store.keys import Keys
from tests.simulation import worker as workers
from tests.simulation.accounts import Account
from tests.simulation.edges import run_world
from tests.simulation.faults import inflict
from tests.simulation.loop import Process
from tests.simulation.payments import TOPIC
from tests.simulation.scenario import Fault, FaultKind, Scenario, Story
from tests.simulation.simulated_redis import copied
from tests.simulation.slots import HEAD, Cluster, SlotConnection, SlotKeys, TaggedKeys
from tests.simulation.split_checker import SplitChecker, SplitTruth
from tests.simulation.split_store import SplitStore
from tests.simulation.stores import LIMITS
from tests.simulation.worker import Worker
from tests.simulation.world import Result, World

__all__ = ["SPLIT_STORIES", "SplitWorld", "run_beyond", "split_scenario", "split_story"]

_SETTLED_EVERY_S: Final = 1.0
# As often as the loop that writes them looks.
_CHECKPOINTED_EVERY_S: Final = 0.1
_SNAPSHOTS: Final = 16
_BROKEN_SHARE: Final = 0.3
_SLOT_KINDS: Final[tuple[FaultKind, ...]] = (
    "redis away",
    "redis hangs",
    "redis breaks connections",
    "redis restored",
)
# Without those that are about what a log holds: what is done about them does not change.
_OTHER_KINDS: Final[tuple[FaultKind, ...]] = (
    "kill",
    "kill at checkpoint",
    "burst",
    "freeze",
    "stop",
    "rebalance",
    "broker away",
    "cut off",
    "isolated",
    "delivered again",
    "clock jumps",
    "flood",
)


# As `SplitWorld.inflict` reads a fault's target.
_HEADS_SLOT: Final = 0
_FIRST_SLOT: Final = 1

SPLIT_STORIES: Final[dict[str, Story]] = {
    # A worker has a checkpoint under way when its slot goes, and then loses its session: when the slot
    # is back, its partition may be another's.
    "rivals": Story(
        (Fault(3.0, "redis away", _FIRST_SLOT, 9.0), Fault(4.5, "cut off", 0, 14.0)),
        changes={"max_batch": 2},
    ),
    # Deltas pile up, and their worker dies.
    "head away": Story(
        (
            Fault(3.0, "redis away", _HEADS_SLOT, 9.0),
            Fault(6.0, "kill", 0, 0.0),
            Fault(9.0, "kill", 1, 0.0),
        )
    ),
    # A worker stands still between its two steps; its slot and then the head come back older.
    "stands still": Story(
        (
            Fault(3.0, "redis hangs", _HEADS_SLOT, 2.5),
            Fault(3.2, "freeze", 0, 9.0),
            Fault(3.4, "redis restored", _FIRST_SLOT, 0.0),
            Fault(9.0, "redis restored", _HEADS_SLOT, 0.0),
        )
    ),
    # A partition's slot comes back older, twice, then the head, again and again.
    "older in turn": Story(
        tuple(
            Fault(4.0 + 2.0 * i, "redis restored", _HEADS_SLOT if i % 3 == 2 else _FIRST_SLOT, 0.0)
            for i in range(9)
        ),
        is_alone=True,
        changes={"n_partitions": 1, "length": 120, "checkpoint_max_transactions": 4},
    ),
    # A partition's slot comes back older, and the head never: of that nothing may be lost.
    "older slot": Story(
        tuple(Fault(4.0 + 2.0 * i, "redis restored", _FIRST_SLOT, 0.0) for i in range(6)),
        is_alone=True,
        changes={"n_partitions": 1, "length": 120, "checkpoint_max_transactions": 4},
    ),
    # Workers die right after the first of their two steps.
    "killed between": Story(
        tuple(Fault(2.0 + 1.5 * i, "kill at checkpoint", i % 2, 0.0) for i in range(5)),
        is_alone=True,
    ),
}


class _Snapshot(NamedTuple):
    """A slot at a moment, and what the checker knew of it."""

    data: dict[str, Any]
    truth: Any


def run_beyond(seed: int, story: Story | None = None, *, is_small: bool = True) -> Result:
    """Run one seed of the protocol beyond one Redis, with ``story`` or its own."""
    world = SplitWorld(split_scenario(seed, story or split_story(seed), is_small=is_small))
    with (
        patch.object(workers, "open_store", _open_store),
        patch("tests.simulation.world.Worker", SplitWorker),
    ):
        result = run_world(world)
    return replace(result, counts=world.counts())


def split_story(seed: int) -> Story | None:
    """Return the story that a seed tells of itself: every fourth does."""
    return list(SPLIT_STORIES.values())[seed // 4 % len(SPLIT_STORIES)] if seed % 4 == 3 else None


def split_scenario(seed: int, story: Story | None = None, *, is_small: bool) -> Scenario:
    """Return what a seed stands for: sizes as in any world, and faults of single slots among others."""
    drawn = Scenario.of(seed, is_small=is_small)
    rng = random.Random(f"{seed} beyond")
    horizon_s = rng.uniform(6.0, 12.0)
    kinds = {*rng.sample(_SLOT_KINDS, rng.randint(0, 3))}
    kinds |= {*rng.sample(_OTHER_KINDS, rng.randint(1, 3))}
    if rng.random() < 0.5:
        kinds.add("redis restored")
    drawn_from = sorted(kinds)
    faults = tuple(
        Fault(
            at_s=rng.uniform(1.0, horizon_s),
            kind=rng.choice(drawn_from),
            target=rng.randrange(12),
            for_s=rng.choice((0.3, 1.5, 5.0, 12.0)) * rng.uniform(0.8, 1.2),
        )
        for _ in range(rng.randint(1, 10))
    )
    scenario = replace(
        drawn,
        n_workers=rng.choice((1, 2, 2, 3)),
        n_partitions=rng.choice((1, 2, 3)),
        max_batch=rng.choice((2, 4)) if is_small else drawn.max_batch,
        checkpoint_max_transactions=rng.choice((4, 12, 30)),
        length=rng.choice((40, 60, 90)),
        horizon_s=horizon_s,
        has_verdicts=False,
        is_mute=False,
        sudden_share=rng.choice((0.0, 0.01, 0.03)) if "kill" in kinds else 0.0,
        kinds=tuple(drawn_from),
        faults=faults,
    )
    return scenario if story is None else scenario.told(story)


class SplitWorld(World):
    """Broker, slots, clock and workers of one seed."""

    redis: Cluster  # type: ignore[assignment]
    checker: SplitChecker

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.redis = Cluster(self.loop, self.rng, scenario.n_partitions)
        self.checker = SplitChecker(self)
        self.broker.on_appended = self.checker.appended
        self.redis.connect(self._strike, self._written)
        self.slot_snapshots: dict[int, deque[_Snapshot]] = {
            n: deque(maxlen=_SNAPSHOTS) for n in self.redis.slots
        }
        self.settings = self.settings.model_copy(
            update={"checkpoint_interval_s": _CHECKPOINTED_EVERY_S}
        )
        self._to_restore: dict[int, int] = {}
        """Slots that come back older after so many writes more."""
        self.n_struck: dict[str, int] = {}
        self.n_killed = 0
        self._is_last_loss_due = any(_is_heads_loss(fault) for fault in scenario.faults)

    def counts(self) -> dict[str, int]:
        """Return how many faults struck, and what the protocol had to do about them."""
        checker = self.checker
        return {
            **{f"fault: {name}": n for name, n in self.n_struck.items()},
            "checkpoints": checker.n_checkpoints,
            "merges": checker.n_merges,
            "deltas merged by another than who wrote them": checker.n_taken_over,
            "head older than a slot, merged again": checker.n_remerged,
            "slot older than the head, read again": checker.n_repeated,
            "declared unlearned": checker.n_unlearned,
            "killed": self.n_killed,
        }

    def kill(self, worker: Worker) -> None:
        self.n_killed += worker.process.is_alive
        super().kill(worker)

    def inflict(self, fault: Fault) -> None:
        """Have a fault strike: one slot, or what any world has."""
        if self.is_healed:
            return
        self.n_struck[fault.kind] = self.n_struck.get(fault.kind, 0) + 1
        if fault.kind not in _SLOT_KINDS:
            inflict(self, fault)
            return
        number = HEAD if fault.target % 3 == 0 else fault.target // 3 % self.scenario.n_partitions
        slot, later = self.redis.slots[number], self.loop.in_world
        self.note(f"fault: {fault.kind}, slot {number}, {fault.for_s:.1f} s")
        match fault.kind:
            case "redis away":
                slot.is_away = True
                later(fault.for_s, slot.recover)
            case "redis hangs":
                slot.hang()
                later(fault.for_s, slot.recover)
            case "redis breaks connections":
                slot.broken_share = _BROKEN_SHARE
                later(fault.for_s, setattr, slot, "broken_share", 0.0)
            case "redis restored":
                if fault.target // 6 % 2 == 0:
                    self._restore(number)
                else:
                    # Right after a write, in the middle of what follows it.
                    self._to_restore[number] = 1

    def _schedule(self) -> None:
        for tp in self.logs:
            self._produce(tp, self.rng.randint(1, 8))
        for fault in self.scenario.faults:
            self.loop.in_world(fault.at_s, self.inflict, fault)
        self.loop.in_world(self.scenario.horizon_s, self._heal)

    def _produce(self, tp: TP, n: int) -> None:
        """Let the log of a partition grow a little at a time: what matters lies between checkpoints."""
        if self.is_healed:
            return
        self.grow(tp, min(self.logs[tp].end + n, self.n_at_first))
        self.loop.in_world(self.rng.uniform(0.2, 1.2), self._produce, tp, self.rng.randint(1, 6))

    def _finish_when_done(self) -> None:
        """End when all is done; where heads are lost, once more after the last payment.

        No checkpoint follows that: what the head lacks then, somebody has to bring it all the same.
        """
        if self._is_last_loss_due and all(self._is_done(tp) for tp in self.logs):
            self._is_last_loss_due = False
            self._restore(HEAD)
        super()._finish_when_done()

    def _written(self, number: int, who: str, keys: set[str]) -> None:
        """Check a write, and keep what the slot is after it: a failover loses the last few."""
        checker = self.checker
        checker.slot_written(number, who, keys)
        if "redis restored" not in self.scenario.kinds:
            return
        truth: Any = checker.truth()
        if number != HEAD:
            account = checker.books.payments[number]
            truth = account.copy(), checker.ends[number].copy()
            # Before its first checkpoint a slot is as an emptied one, which is another fault.
            if account.record.offset is None:
                return
        self.slot_snapshots[number].append(_Snapshot(self.redis.slots[number].snapshot(), truth))
        if number in self._to_restore and not self.is_healed:
            self._to_restore[number] -= 1
            if self._to_restore[number] <= 0:
                del self._to_restore[number]
                self.loop.in_world(self.rng.uniform(0.0, 0.02), self._restore, number)

    def _restore(self, number: int) -> None:
        """Let a slot come back as it was a while ago; all others stay as they are."""
        kept = self.slot_snapshots[number]
        back = min(1 + int(self.rng.expovariate(0.3)), len(kept) - 1)
        if back < 1:
            return
        for _ in range(back):
            kept.pop()
        data, truth = kept[-1]
        self.note(f"slot {number} comes back as it was {back} writes ago")
        self.redis.slots[number].restart({key: copied(value) for key, value in data.items()})
        self.redis.n_older[number] += 1
        what = (
            "slot came back older: the head"
            if number == HEAD
            else "slot came back older: a partition"
        )
        self.n_struck[what] = self.n_struck.get(what, 0) + 1
        if number == HEAD:
            known: SplitTruth = truth
            self.checker.head_replaced(known)
        else:
            account: Account = truth[0]
            self.checker.slot_replaced(number, account, truth[1])


def _is_heads_loss(fault: Fault) -> bool:
    return fault.kind == "redis restored" and fault.target % 3 == _HEADS_SLOT


class SplitWorker(Worker):
    """A worker that settles now and then, and stops reading where the head is ahead of its slot."""

    store: SplitStore

    def start(self) -> None:
        super().start()
        self._spawn(self._settle())

    def _readable_to(self, tp: TP, first: int) -> int:
        end, repeated_to = self.world.logs[tp].end, self.store.repeated_to(tp.partition)
        if repeated_to is None or first > repeated_to:
            return end
        assigned = self.held.assigned.get(tp.partition)
        is_saved = assigned is not None and assigned.base_offset == repeated_to
        return end if is_saved and first == repeated_to else min(end, repeated_to)

    def _note_durable(self, partition: int, offset: int) -> None:
        super()._note_durable(partition, offset)
        self.look()

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(_SETTLED_EVERY_S)
            for partition in list(self.held.assigned):
                # Whoever has it by now does it; without one of the slots nobody does.
                with suppress(UnavailableError, FencedError):
                    await self.store.settle(TOPIC, [partition], self.now_ms())


def _open_store(world: SplitWorld, process: Process) -> SplitStore:
    namespace, rng = world.settings.namespace, np.random.default_rng(world.rng.getrandbits(32))

    def client(number: int, keys: Keys) -> Client:
        connection = SlotConnection(world.redis.slots[number], process, keys)
        return Client(connection, keys, "simulated", rng, Breaker(rng, world.loop.time))

    slots: Sequence[int] = [number for number in world.redis.slots if number != HEAD]
    return SplitStore(
        client(HEAD, TaggedKeys(namespace)),
        world.pipeline.model,
        LIMITS,
        slots={p: client(p, SlotKeys(namespace, TOPIC, p)) for p in slots},
        owner=process.name,
    )
