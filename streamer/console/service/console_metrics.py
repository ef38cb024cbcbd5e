"""The metrics of `streamer console`: access, and what is on the audit topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client import disable_created_metrics as disable_created_series
from prometheus_client.core import Metric

from streamer import __version__
from streamer.audit.audit_writer import AuditWriter
from streamer.telemetry.catalogue.access_metrics import AccessMetrics
from streamer.telemetry.catalogue.audit_metrics import AuditMetrics
from streamer.telemetry.catalogue.service_metrics import ProcessMetrics, ServiceMetrics
from streamer.telemetry.exposition import Exposition
from streamer.telemetry.metrics import catalogue

__all__ = ["ConsoleMetrics"]

_DIGITS = 12


class ConsoleMetrics(AccessMetrics, AuditMetrics, ProcessMetrics):
    """One collector for each family of access and audit, and those that any process has."""

    build_info = ServiceMetrics.build_info
    secret_faulted = ServiceMetrics.secret_faulted
    secrets_taken_up = ServiceMetrics.secrets_taken_up

    def __init__(self) -> None:
        disable_created_series()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._exposition = Exposition()
        for family in catalogue((AccessMetrics, AuditMetrics, ConsoleMetrics)):
            collector = family.make(family)  # type: ignore[misc]
            self._registry.register(collector)
            setattr(self, family.attribute, collector)
        ProcessCollector(registry=self._registry)
        self.build_info.set(1, __version__)

    def exposition(self, opa_trouble: str, writer: AuditWriter | None) -> tuple[bytes, str]:
        """Return the text as of now, and its content type; ``opa_trouble`` is "" where OPA answers."""
        return self.rendered(self.collect(opa_trouble, writer))

    def rendered(self, families: Iterable[Metric]) -> tuple[bytes, str]:
        """Return the text of ``families`` and its content type."""
        return self._exposition.render(families, openmetrics=False)

    def collect(self, opa_trouble: str, writer: AuditWriter | None) -> Iterable[Metric]:
        """Return the families as of now."""
        self.opa_up.set(0.0 if opa_trouble else 1.0)
        if writer is not None:
            by_action: Counter[str] = Counter()
            for (action, _), n in writer.counts.items():
                by_action[action] += n
            self.audit_entries.replace(by_action)
            for kind, n in writer.n_refused.items():
                self.audit_refused.set(n, kind)
            self.audit_producers_failed.set(writer.sender.n_failures)
            self.audit_unsent.set(writer.n_unsent)
            self.audit_unsent_seconds.set(writer.unsent_s)
            head = writer.acknowledged
            if head is not None:
                self.audit_head_sequence.replace({writer.writer: head.sequence})
                digest = int(head.hash[:_DIGITS], 16)
                self.audit_head_digest.replace({writer.writer: digest})
        return self._registry.collect()
