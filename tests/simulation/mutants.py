"""The protocol, broken on purpose in one place at a time: what the checker must catch.

Each mutant is a context manager that changes one function of the product.  One that no seed catches
would mean that the simulation does not look there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from streamer.stream.standstill import Standstill

from streamer.store import Checkpoint, PartitionRecord, checkpoints
from streamer.store.client import Client
from streamer.stream import claiming
from streamer.stream.assignments import Assigned
from streamer.stream.checkpointing import Checkpointing
from streamer.stream.delivered import Delivered
from streamer.stream.publisher import Publisher
from streamer.stream.recovery import Published
from streamer.stream.scoring import Scoring
from tests.simulation.broker import SimulatedProducer
from tests.simulation.scenario import Fault

__all__ = ["MUTANTS"]

Mutant = Callable[[], AbstractContextManager[Any]]


@contextmanager
def commit_before_the_redis_step() -> Iterator[None]:
    """Kafka is told before Redis holds the checkpoint."""
    snapshot = Checkpointing._snapshot

    async def mutated(self: Checkpointing, assigned: Assigned) -> Checkpoint | None:
        taken = await snapshot(self, assigned)
        if taken is not None:
            self._on_durable(taken.partition, taken.next_offset)
        return taken

    with patch.object(Checkpointing, "_snapshot", mutated):
        yield


@contextmanager
def no_fencing() -> Iterator[None]:
    """A checkpoint is taken from whoever offers it."""
    is_saved = checkpoints._is_saved

    def mutated(stored: PartitionRecord, offered: Checkpoint) -> bool:
        its = replace(stored, generation=offered.generation, owner=offered.owner)
        return is_saved(its, offered)

    with patch.object(checkpoints, "_is_saved", mutated):
        yield


@contextmanager
def a_retried_checkpoint_is_applied_twice() -> Iterator[None]:
    """The delta is merged without looking whether it has been."""
    is_saved = checkpoints._is_saved

    def mutated(stored: PartitionRecord, offered: Checkpoint) -> bool:
        return is_saved(replace(stored, offset=offered.base_offset), offered)

    with patch.object(checkpoints, "_is_saved", mutated):
        yield


@contextmanager
def alert_position_forgets_earlier_lives() -> Iterator[None]:
    """The position moves past alerts that are published and not checkpointed."""
    position = Delivered.position

    def mutated(self: Delivered, *args: Any, is_waiting: bool) -> int | None:
        return position(self, *args, is_waiting=False)

    with patch.object(Delivered, "position", mutated):
        yield


@contextmanager
def recovery_reads_no_alerts() -> Iterator[None]:
    """A new owner does not look for what the old one has published."""
    with patch.object(claiming, "published_offsets", lambda *_: Published()):
        yield


@contextmanager
def checkpoint_before_the_alerts_are_out() -> Iterator[None]:
    """A snapshot does not wait for Kafka to acknowledge what was published."""

    async def mutated(*_: Any) -> None:
        return

    with patch.object(Publisher, "flush", mutated):
        yield


@contextmanager
def head_is_not_watched() -> Iterator[None]:
    """Of two merges at a time the later one wins."""
    transact = Client.transact

    async def mutated(self: Client, watched: list[str], attempt: Any) -> Any:
        return await transact(self, [key for key in watched if key != self.keys.head], attempt)

    with patch.object(Client, "transact", mutated):
        yield


@contextmanager
def pending_checkpoint_is_given_up() -> Iterator[None]:
    """After a lost answer the next checkpoint is taken anew, without what the lost one held."""
    checkpoint = Checkpointing.checkpoint

    async def mutated(self: Checkpointing, assigned: Assigned, *args: Any) -> bool:
        is_written = await checkpoint(self, assigned, *args)
        if not is_written:
            assigned.pending = None
        return is_written

    with patch.object(Checkpointing, "checkpoint", mutated):
        yield


@contextmanager
def histories_are_not_looked_up() -> Iterator[None]:
    """A new owner begins every card anew."""

    async def mutated(*_: Any) -> None:
        return

    with patch.object(Scoring, "_look_up", mutated):
        yield


@contextmanager
def late_histories_are_not_merged() -> Iterator[None]:
    """What was scored while Redis was away replaces what Redis holds."""

    async def mutated(*_: Any) -> None:
        return

    with patch.object(Checkpointing, "_merge_unloaded", mutated):
        yield


@contextmanager
def woken_worker_publishes() -> Iterator[None]:
    """A process that stood still does not ask whether it still owns its partitions."""
    with patch.object(Standstill, "check", lambda _: None):
        yield


@contextmanager
def cut_off_worker_publishes_late() -> Iterator[None]:
    """What was queued while the session was lost is sent after all: not the protocol but what the
    simulation takes for granted, and what a client that retries for ever does not keep to."""
    with patch.object(SimulatedProducer, "forget", lambda _: None):
        yield


_BROKEN: Final = Fault(0.0, "redis breaks connections", 0, 30.0)
# A worker has a checkpoint under way when Redis goes, and then loses its session: when Redis is back,
# its partition may be another's.
_RIVALS: Final = (Fault(3.0, "redis away", 0, 9.0), Fault(4.5, "cut off", 0, 14.0))

MUTANTS: Final[dict[str, tuple[Mutant, tuple[Fault, ...]]]] = {
    mutant.__name__: (mutant, faults)
    for mutant, faults in (
        (commit_before_the_redis_step, ()),
        (no_fencing, _RIVALS),
        (a_retried_checkpoint_is_applied_twice, (_BROKEN,)),
        (alert_position_forgets_earlier_lives, ()),
        (recovery_reads_no_alerts, ()),
        (checkpoint_before_the_alerts_are_out, ()),
        (head_is_not_watched, ()),
        (pending_checkpoint_is_given_up, (_BROKEN,)),
        (histories_are_not_looked_up, ()),
        (late_histories_are_not_merged, (_BROKEN,)),
        (woken_worker_publishes, (Fault(3.0, "freeze", 0, 12.0), Fault(3.1, "freeze", 1, 12.0))),
        (cut_off_worker_publishes_late, (Fault(3.0, "cut off", 0, 14.0),)),
    )
}
"""Each mutant with faults, besides a seed's own, that make it likely to matter."""
