"""The metrics of `streamer serve`: the catalogue's collectors in a registry of their own.

Labels are bounded: doors, codes, reasons and branches that the code lists; of versions only the one
that answers now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client import disable_created_metrics as disable_created_series
from prometheus_client.core import Metric

from streamer.contract.answer_message import Answer
from streamer.serving.questions import Refusal
from streamer.telemetry.catalogue.request_metrics import RequestMetrics
from streamer.telemetry.catalogue.service_metrics import ProcessMetrics, ServiceMetrics
from streamer.telemetry.exposition import Exposition
from streamer.telemetry.metrics import catalogue

__all__ = ["ServeMetrics"]


class ServeMetrics(RequestMetrics, ProcessMetrics):
    """One collector for each family of requests, and those that any process has."""

    build_info = ServiceMetrics.build_info
    secret_faulted = ServiceMetrics.secret_faulted
    secrets_taken_up = ServiceMetrics.secrets_taken_up
    spans = ServiceMetrics.spans

    def __init__(self, version: str) -> None:
        disable_created_series()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._exposition = Exposition()
        for family in catalogue((RequestMetrics, ServeMetrics)):
            collector = family.make(family)  # type: ignore[misc]
            self._registry.register(collector)
            setattr(self, family.attribute, collector)
        ProcessCollector(registry=self._registry)
        self.build_info.set(1, version)

    def answered(self, found: Sequence[Answer | Refusal], branch: str) -> None:
        """Count what a request got: answers, and payments that could not be scored."""
        self.serve_request_payments.observe(len(found))
        counts: Counter[tuple[str, str]] = Counter()
        oldest_s = -1.0
        for each in found:
            if isinstance(each, Answer):
                counts[each.mode, each.decision] += 1
                oldest_s = max(oldest_s, -1.0 if each.state_age_s is None else each.state_age_s)
            else:
                self.serve_unreadable.labels(each.reason).inc()
        for (mode, decision), n in counts.items():
            self.serve_answers.labels(branch, mode, decision).inc(n)
        if oldest_s >= 0:
            self.serve_state_age_seconds.observe(oldest_s)

    def collect(self) -> Iterable[Metric]:
        """Return the families as of now."""
        return self._registry.collect()

    def exposition(self, families: Iterable[Metric] | None = None) -> tuple[bytes, str]:
        """Return the text of ``families``, or of its own, and its content type."""
        # The version that answers is another one all the time: no line of it is kept.
        self._exposition.forget()
        return self._exposition.render(families or self.collect(), openmetrics=False)
