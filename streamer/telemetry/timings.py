"""Histograms that cost next to nothing to count in, and take no lock.

For what is timed at every stage of every batch, and for the pauses of Python's garbage collector: a
collection may begin inside prometheus_client, in the thread that holds the lock of a metric, and what
waits for that lock then waits for ever.

Invariant: one thread counts; any may read, and sees each count or not.
"""

from __future__ import annotations

import gc
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Final

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from streamer.telemetry.exposition import as_number

__all__ = ["GENERATIONS", "Pauses", "Timings"]

GENERATIONS: Final = ("0", "1", "2")


class Timings(Collector):
    """A histogram of seconds for each value of one label, all of which are known beforehand."""

    def __init__(
        self, name: str, meaning: str, label: str, values: Sequence[str], buckets: tuple[float, ...]
    ) -> None:
        self._family = (name, meaning)
        self._label = label
        self._buckets = buckets
        self._counts = {value: [0] * (len(buckets) + 1) for value in values}
        self._sums = dict.fromkeys(values, 0.0)

    def add(self, value: str, seconds: float) -> None:
        """Count ``seconds`` for a value of the label."""
        self._counts[value][bisect_left(self._buckets, seconds)] += 1
        self._sums[value] += seconds

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(*self._family, labels=[self._label])
        for value, counts in self._counts.items():
            n_so_far, buckets = 0, []
            for bound, n in zip([*self._buckets, float("inf")], list(counts), strict=True):
                n_so_far += n
                buckets.append((as_number(bound), n_so_far))
            family.add_metric([value], buckets=buckets, sum_value=self._sums[value])
        yield family


class Pauses(Timings):
    """The garbage collector's, by generation; counted from `watch` until `unwatch`."""

    _began_at = 0.0

    def watch(self) -> None:
        """Count the collections of this process from now on."""
        gc.callbacks.append(self._noted)

    def unwatch(self) -> None:
        """Count no more."""
        if self._noted in gc.callbacks:
            gc.callbacks.remove(self._noted)

    def _noted(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._began_at = time.perf_counter()
        else:
            self.add(GENERATIONS[info["generation"]], time.perf_counter() - self._began_at)
