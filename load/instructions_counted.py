"""What `load.instructions` counts, run under Valgrind: ``python -m load.instructions_counted``.

A child is forked for each number of stages, from none to all, and does them with one batch.  Valgrind
counts each child apart, with what came before the fork, so that the difference of two is one stage.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from typing import Final

from load.stages import STAGES, Stages, batches_of, trained, whole
from streamer.contract.batch import Batch
from streamer.offline.offline_partition import OfflinePartition
from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["N_PAYMENTS", "STAGES", "WHOLE", "main"]

N_PAYMENTS: Final = 2_000
_WARM: Final = 8_000
_SEED: Final = 1
WHOLE: Final = "bytes to outcome"


def main() -> None:
    """Write the process of each part as a JSON object: none, stages up to each, the whole."""
    simulator = Simulator(SimulatorConfig(seed=_SEED))
    partition = trained(simulator, with_odds=True, n_warm=_WARM)
    payments = simulator.generate(2 * N_PAYMENTS)
    first, second = batches_of(payments, N_PAYMENTS, _WARM)
    # What is done for the first time is done here: kernels are loaded, and room is made.
    whole(partition, first)
    parts: dict[str, Callable[[], None]] = {"": lambda: None}
    for n, stage in enumerate(STAGES, start=1):
        parts[stage] = lambda n=n: _stages(partition, second, n)  # type: ignore[misc]
    parts[WHOLE] = lambda: whole(partition, second)
    gc.disable()
    sys.stdout.write(json.dumps({name: _in_child(part) for name, part in parts.items()}))


def _in_child(part: Callable[[], None]) -> int:
    """Do ``part`` in a process of its own, and return its number."""
    child = os.fork()
    if not child:
        try:
            part()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0  # noqa: S101 - what failed has written its traceback
    return child


def _stages(partition: OfflinePartition, batch: Batch, n: int) -> None:
    """Do the first ``n`` stages."""
    stages = Stages(partition, batch)
    for name in STAGES[:n]:
        getattr(stages, name)()


if __name__ == "__main__":
    main()
