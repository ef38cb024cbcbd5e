"""One request seen from outside: counted, timed and traced, whatever comes of it.

Invariants: each request for scores is counted once, with the status that it gets; a span has nothing of
what a payment said, as a refusal's sentence may.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from streamer.serving.http_requests import HTTPError, defect
from streamer.serving.serving import Serving
from streamer.serving.tensors import TensorError
from streamer.telemetry.tracing import Span, Spans, within
from streamer.telemetry.tracing.spans import Value
from streamer.telemetry.tracing.w3c import context_of

__all__ = ["observing"]

_HTTP: Final[dict[str, Value]] = {"http.request.method": "POST"}
_GRPC: Final = "inference.GRPCInferenceService/ModelInfer"
# https://opentelemetry.io/docs/specs/semconv/http/http-spans/ names spans by method and route.
_SPANS: Final[dict[str, tuple[str, dict[str, Value]]]] = {
    "native": ("POST /v1/score", _HTTP | {"http.route": "/v1/score"}),
    "open_inference": (
        "POST /v2/models/{name}/infer",
        _HTTP | {"http.route": "/v2/models/{name}/infer"},
    ),
    "mlflow": ("POST /invocations", _HTTP | {"http.route": "/invocations"}),
    "grpc": (_GRPC, {"rpc.system.name": "grpc", "rpc.method": _GRPC}),
}
_CODE: Final = "http.response.status_code"
_GONE, _DEFECT, _MALFORMED = 499, 500, 400


@contextmanager
def observing(serving: Serving, door: str, headers: Mapping[str, str]) -> Iterator[None]:
    """Count, time and trace a request for scores, which is the block; ``headers`` have small names.

    Whatever else it raises becomes an `HTTPError`.
    """
    began, code = time.perf_counter(), _DEFECT
    refused: HTTPError | TensorError | None = None
    try:
        with _traced(serving.spans, door, headers) as span:
            try:
                yield
                code = 200
            except (HTTPError, TensorError) as error:
                refused, code, reason = error, _MALFORMED, "tensors"
                if isinstance(error, HTTPError):
                    code, reason = error.status, error.refusal.reason
                serving.metrics.serve_refused.labels(door, reason).inc()
            except (asyncio.CancelledError, GeneratorExit):
                code = _GONE
                raise
            except Exception:
                refused = defect(door)
                code = refused.status
                serving.metrics.serve_refused.labels(door, refused.refusal.reason).inc()
            if span is not None:
                span.set(_CODE, code)
                if code >= _DEFECT:
                    span.fail(str(code))
    finally:
        serving.metrics.serve_requests.labels(door, str(code)).inc()
        serving.metrics.serve_seconds.add(door, time.perf_counter() - began)
    if refused is not None:
        raise refused


@contextmanager
def _traced(spans: Spans | None, door: str, headers: Mapping[str, str]) -> Iterator[Span | None]:
    if spans is None:
        yield None
        return
    name, attributes = _SPANS[door]
    parent = context_of(headers.get("traceparent", ""), headers.get("tracestate", ""))
    with within(spans.begin(name, "server", attributes, parent)) as span:
        yield span
