"""W3C trace contexts in headers: ``traceparent`` and ``tracestate``, read and written.

https://www.w3.org/TR/trace-context/ says what is valid; OpenTelemetry's own propagator decides.  A
``tracestate`` is the producer's text: one that holds what may be a card number or a secret, or is
longer than must be passed on, is left out, as the recommendation allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from streamer.telemetry.redaction import redact

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

__all__ = ["Headers", "context_in", "context_of", "headers_of", "sampled_contexts"]

Headers = Sequence[tuple[str, bytes | None]]

_PARENT: Final = "traceparent"
_STATE: Final = "tracestate"
# "00-" + 32 digits + "-" + 16 digits + "-" + 2 digits, of which the last one's lowest bit is "sampled".
_PARENT_CHARS: Final = 55
_ODD_DIGITS: Final = frozenset(b"13579bdf")
_STATE_CHARS: Final = 512


def context_in(record: Any) -> SpanContext | None:
    """Return the context that a record's headers carry; None where there is none that is valid."""
    carrier = {
        name: value.decode("ascii", "replace")
        for name, value in _headers(record)
        if name in (_PARENT, _STATE) and value is not None
    }
    return context_of(carrier.get(_PARENT, ""), carrier.get(_STATE, ""))


def context_of(parent: str, state: str = "") -> SpanContext | None:
    """Return the context that a ``traceparent`` names; None where it is none that is valid."""
    from opentelemetry.trace import get_current_span

    if not parent:
        return None
    carrier = {_PARENT: parent, _STATE: state}
    if len(state) > _STATE_CHARS or redact(state) != state:
        del carrier[_STATE]
    context = get_current_span(_propagator().extract(carrier)).get_span_context()
    return context if context.is_valid else None


def sampled_contexts(records: Iterable[Any], at_most: int) -> list[SpanContext]:
    """Return the contexts of the first ``at_most`` records whose own traces are sampled."""
    found: list[SpanContext] = []
    for record in records:
        for name, value in _headers(record):
            # Most have none, or one that is not sampled: those are told by one byte.
            if name == _PARENT and value is not None and _may_be_sampled(value):
                context = context_in(record)
                if context is not None and context.trace_flags.sampled:
                    found.append(context)
                break
        if len(found) == at_most:
            break
    return found


def headers_of(context: SpanContext) -> list[tuple[str, bytes]]:
    """Return the headers that pass a context on."""
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    carrier: dict[str, str] = {}
    _propagator().inject(carrier, set_span_in_context(NonRecordingSpan(context)))
    return [(name, value.encode()) for name, value in carrier.items()]


def _may_be_sampled(value: bytes) -> bool:
    return len(value) >= _PARENT_CHARS and value[_PARENT_CHARS - 1] in _ODD_DIGITS


def _headers(record: Any) -> Headers:
    # A row of a file has none.
    headers: Headers = getattr(record, "headers", ())
    return headers


def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator()
