"""What a worker works with: all of it stays as it is while it runs, unlike what `held` has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamer.pipeline import PipelineConfig
from streamer.settings import Settings
from streamer.store import Store
from streamer.stream.partitions.worker_spans import Tracing
from streamer.stream.publishing.publisher import Publisher
from streamer.telemetry.metrics import Metrics

__all__ = ["Clock", "Kit"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall and monotonic time; tests put their own in its place."""

    now_ms: Callable[[], int]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Kit:
    """The ways in and out of one worker, and what it goes by.

    ``owner`` is the worker's name among others; ``tracing`` is None where nothing is traced.
    ``pipeline.model`` tells the shape of what is learned; budget and ranking are the policy's, which
    `held.model` goes by.
    """

    settings: Settings
    pipeline: PipelineConfig
    store: Store
    publisher: Publisher
    metrics: Metrics
    clock: Clock
    owner: str
    tracing: Tracing | None = None
