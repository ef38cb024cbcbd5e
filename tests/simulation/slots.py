"""A Redis Cluster in memory: slots, each a server that is atomic by itself and fails by itself.

Invariant: a request or a transaction names keys of one slot, or it is refused as a cluster would.
"""

from __future__ import annotations

import random
import re
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from redis import exceptions

from streamer.store.keys import Keys
from tests.simulation.connection import Connection, _Pipeline
from tests.simulation.loop import Process, SimulationLoop
from tests.simulation.simulated_redis import SimulatedRedis

__all__ = ["HEAD", "Cluster", "SlotConnection", "SlotKeys", "TaggedKeys"]

HEAD: Final = -1
"""The number of the head's slot; a partition's is its own."""

_TAG: Final = re.compile(r"streamer:\{([^}]*)\}:")


@dataclass(frozen=True, slots=True)
class TaggedKeys(Keys):
    """The product's keys, a partition's under a hash tag of its own.

    >>> TaggedKeys("payments").partition("transactions", 3)
    'streamer:{payments:transactions:3}:partition:transactions:3'
    """

    @property
    def watermarks(self) -> str:
        """Hash, beside the head: up to where it has merged each partition."""
        return self._key("model:watermarks")

    def partition(self, topic: str, partition: int) -> str:
        return self._tagged(f"partition:{topic}:{partition}", topic, partition)

    def entities(self, kind: str, topic: str, partition: int) -> str:
        return self._tagged(f"{kind}:{topic}:{partition}", topic, partition)

    def lessons(self, topic: str, partition: int) -> str:
        return self._tagged(f"lessons:{topic}:{partition}", topic, partition)

    def merge_log(self, topic: str, partition: int) -> str:
        """Hash: the last entries of a partition with their deltas, by a number that grows."""
        return self._tagged(f"merge-log:{topic}:{partition}", topic, partition)

    def _tagged(self, rest: str, topic: str, partition: int) -> str:
        return f"streamer:{{{self.namespace}:{topic}:{partition}}}:{rest}"


@dataclass(frozen=True, slots=True)
class SlotKeys(TaggedKeys):
    """The keys of whoever asks a partition's slot, which has the store's id too."""

    topic: str = ""
    number: int = 0

    @property
    def identity(self) -> str:
        return self._tagged("identity", self.topic, self.number)


class Cluster:
    """All slots; passes for `SimulatedRedis` where a fault or a look is at all of them."""

    def __init__(self, loop: SimulationLoop, rng: random.Random, n_partitions: int) -> None:
        self.slots = {n: SimulatedRedis(loop, rng) for n in (HEAD, *range(n_partitions))}
        self.n_older = dict.fromkeys(self.slots, 0)
        """How often each came back older."""

    @property
    def data(self) -> ChainMap[str, Any]:
        return ChainMap(*(slot.data for slot in self.slots.values()))

    @property
    def incarnation(self) -> int:
        return sum(slot.incarnation for slot in self.slots.values())

    @property
    def answered_at(self) -> dict[str, float]:
        """Since when each process has had answers of all slots that it asked."""
        found: dict[str, float] = {}
        for slot in self.slots.values():
            for name, since in slot.answered_at.items():
                found[name] = max(since, found.get(name, 0.0))
        return found

    @property
    def is_away(self) -> bool:
        return any(slot.is_away for slot in self.slots.values())

    @is_away.setter
    def is_away(self, value: bool) -> None:
        for slot in self.slots.values():
            slot.is_away = value

    @property
    def broken_share(self) -> float:
        return max(slot.broken_share for slot in self.slots.values())

    @broken_share.setter
    def broken_share(self, value: float) -> None:
        for slot in self.slots.values():
            slot.broken_share = value

    def recover(self) -> None:
        """Let every slot answer again."""
        for slot in self.slots.values():
            slot.recover()

    def connect(
        self,
        on_request: Callable[[Process], None],
        on_written: Callable[[int, str, set[str]], None],
    ) -> None:
        """Tell of requests, and of writes with the slot's number."""
        for number, slot in self.slots.items():
            slot.on_request = on_request
            slot.on_written = _numbered(number, on_written)


def _numbered(
    number: int, on_written: Callable[[int, str, set[str]], None]
) -> Callable[[str, set[str]], None]:
    return lambda who, keys: on_written(number, who, keys)


class SlotConnection(Connection):
    """Passes for a client of a cluster that asks one slot alone."""

    def __init__(self, server: SimulatedRedis, process: Process, keys: Keys) -> None:
        super().__init__(server, process)
        self._tag = _tag(keys.identity)

    def pipeline(self, transaction: bool = True) -> _SlotPipeline:
        return _SlotPipeline(self._server, self._process, transaction, self._tag)


class _SlotPipeline(_Pipeline):
    def __init__(self, server: SimulatedRedis, process: Process, is_atomic: bool, tag: str) -> None:
        super().__init__(server, process, is_atomic)
        self._tag = tag

    async def watch(self, *keys: str) -> None:
        self._refuse_others(keys)
        await super().watch(*keys)

    def execute_command(self, *command: Any) -> Any:
        self._refuse_others(command[1:])
        return super().execute_command(*command)

    def _refuse_others(self, named: tuple[Any, ...]) -> None:
        for each in named:
            if isinstance(each, str) and _tag(each) not in ("", self._tag):
                raise exceptions.ResponseError(
                    f"CROSSSLOT Keys in request don't hash to the same slot: {each}, {self._tag}"
                )


def _tag(key: str) -> str:
    """Return what a cluster hashes of a key; nothing where it is no key of ours."""
    found = _TAG.match(key)
    return found[1] if found else ""
