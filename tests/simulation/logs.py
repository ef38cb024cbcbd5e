"""What the simulated Kafka answers when a worker asks about a partition; passes for `PartitionLogs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamer.errors import UnavailableError
from streamer.store import LogBounds
from streamer.stream.resume import Committed
from tests.simulation.loop import Process
from tests.simulation.payments import N_PARTITIONS

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["SimulatedLogs"]

_TOPIC_ID = "simulated"


class SimulatedLogs:
    """Answers one process."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    def log(self, topic: str, partition: int, wanted: int | None) -> LogBounds:
        self._reach()
        return LogBounds(self._world.starts[partition], self._world.ends[partition], _TOPIC_ID)

    def committed(self, topic: str, partition: int) -> Committed | None:
        self._reach()
        return self._world.group.committed.get(partition)

    def topic(self, name: str) -> tuple[str, int]:
        self._reach()
        return _TOPIC_ID, N_PARTITIONS

    def close(self) -> None:
        """Nothing is open."""

    def _reach(self) -> None:
        if self._world.broker.is_away or self._process.is_cut_off:
            raise UnavailableError("the broker must answer, got nothing")
