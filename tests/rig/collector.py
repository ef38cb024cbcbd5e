"""A collector of OTLP over HTTP: reads what OpenTelemetry's own messages say, and can hang or refuse.

What it got is kept as plain records, so that a test says what it expects in words.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

__all__ = ["Collector", "Received"]

_PATH: Final = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Received:
    """One span; ids in hexadecimal, ``parent`` empty for a root."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent: str
    trace_state: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    links: list[tuple[str, str]]
    error: str | None
    took_s: float
    events: int = 0


@dataclass
class Collector:
    """Listens on a port of its own while it is entered."""

    status: int = 200
    """What every request is answered with."""
    spans: list[Received] = field(default_factory=list)
    n_requests: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Those of the last request."""

    def __post_init__(self) -> None:
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        # A request that hangs is not waited for.
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def hang(self) -> None:
        """Take requests from now on and answer none, until the end."""
        self._goes_on.clear()

    def named(
        self, name: str, where: Callable[[Received], bool] = lambda _: True
    ) -> list[Received]:
        """Return the spans of a name for which ``where`` holds."""
        return [span for span in list(self.spans) if span.name == name and where(span)]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._goes_on.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        for of_resource in request.resource_spans:
            resource = _plain(of_resource.resource.attributes)
            for of_scope in of_resource.scope_spans:
                self.spans += [_received(span, resource) for span in of_scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.headers = {name.lower(): text for name, text in self.headers.items()}
                collector.n_requests += 1
                collector._goes_on.wait()
                status = collector.status if self.path == _PATH else 404
                if status == 200:
                    collector._take(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def _received(span: SentSpan, resource: dict[str, Any]) -> Received:
    return Received(
        name=span.name,
        kind=SentSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        trace_state=span.trace_state,
        attributes=_plain(span.attributes),
        resource=resource,
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        error=span.status.message if span.status.code == Status.STATUS_CODE_ERROR else None,
        took_s=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        events=len(span.events),
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value"))
