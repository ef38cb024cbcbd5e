"""What the worker knows of spans: begin one, say what it saw, end it.

Invariant: nothing that a message said gets into a span, and no error unredacted: an error is told by
its type and its redacted text, never by its traceback, which the log has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, Protocol

from streamer.telemetry.redaction import redact

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.trace import SpanContext, Tracer

__all__ = ["Counts", "Kind", "Span", "SpanSource", "Spans", "Value"]

Kind = Literal["internal", "consumer", "producer", "client", "server"]
Value = str | int | float | bool

_ERROR_CHARS: Final = 500


class Counts(Protocol):
    """What became of the spans that ended, by outcome."""

    def counts(self) -> Mapping[str, int]: ...

    def shutdown_within(self, within_s: float) -> None: ...


class SpanSource(Protocol):
    """What begins children."""

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        parent: SpanContext | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Span: ...


class Span:
    """One span; of one that is not recorded only the context is of use."""

    __slots__ = ("_source", "_span", "context", "is_recorded")

    def __init__(self, span: trace.Span, source: SpanSource) -> None:
        self._span = span
        self._source = source
        self.context: SpanContext = span.get_span_context()
        self.is_recorded = span.is_recording()

    @property
    def trace_id(self) -> str:
        """The trace's id as everybody writes it."""
        return f"{self.context.trace_id:032x}"

    @property
    def span_id(self) -> str:
        """The span's id as everybody writes it."""
        return f"{self.context.span_id:016x}"

    def child(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Span:
        """Begin a span within this one."""
        return self._source.begin(name, kind, attributes, self.context)

    def set(self, name: str, value: Value) -> None:
        """Say something of what was done."""
        self._span.set_attribute(name, value)

    def link(self, context: SpanContext) -> None:
        """Point to a span of another trace."""
        self._span.add_link(context)

    def fail(self, error: BaseException | str) -> None:
        """Say that what was done failed, and with what."""
        if not self.is_recorded:
            return
        from opentelemetry.trace import Status, StatusCode

        kind = error if isinstance(error, str) else type(error).__name__
        text = str(redact(str(error) or kind))[:_ERROR_CHARS]
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR, text))

    def end(self) -> None:
        """End it; what comes after is ignored."""
        self._span.end()


class Spans:
    """Begins spans, and knows what became of them."""

    def __init__(self, tracer: Tracer, ended: Counts) -> None:
        from opentelemetry import trace
        from opentelemetry.context import Context

        self._tracer = tracer
        self._trace = trace
        self._no_parent = Context()
        self._ended = ended
        self._kinds = {
            "internal": trace.SpanKind.INTERNAL,
            "consumer": trace.SpanKind.CONSUMER,
            "producer": trace.SpanKind.PRODUCER,
            "client": trace.SpanKind.CLIENT,
            "server": trace.SpanKind.SERVER,
        }

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        parent: SpanContext | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Span:
        """Begin a span within ``parent``, or a trace."""
        context = self._no_parent
        if parent is not None:
            within = self._trace.NonRecordingSpan(parent)
            context = self._trace.set_span_in_context(within, self._no_parent)
        span = self._tracer.start_span(
            name,
            context,
            self._kinds[kind],
            attributes,
            [self._trace.Link(link) for link in links],
        )
        return Span(span, self)

    def counts(self) -> Mapping[str, int]:
        """Return how many spans were sent, refused by the collector and dropped."""
        return self._ended.counts()

    def end(self, within_s: float) -> None:
        """Send what waits, for ``within_s`` at most; blocks.  What is left is lost, and said to be."""
        self._ended.shutdown_within(within_s)
