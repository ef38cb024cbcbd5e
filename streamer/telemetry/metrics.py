"""The metrics of one worker: the catalogue's collectors in a registry of their own.

Labels are bounded: a topic of the settings, a partition, or a value that the catalogue lists; never a
card, a merchant or a message.  Importing this module registers nothing.

Invariants:
* Every family of the catalogue that is a worker's is exposed from the start, and no other.
* Series of partitions that this worker no longer has go away: gauges at once, counters after
  `KEPT_S`, so that no scraper misses what was counted last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from itertools import product
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client import disable_created_metrics as disable_created_series
from prometheus_client.registry import Collector

from streamer.telemetry.catalogue import SECTIONS, WORKER_SECTIONS
from streamer.telemetry.catalogue.alert_metrics import AlertMetrics
from streamer.telemetry.catalogue.batch_metrics import BatchMetrics
from streamer.telemetry.catalogue.challenger_metrics import ChallengerMetrics
from streamer.telemetry.catalogue.ledger_metrics import LedgerMetrics
from streamer.telemetry.catalogue.model_metrics import ModelMetrics
from streamer.telemetry.catalogue.service_metrics import ProcessMetrics, ServiceMetrics
from streamer.telemetry.catalogue.storage_metrics import StorageMetrics
from streamer.telemetry.catalogue.verdict_metrics import VerdictMetrics
from streamer.telemetry.exposition import Exposition
from streamer.telemetry.family import Family

__all__ = ["KEPT_S", "Metrics", "catalogue", "observe"]

KEPT_S: Final = 300.0
"""Seconds for which a partition's counters outlive it: several scrapes of anybody's."""


def catalogue(sections: Iterable[type] = SECTIONS) -> Iterator[Family[Any]]:
    """Return every family, in the order of the sections."""
    for section in sections:
        for value in vars(section).values():
            if isinstance(value, Family):
                yield value


class Metrics(
    LedgerMetrics,
    AlertMetrics,
    BatchMetrics,
    VerdictMetrics,
    ModelMetrics,
    ChallengerMetrics,
    StorageMetrics,
    ServiceMetrics,
    ProcessMetrics,
):
    """One collector for each family of a worker's sections, in a `CollectorRegistry` of their own.

    The arguments beside ``version`` are labels' values whose series exist from the start.
    """

    def __init__(
        self,
        version: str,
        dead_letter_reasons: Iterable[str] = (),
        feature_names: Iterable[str] = (),
        passed_over_reasons: Iterable[str] = (),
        input_topics: Iterable[str] = (),
    ) -> None:
        # When a series began: as many lines again as there are counters, and nobody asks for them.
        disable_created_series()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._exposition = Exposition()
        self._partitions: set[int] = set()
        self._gone_at: dict[int, float] = {}
        for family in catalogue(WORKER_SECTIONS):
            if family.make is not None:
                collector: Collector = family.make(family)
                self.registry.register(collector)
                setattr(self, family.attribute, collector)
        ProcessCollector(registry=self.registry)
        for topic, reason in product(input_topics, dead_letter_reasons):
            self.dead_letters.labels(topic, reason)
        for reason in passed_over_reasons:
            self.records_passed_over.labels(reason)
        for name in feature_names:
            self.feature_drift_psi.set(0.0, name)
            self.feature_drift_ks.set(0.0, name)
            self.alert_reasons.labels(name)
        self.build_info.set(1, version)

    def exposition(self, *, openmetrics: bool = False) -> tuple[bytes, str]:
        """Return the body and the content type of an answer to ``GET /metrics``.

        May run in a thread, while others count on.
        """
        return self._exposition.render(self.registry.collect(), openmetrics=openmetrics)

    def keep_partitions(self, partitions: Set[int], now_s: float) -> None:
        """Begin the counters of new partitions at 0, and drop those of partitions long gone.

        ``now_s`` is of any clock that only goes forward.
        """
        for partition in partitions - self._partitions:
            self._gone_at.pop(partition, None)
            for counter in self._counters_of_partitions():
                counter.labels(str(partition))
        for partition in self._partitions - partitions:
            self._gone_at[partition] = now_s
        self._partitions = set(partitions)
        long_gone = [p for p, gone_at in self._gone_at.items() if now_s - gone_at >= KEPT_S]
        for partition in long_gone:
            del self._gone_at[partition]
            for counter in self._counters_of_partitions():
                counter.remove_by_labels({"partition": str(partition)})
            self.records_lost.remove_by_labels({"partition": str(partition)})
        if long_gone:
            self._exposition.forget()

    def _counters_of_partitions(self) -> Iterator[Counter]:
        for family in catalogue(WORKER_SECTIONS):
            if family.kind == "counter" and family.labels == ("partition",):
                yield getattr(self, family.attribute)


def observe(histogram: Histogram, value: float, trace_id: str | None = None) -> None:
    """Count a value; ``trace_id`` becomes its bucket's exemplar: the way from there to the trace."""
    histogram.observe(value, None if trace_id is None else {"trace_id": trace_id})
