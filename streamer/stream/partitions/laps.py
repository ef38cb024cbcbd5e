"""How long each stage of a batch took: one clock, looked at between the stages.

Invariant: the stages of a batch add up to the whole of it, since each begins where the last one ended.
"""

from __future__ import annotations

from collections.abc import Callable

from streamer.stream.partitions.worker_spans import BatchTrace
from streamer.telemetry.metrics import Metrics, observe

__all__ = ["Laps"]


class Laps:
    """Times the stages of one batch after the other."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._stage_seconds = metrics.stage_seconds
        self._batch_seconds = metrics.batch_seconds
        self._began_at = self._lap_at = 0.0
        self._trace: BatchTrace | None = None

    def begin(self, trace: BatchTrace | None) -> None:
        """Begin with a batch; its trace, where it is recorded, becomes the exemplar of what it took."""
        self._began_at = self._lap_at = self._monotonic()
        self._trace = trace if trace is not None and trace.is_recorded else None

    def __call__(self, stage: str) -> None:
        """Note that a stage is done."""
        now = self._monotonic()
        self._stage_seconds.add(stage, now - self._lap_at)
        if self._trace is not None:
            self._trace.stage(stage, now - self._lap_at)
        self._lap_at = now

    @property
    def batch_s(self) -> float:
        """How long the batch has taken up to its last stage."""
        return self._lap_at - self._began_at

    def end(self) -> float:
        """Note that the batch is done, with its last stage, and return when that was."""
        trace_id = None if self._trace is None else self._trace.trace_id
        observe(self._batch_seconds, self.batch_s, trace_id)
        return self._lap_at
