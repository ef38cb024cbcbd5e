"""The product's store, in front of the simulated Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from streamer.store import Store
from streamer.store.breaker import Breaker
from streamer.store.client import Client
from streamer.store.history_limits import Limits
from streamer.store.keys import Keys
from tests.simulation.connection import Connection
from tests.simulation.loop import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["LIMITS", "open_store"]

LIMITS: Final = Limits(
    versions_kept=4,
    lineage_max_entries=1_000,
    feedback_max_entries=1_000,
    lessons_max_entries=1_000,
)


def open_store(world: World, process: Process) -> Store:
    """Return what a process that has just begun asks Redis with."""
    rng = np.random.default_rng(world.rng.getrandbits(32))
    client = Client(
        Connection(world.redis, process),
        Keys(world.settings.namespace),
        "simulated",
        rng,
        Breaker(rng, world.loop.time),
    )
    return Store(client, world.pipeline.model, LIMITS)
