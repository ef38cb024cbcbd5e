"""The span that code runs in: parent of what it begins, and in every line that it logs.

Invariant: only spans that are recorded are current; where none is, nothing is begun and no line has a
trace id that leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from structlog.contextvars import bound_contextvars

from streamer.telemetry.tracing.spans import Kind, Span, Value

__all__ = ["child", "current", "shared", "within"]

_NONE: Final[Mapping[str, Value]] = {}
# As many as a batch's.
_MAX_LINKS: Final = 32
_current: Final[ContextVar[Span | None]] = ContextVar("streamer_span", default=None)


@contextmanager
def within(span: Span) -> Iterator[Span]:
    """Make a span the current one, and end it with the block; an exception is its failure."""
    if not span.is_recorded:
        yield span
        return
    token = _current.set(span)
    try:
        # The logs have merged such variables into every event all along.
        with bound_contextvars(trace_id=span.trace_id, span_id=span.span_id):
            yield span
    except BaseException as error:
        span.fail(error)
        raise
    finally:
        _current.reset(token)
        span.end()


@contextmanager
def child(
    name: str, kind: Kind = "internal", attributes: Mapping[str, Value] = _NONE
) -> Iterator[Span | None]:
    """Run a block as a span of its own within the current one; None where there is none."""
    parent = _current.get()
    if parent is None:
        yield None
        return
    with within(parent.child(name, kind, attributes)) as span:
        yield span


def current() -> Span | None:
    """Return the span that code runs in; None where none is recorded."""
    return _current.get()


@contextmanager
def shared(name: str, spans: Iterable[Span | None]) -> Iterator[Span | None]:
    """Run a block that is part of several spans: within the first of them, linked to the others."""
    recorded = [span for span in spans if span is not None]
    if not recorded:
        yield None
        return
    first, *others = recorded[: _MAX_LINKS + 1]
    span = first.child(name, "internal", _NONE)
    for other in others:
        span.link(other.context)
    with within(span):
        yield span
