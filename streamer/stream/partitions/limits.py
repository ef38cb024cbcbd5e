"""The effect of the limits on what a partition remembers, counted."""

from __future__ import annotations

from streamer.pipeline import PartitionState
from streamer.telemetry.metrics import Metrics

__all__ = ["count_limits"]


def count_limits(state: PartitionState, metrics: Metrics) -> None:
    """Count what has made room since the last call; ``state`` is IN/OUT."""
    for table in state.tables.all():
        evicted = table.take_evicted()
        if evicted.n:
            metrics.entities_evicted.labels(table.kind.name).inc(evicted.n)
            metrics.entities_evicted_unsaved.labels(table.kind.name).inc(evicted.n_unsaved)
    if n_dropped := state.verdicts.buffer.take_dropped():
        metrics.unjudged_dropped.inc(n_dropped)
