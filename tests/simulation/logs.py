"""What the simulated Kafka answers when somebody asks about a partition; passes for `PartitionLogs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faust.types import TP

from streamer.errors import UnavailableError
from streamer.store import Committed, LogBounds
from tests.simulation.loop import Process
from tests.simulation.payments import N_PARTITIONS

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["SimulatedLogs"]


class SimulatedLogs:
    """Answers one process."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self.told_ids: dict[TP, str] = {}
        """Of the logs that were asked for, as they were then."""

    def log(self, topic: str, partition: int, wanted: int | None) -> LogBounds:
        self._reach()
        tp = TP(topic, partition)
        log = self._world.logs[tp]
        self.told_ids[tp] = log.topic_id
        self._world.checker.told_end(self._process.name, tp, log.end)
        return LogBounds(log.start, log.end, log.topic_id, N_PARTITIONS)

    def committed(self, topic: str, partition: int) -> Committed | None:
        self._reach()
        return self._world.group.committed.get(TP(topic, partition))

    def topic(self, name: str, max_age_s: float = 0.0) -> tuple[str, int]:
        self._reach()
        log = self._world.logs.get(TP(name, 0))
        # Worlds without verdicts have their topic all the same.
        return "" if log is None else log.topic_id, N_PARTITIONS

    def close(self) -> None:
        """Nothing is open."""

    def _reach(self) -> None:
        if self._world.broker.is_away or self._process.is_cut_off:
            raise UnavailableError("the broker must answer, got nothing")
