"""What the connection to Redis has to tell: read when somebody scrapes, never written.

Series of every state and outcome exist from the start.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamer.store import BREAKER_STATES, Store

__all__ = ["watch_redis"]


def watch_redis(registry: CollectorRegistry, store: Store) -> None:
    """Show the store's circuit breaker and calls among the registry's metrics."""
    registry.register(_Redis(store))


class _Redis(Collector):
    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        breaker = self._store.breaker
        states = GaugeMetricFamily(
            "streamer_redis_breaker_state",
            "1 for the state of the circuit breaker: open means that Redis is not even asked.",
            labels=["state"],
        )
        for state in BREAKER_STATES:
            states.add_metric([state], breaker.state == state)
        yield states
        yield GaugeMetricFamily(
            "streamer_redis_failures_in_a_row",
            "Calls to Redis without an answer since the last one that had one.",
            breaker.failures,
        )
        calls = CounterMetricFamily(
            "streamer_redis_calls",
            "Calls to Redis: done, unanswered, refused by it, or not tried while the breaker is open.",
            labels=["outcome"],
        )
        for outcome, count in self._store.calls.items():
            calls.add_metric([outcome], count)
        yield calls
