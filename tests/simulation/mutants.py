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

from streamer.pipeline import deciding
from streamer.pipeline.repeats import Repeats
from streamer.store import Checkpoint, PartitionRecord, checkpoints
from streamer.store.client import Client
from streamer.stream.checkpoints.checkpointing import Checkpointing
from streamer.stream.kafka.membership import Membership
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.publishing import publisher
from streamer.stream.publishing.delivered import Delivered
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.publishing.recovery import Published
from streamer.stream.scoring import claiming
from streamer.stream.scoring.scoring import Scoring
from tests.simulation.log_mutants import LOG_MUTANTS
from tests.simulation.scenario import Story
from tests.simulation.stories import STORIES

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
    """Of two merges at a time the later one wins.

    What is watched of a version is written with each of them, and gives it away as well.
    """
    transact = Client.transact

    async def mutated(self: Client, watched: list[str], attempt: Any) -> Any:
        left = [key for key in watched if key not in (self.keys.head, self.keys.watch)]
        return await transact(self, left, attempt)

    with patch.object(Client, "transact", mutated):
        yield


@contextmanager
def canary_is_not_watched() -> Iterator[None]:
    """Of two merges into a canary at a time the later one wins."""
    transact = Client.transact

    async def mutated(self: Client, watched: list[str], attempt: Any) -> Any:
        return await transact(self, [key for key in watched if key != self.keys.watch], attempt)

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

    async def mutated(_: Checkpointing, assigned: Assigned) -> None:
        for table in assigned.state.tables.all():
            table._unloaded.clear()

    with patch.object(Checkpointing, "_merge_unloaded", mutated):
        yield


@contextmanager
def repeats_are_forgotten() -> Iterator[None]:
    """A new owner knows no payment that came before it."""
    with patch.object(Repeats, "load", lambda *_: None):
        yield


@contextmanager
def fuse_forgets_earlier_lives() -> Iterator[None]:
    """Alerts that were published and not checkpointed do not count against the limit."""
    with patch.object(deciding, "_counted", lambda _, state, __: state.recent_alerts):
        yield


@contextmanager
def no_heartbeat_is_asked_for() -> Iterator[None]:
    """A worker publishes however long the group has been silent."""
    with patch.object(Membership, "is_heard", True):
        yield


@contextmanager
def alerts_wait_for_ever() -> Iterator[None]:
    """The client keeps an alert that Kafka did not take, and sends it when it can."""
    with patch.object(publisher, "EXPIRY_SHARE", 0.0):
        yield


@contextmanager
def dropped_partition_is_saved() -> Iterator[None]:
    """A checkpoint that waited for Kafka is taken although its alerts were given up meanwhile."""
    with patch.object(Assigned, "is_dropped", property(lambda _: False, lambda *_: None)):
        yield


_TOLD: Final[dict[Mutant, str | None]] = {
    commit_before_the_redis_step: None,
    no_fencing: "rivals",
    a_retried_checkpoint_is_applied_twice: "connections break",
    alert_position_forgets_earlier_lives: "killed during the replay",
    recovery_reads_no_alerts: "killed during the replay",
    checkpoint_before_the_alerts_are_out: None,
    head_is_not_watched: "rivals of the head",
    canary_is_not_watched: "canary",
    pending_checkpoint_is_given_up: "connections break",
    histories_are_not_looked_up: None,
    late_histories_are_not_merged: "claimed without histories",
    repeats_are_forgotten: None,
    fuse_forgets_earlier_lives: "killed in a flood",
    no_heartbeat_is_asked_for: "stands still",
    alerts_wait_for_ever: "cut off",
    dropped_partition_is_saved: "alerts given up",
    **LOG_MUTANTS,
}

MUTANTS: Final[dict[str, tuple[Mutant, Story | None]]] = {
    mutant.__name__: (mutant, STORIES[story] if story else None) for mutant, story in _TOLD.items()
}
"""Each mutant with the story in which it is likely to matter; None where a seed's own will do."""
