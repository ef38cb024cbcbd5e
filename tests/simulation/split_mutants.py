"""The protocol beyond one Redis, broken on purpose in one place at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from streamer.store import Checkpoint, PartitionRecord, checkpoints
from streamer.store.client import Client
from tests.simulation import split_store
from tests.simulation.merge_log import Plan, Watermark
from tests.simulation.scenario import Story
from tests.simulation.slots import TaggedKeys
from tests.simulation.split_store import SplitStore
from tests.simulation.split_world import SPLIT_STORIES, SplitWorker, run_beyond
from tests.simulation.world import Result

__all__ = ["SPLIT_MUTANTS", "caught_beyond"]

Mutant = Callable[[], AbstractContextManager[Any]]

_MAX_SEEDS: Final = 200


def _instead(place: Any, name: str, stand_in: Any) -> Mutant:
    return lambda: patch.object(place, name, stand_in)


def _plan_without_looking(_: SplitStore, __: Watermark, lying: Any) -> Plan:
    """Whatever the slot keeps is merged, up to where the head is or not."""
    return Plan(tuple(lying.chain))


@contextmanager
def _watermark_apart(*, is_first: bool) -> Iterator[None]:
    """The watermark is written in a request of its own, before the head or after it."""
    transact = Client.transact

    async def mutated(self: Client, watched: list[str], attempt: Any) -> Any:
        keys = self.keys
        if not (
            isinstance(keys, TaggedKeys) and keys.watermarks in watched and keys.head in watched
        ):
            return await transact(self, watched, attempt)
        apart: list[tuple[Any, ...]] = []

        async def without(pipe: Any) -> Any:
            result = await attempt(pipe)
            apart[:] = [each for each in pipe._queue if each[1] == keys.watermarks]
            pipe._queue = [each for each in pipe._queue if each[1] != keys.watermarks]
            if is_first and apart:
                await self.pipelined(apart, atomic=True)
            return result

        left = [key for key in watched if key != keys.watermarks] if is_first else watched
        result = await transact(self, left, without)
        if apart and not is_first:
            await self.pipelined(apart, atomic=True)
        return result

    with patch.object(Client, "transact", mutated):
        yield


@contextmanager
def _not_watched(*names: str) -> Iterator[None]:
    transact = Client.transact

    async def mutated(self: Client, watched: list[str], attempt: Any) -> Any:
        if isinstance(self.keys, TaggedKeys):
            left_out = {getattr(self.keys, name) for name in names}
            watched = [key for key in watched if key not in left_out]
        return await transact(self, watched, attempt)

    with patch.object(Client, "transact", mutated):
        yield


@contextmanager
def head_is_not_watched() -> Iterator[None]:
    """Of two partitions' merges at a time the later one wins."""
    with _not_watched("head", "watch", "watermarks", "brought"):
        yield


@contextmanager
def pending_is_thrown_away_at_claim() -> Iterator[None]:
    """A new owner begins with the head as it is, whatever the last one has left for it."""
    merge, claim_in_head = SplitStore._merge, SplitStore._claim_in_head
    claiming: set[int] = set()

    async def claimed(self: SplitStore, *args: Any) -> None:
        await claim_in_head(self, *args)
        claiming.add(id(self))

    async def mutated(self: SplitStore, topic: str, partitions: Sequence[int], *args: Any) -> Any:
        if id(self) not in claiming:
            return await merge(self, topic, partitions, *args)
        claiming.remove(id(self))
        [partition] = partitions
        client, keys, _ = self.slot(partition)
        await client.pipelined([("DEL", keys.merge_log(topic, partition))], atomic=True)
        return None

    with (
        patch.object(SplitStore, "_merge", mutated),
        patch.object(SplitStore, "_claim_in_head", claimed),
    ):
        yield


@contextmanager
def no_fence_in_the_slot() -> Iterator[None]:
    """Step 1 is taken from whoever offers it."""
    is_saved = checkpoints._is_saved

    def mutated(stored: PartitionRecord, offered: Checkpoint) -> bool:
        its = replace(stored, generation=offered.generation, owner=offered.owner)
        return is_saved(its, offered)

    with patch.object(checkpoints, "_is_saved", mutated):
        yield


@contextmanager
def a_retried_checkpoint_is_written_twice() -> Iterator[None]:
    """Step 1 does not look whether an earlier offer was written."""
    is_saved = checkpoints._is_saved

    def mutated(stored: PartitionRecord, offered: Checkpoint) -> bool:
        return is_saved(replace(stored, offset=offered.base_offset), offered)

    with patch.object(checkpoints, "_is_saved", mutated):
        yield


@contextmanager
def delta_apart_from_its_checkpoint() -> Iterator[None]:
    """The entry is written in a request of its own, after the checkpoint."""
    queue_entry, save = SplitStore._queue_entry, SplitStore._save
    queued: dict[int, list[tuple[Any, ...]]] = {}

    def put_aside(self: SplitStore, _: Any, *args: Any) -> None:
        commands = queued[id(self)] = []
        aside: Any = SimpleNamespace(execute_command=lambda *command: commands.append(command))
        queue_entry(self, aside, *args)

    async def mutated(self: SplitStore, checkpoint: Checkpoint) -> None:
        queued[id(self)] = []
        await save(self, checkpoint)
        await self.slot(checkpoint.partition).client.pipelined(queued[id(self)], atomic=True)

    with (
        patch.object(SplitStore, "_queue_entry", put_aside),
        patch.object(SplitStore, "_save", mutated),
    ):
        yield


@contextmanager
def cut_of_before_the_fence() -> Iterator[None]:
    """A claim goes by what the head said before it was fenced there."""
    claim = SplitStore.claim

    async def mutated(self: SplitStore, topic: str, partition: int, *args: Any) -> PartitionRecord:
        before = await self._mark(topic, partition)
        record = await claim(self, topic, partition, *args)
        if partition in self.repeats:
            self.repeats[partition] = before.offset
        return record

    with patch.object(SplitStore, "claim", mutated):
        yield


@contextmanager
def only_one_delta_waits() -> Iterator[None]:
    """A checkpoint's entry takes the place of the one before, merged or not."""
    with (
        patch.object(SplitStore, "_dropped", lambda _, numbers: numbers),
        patch.object(split_store, "KEPT", 1_000),
    ):
        yield


def _nothing(*_: Any) -> None:
    """Whoever has claimed the partition since is not asked for."""


def _by_number(checkpoint: Checkpoint, number: int) -> str:
    """Entries go by their number alone, which an older slot gives again."""
    return f"{number}"


def _drop_merged(self: SplitStore, numbers: Sequence[int]) -> Sequence[int]:
    """What has been merged is not kept for a head that comes back older."""
    return numbers


def _reads_on(self: SplitWorker, tp: Any, _: int) -> int:
    """Checkpoints end anywhere, though the head has learned up to a place of its own."""
    return self.world.logs[tp].end


async def _never(*_: Any) -> None:
    """What waits for the head waits for the next checkpoint."""


_TOLD: Final[dict[str, tuple[Mutant, str | None]]] = {
    "merge_without_looking_at_the_watermark": (
        _instead(SplitStore, "_planned", _plan_without_looking),
        None,
    ),
    "watermark_after_the_head": (lambda: _watermark_apart(is_first=False), None),
    "watermark_before_the_head": (lambda: _watermark_apart(is_first=True), None),
    "head_is_not_watched": (head_is_not_watched, None),
    "pending_is_thrown_away_at_claim": (pending_is_thrown_away_at_claim, "killed between"),
    "only_one_delta_waits": (only_one_delta_waits, "head away"),
    "delta_apart_from_its_checkpoint": (delta_apart_from_its_checkpoint, "killed between"),
    "no_fence_in_the_slot": (no_fence_in_the_slot, "rivals"),
    "a_retried_checkpoint_is_written_twice": (a_retried_checkpoint_is_written_twice, "rivals"),
    "no_fence_in_the_head": (_instead(SplitStore, "_check_owner", _nothing), "stands still"),
    "cut_of_before_the_fence": (cut_of_before_the_fence, "stands still"),
    "entries_go_by_their_number": (
        _instead(SplitStore, "_name", staticmethod(_by_number)),
        "older in turn",
    ),
    "repeated_payments_end_anywhere": (
        _instead(SplitWorker, "_readable_to", _reads_on),
        "older slot",
    ),
    "merged_entries_are_not_kept": (
        _instead(SplitStore, "_dropped", _drop_merged),
        "older in turn",
    ),
    "nobody_settles": (_instead(SplitWorker, "_settle", _never), "older in turn"),
}

SPLIT_MUTANTS: Final[dict[str, tuple[Mutant, Story | None]]] = {
    name: (mutant, SPLIT_STORIES[story] if story else None)
    for name, (mutant, story) in _TOLD.items()
}
"""Each mutant with the story in which it is likely to matter; None where a seed's own will do."""


def caught_beyond(name: str, first: int = 0, n_seeds: int = _MAX_SEEDS) -> Result | None:
    """Return what the first seed says that the protocol passes and the mutant does not."""
    mutant, story = SPLIT_MUTANTS[name]
    for seed in range(first, first + n_seeds):
        with mutant():
            result = run_beyond(seed, story)
        if result.failure is not None and run_beyond(seed, story).failure is None:
            return result
    return None
