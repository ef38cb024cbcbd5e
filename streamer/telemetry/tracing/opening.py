"""Puts the SDK together: resource, sampler, queue, exporter.  Nothing of it is global."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from streamer.telemetry.tracing.exporting import Exporting
from streamer.telemetry.tracing.sampling import sampler_of
from streamer.telemetry.tracing.spans import Spans

__all__ = ["open_spans"]

_UNNAMED = "unknown_service"


def open_spans(
    *,
    endpoint: str,
    sampler: str,
    share: float,
    max_queue_size: int,
    max_export_batch_size: int,
    schedule_delay_ms: int,
    resource: Mapping[str, str],
    version: str,
) -> Spans:
    """Return what begins spans; starts the thread that sends them to ``endpoint``.

    ``resource`` gives way to what the environment says of the same.
    """
    ended = Exporting(
        OTLPSpanExporter(endpoint), max_queue_size, max_export_batch_size, schedule_delay_ms
    )
    provider = TracerProvider(sampler_of(sampler, share), _merged(resource), shutdown_on_exit=False)
    provider.add_span_processor(ended)
    return Spans(provider.get_tracer("streamer", version), ended)


def _merged(resource: Mapping[str, str]) -> Resource:
    found = dict(Resource.create().attributes)
    if str(found["service.name"]).startswith(_UNNAMED):
        del found["service.name"]
    return Resource({**resource, **found})
