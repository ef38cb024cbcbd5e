"""What the micro-benchmarks measure: a partition that has learned, and batches that it has not seen."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from load.bench_alerts import share_of
from load.stages import Stages, batches_of, trained
from streamer.contract.batch import Batch
from streamer.explaining.alerts import AlertContext
from streamer.model import MAIN
from streamer.offline.offline_partition import OfflinePartition
from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["BATCH", "Scene"]

BATCH: Final = 2_000
_WARM: Final = 20_000
_SEED: Final = 1
_CHUNK: Final = 10_000


@dataclass(slots=True)
class Scene:
    """A partition with odds, and payments that come after those that taught it, each given out once."""

    simulator: Simulator = field(
        default_factory=lambda: Simulator(SimulatorConfig(seed=_SEED)), init=False
    )
    partition: OfflinePartition = field(init=False)
    _offset: int = field(default=_WARM, init=False)

    def __post_init__(self) -> None:
        self.partition = trained(self.simulator, with_odds=True, n_warm=_WARM)

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield batches without end."""
        while True:
            n = max(_CHUNK // size, 1) * size
            first, self._offset = self._offset, self._offset + n
            yield from batches_of(self.simulator.generate(n), size, first)

    def stages(self, size: int) -> Iterator[Stages]:
        """Yield batches none of whose stages is done."""
        return (Stages(self.partition, batch) for batch in self.batches(size))

    def alerting(self, n_alerts: int) -> tuple[AlertContext, Stages]:
        """Return a scored batch with what alerts on its most unusual payments are built from."""
        stages = next(self.stages(BATCH))
        stages.until("learn")
        scores = stages.scored.scores
        share = share_of(scores, n_alerts)
        rows = np.sort(np.argsort(-scores)[:n_alerts]).tolist()
        source = stages.batch.topic, stages.batch.partition, 0
        of_batch = functools.partial(
            AlertContext, *source, self.partition.version, stages.decoded.columns, stages.history
        )
        decided = np.full(BATCH, share), np.full(BATCH, MAIN), np.zeros(BATCH)
        waves = np.tile([0, 0, 0, 2], (n_alerts, 1))
        return of_batch("normal", 0, None, rows, *decided, waves), stages
