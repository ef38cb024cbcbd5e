"""The spans of a worker: a batch, what it publishes, the checkpoint that holds it, a claim.

Invariants:
* A batch's span links to the first `MAX_LINKS` payments whose own traces are sampled, and holds nothing
  of any payment.
* What is published carries the context of the payment that it is about, where that came with one, else
  that of the batch; in headers, so that an alert's bytes are those of any other life of the worker.
* What is not recorded is not followed: it costs a random number and a look at the sampler.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from streamer import __version__
from streamer.contract.batch import Batch
from streamer.contract.messages import Mode
from streamer.pipeline import Outcome
from streamer.settings import Settings, TracingSettings
from streamer.stream.partitions.assignments import Assigned
from streamer.telemetry.tracing import Span, Spans, within
from streamer.telemetry.tracing.spans import Value
from streamer.telemetry.tracing.w3c import context_in, headers_of, sampled_contexts

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

__all__ = [
    "KAFKA",
    "MAX_LINKS",
    "REDIS",
    "BatchTrace",
    "MessageTrace",
    "Tracing",
    "open_process_spans",
    "open_tracing",
]

MAX_LINKS: Final = 32
"""Links of one span, and payments of one batch whose own traces are gone on with.

A quarter of what OpenTelemetry keeps of a span by default, and more than anybody looks at.
"""

REDIS: Final[dict[str, Value]] = {"db.system.name": "redis"}
"""What a span says whose block asks Redis."""

# https://opentelemetry.io/docs/specs/semconv/messaging/ has the names without our prefix.
KAFKA: Final[dict[str, Value]] = {"messaging.system": "kafka"}
_DESTINATION: Final = "messaging.destination.name"
_PARTITION: Final = "messaging.destination.partition.id"
_COUNT: Final = "messaging.batch.message_count"


def open_tracing(tracing: TracingSettings, settings: Settings, owner: str) -> Tracing | None:
    """Return what traces a worker, or None where tracing is off."""
    spans = open_process_spans(tracing, settings, owner, "streamer")
    return None if spans is None else Tracing(spans, settings.consumer_group)


def open_process_spans(
    tracing: TracingSettings, settings: Settings, owner: str, name: str
) -> Spans | None:
    """Return what begins the spans of a process, or None where tracing is off.

    ``name`` is the service's, unless the environment has another.
    """
    if not tracing.is_on:
        return None
    # The SDK takes 0.1 s to load.
    from streamer.telemetry.tracing.opening import open_spans

    return open_spans(
        endpoint=tracing.endpoint,
        sampler=tracing.sampler,
        share=tracing.share,
        max_queue_size=tracing.max_queue_size,
        max_export_batch_size=tracing.max_export_batch_size,
        schedule_delay_ms=tracing.schedule_delay_ms,
        resource={
            "service.name": name,
            "service.version": __version__,
            "service.instance.id": owner,
            "streamer.namespace": settings.namespace,
        },
        version=__version__,
    )


class Tracing:
    """Begins the spans of one worker; runs on the event loop."""

    def __init__(self, spans: Spans, consumer_group: str) -> None:
        self.spans = spans
        self._group = consumer_group
        # By topic and partition: recorded batches without a checkpoint, with their next offsets.
        self._unsaved: dict[tuple[str, int], list[tuple[int, SpanContext]]] = defaultdict(list)

    @contextmanager
    def batch(self, batch: Batch) -> Iterator[BatchTrace]:
        """Trace the processing of a batch, which is the block; what it published may end later."""
        span = self.spans.begin(
            f"process {batch.topic}",
            "consumer",
            {
                **KAFKA,
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                _DESTINATION: batch.topic,
                _PARTITION: str(batch.partition),
                _COUNT: len(batch),
                "messaging.consumer.group.name": self._group,
                "streamer.first_offset": batch.first_offset,
                "streamer.next_offset": batch.next_offset,
            },
        )
        trace = BatchTrace(span, self.spans)
        if span.is_recorded:
            for context in sampled_contexts(batch.records, MAX_LINKS):
                span.link(context)
        with within(span):
            try:
                yield trace
            finally:
                trace.close()

    def processed(self, batch: Batch, trace: BatchTrace) -> None:
        """Note that a batch waits for the checkpoint that will hold it."""
        unsaved = self._unsaved[batch.topic, batch.partition]
        if trace.is_recorded and len(unsaved) <= MAX_LINKS:
            unsaved.append((batch.next_offset, trace.context))

    @contextmanager
    def checkpoint(self, assigned: Assigned) -> Iterator[None]:
        """Trace an attempt, in the trace of the first recorded batch that it holds."""
        unsaved = self._unsaved[assigned.topic, assigned.partition]
        pending, before = assigned.pending, assigned.base_offset
        end = math.inf if pending is None else pending.next_offset
        first = next((context for offset, context in unsaved if offset <= end), None)
        attributes: dict[str, Value] = {_PARTITION: str(assigned.partition)}
        span = self.spans.begin("checkpoint", "internal", attributes, first)
        with within(span):
            yield
            saved = assigned.base_offset
            if saved is None or saved == before:
                span.fail("put off")
                return
            span.set("streamer.next_offset", saved)
            for offset, context in unsaved:
                if offset <= saved and context is not first:
                    span.link(context)
            unsaved[:] = [each for each in unsaved if each[0] > saved]

    @contextmanager
    def claim(self, topic: str, partition: int) -> Iterator[None]:
        """Trace an attempt to claim a partition."""
        self._unsaved.pop((topic, partition), None)
        attributes = {**KAFKA, _DESTINATION: topic, _PARTITION: str(partition)}
        with within(self.spans.begin(f"claim {topic}", "internal", attributes)):
            yield


class BatchTrace:
    """The span of one batch, and what of its payments goes out."""

    def __init__(self, span: Span, spans: Spans) -> None:
        self._span = span
        self._spans = spans
        self._sendings: dict[str, _Sending] = {}
        self._n_followed = 0
        self.is_recorded = span.is_recorded
        self.context = span.context

    @property
    def trace_id(self) -> str | None:
        """The id of the trace; None where it is not recorded, and leads nowhere."""
        return self._span.trace_id if self.is_recorded else None

    def stage(self, name: str, seconds: float) -> None:
        """Say how long a stage took."""
        self._span.set(f"streamer.{name}_s", seconds)

    def scored(self, outcome: Outcome, version: str, mode: Mode) -> None:
        """Say what came of the batch."""
        if self.is_recorded:
            for name, value in (
                ("scored", outcome.ledger.scored),
                ("alerts", len(outcome.alerts)),
                ("held_back", len(outcome.overflow)),
                ("dead_letters", len(outcome.dead_letters)),
                ("model_version", version),
                ("mode", mode),
            ):
                self._span.set(f"streamer.{name}", value)

    def message(self, record: Any, topic: str, name: str) -> MessageTrace:
        """Return the context of a message that goes out about a payment, ``record``.

        ``name`` is what the message is known by, which is no card's.
        """
        sending = self._sending(topic)
        own = context_in(record)
        if own is None:
            context = self.context if sending is None else sending.span.context
            return MessageTrace(context, self.trace_id, sending, None)
        if not own.trace_flags.sampled or self._n_followed >= MAX_LINKS:
            return MessageTrace(own, self.trace_id, sending, None)
        self._n_followed += 1
        attributes = {**_sending_attributes(topic), "messaging.message.id": name}
        links = [self.context] if self.is_recorded else []
        span = self._spans.begin(f"send {topic}", "producer", attributes, own, links)
        return MessageTrace(span.context, self.trace_id, sending, span)

    def close(self) -> None:
        """Note that nothing more will be published."""
        for sending in self._sendings.values():
            sending.is_complete = True
            sending.end_when_done()

    def _sending(self, topic: str) -> _Sending | None:
        if not self.is_recorded:
            return None
        sending = self._sendings.get(topic)
        if sending is None:
            span = self._span.child(f"send {topic}", "producer", _sending_attributes(topic))
            sending = self._sendings[topic] = _Sending(span)
        sending.n_sent += 1
        return sending


class MessageTrace:
    """What one message takes with it, and who waits for its acknowledgement."""

    def __init__(
        self,
        context: SpanContext,
        trace_id: str | None,
        sending: _Sending | None,
        span: Span | None,
    ) -> None:
        self.headers = headers_of(context)
        self.trace_id = trace_id
        """Of the recorded batch that it came of."""
        self._sending = sending
        self._span = span

    def resolved(self, *, is_delivered: bool) -> None:
        """Note that Kafka has the message, or that it was given up."""
        if self._span is not None:
            if not is_delivered:
                self._span.fail("given up")
            self._span.end()
        if self._sending is not None:
            self._sending.resolved(is_delivered=is_delivered)


class _Sending:
    """Messages of one batch to one topic, from the first that is queued to the last acknowledged."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.n_sent = 0
        self.is_complete = False
        self._n_resolved = 0

    def resolved(self, *, is_delivered: bool) -> None:
        if not is_delivered:
            self.span.fail("given up")
        self._n_resolved += 1
        self.end_when_done()

    def end_when_done(self) -> None:
        if self.is_complete and self._n_resolved == self.n_sent:
            self.span.set(_COUNT, self.n_sent)
            self.span.end()


def _sending_attributes(topic: str) -> dict[str, Value]:
    return {
        **KAFKA,
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        _DESTINATION: topic,
    }
