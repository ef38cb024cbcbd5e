"""What a scrape says of the connection to Redis."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from streamer.errors import UnavailableError
from streamer.store import Store
from streamer.telemetry.metrics import Metrics
from streamer.telemetry.redis_metrics import watch_redis
from tests.store.helpers import CONFIG


def test_an_open_breaker_shows_with_what_became_of_the_calls() -> None:
    """Nothing listens on port 1: three calls find that out, the fourth is not tried."""
    store = Store.open(
        "redis://127.0.0.1:1/0",
        timeout_s=1.0,
        namespace="n",
        config=CONFIG,
        versions_kept=1,
        lineage_max_entries=1,
        feedback_max_entries=1,
        rng=np.random.default_rng(0),
        monotonic=lambda: 0.0,
    )
    metrics = Metrics("1")
    watch_redis(metrics.registry, store)

    async def ask() -> None:
        for _ in range(4):
            with pytest.raises(UnavailableError):
                await store.ping()

    def states() -> list[float | None]:
        names = ("closed", "open", "half-open")
        return [value("streamer_redis_breaker_state", state=name) for name in names]

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert states() == [1, 0, 0]
    asyncio.run(ask())
    assert states() == [0, 1, 0]
    assert value("streamer_redis_failures_in_a_row") == 3
    assert value("streamer_redis_calls_total", outcome="unanswered") == 3
    assert value("streamer_redis_calls_total", outcome="not tried") == 1
    assert value("streamer_redis_calls_total", outcome="done") == 0
