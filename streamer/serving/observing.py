"""One request seen from outside: counted, timed and traced, whatever comes of it.

Invariants: each request for scores is counted once, with the status that it gets; one whose client has
gone by then is none that was answered or refused, and is not timed: it was over when the client said
so.  A span has nothing of what a payment said, as a refusal's sentence may.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from streamer.serving.http_requests import GONE, HTTPError, defect
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
_ANSWERED, _MALFORMED, _DEFECT = 200, 400, 500


@contextmanager
def observing(
    serving: Serving,
    door: str,
    headers: Mapping[str, str],
    has_gone: Callable[[], bool] | None = None,
) -> Iterator[None]:
    """Count, time and trace a request for scores, which is the block; ``headers`` have small names.

    ``has_gone`` tells whether the client has; without it, who asked is cancelled then.  Whatever else
    the block raises becomes an `HTTPError`.
    """
    began, code, reason = time.perf_counter(), _DEFECT, ""
    refused: HTTPError | TensorError | None = None
    try:
        with _traced(serving.spans, door, headers) as span:
            try:
                yield
                code = _ANSWERED
            except (HTTPError, TensorError) as error:
                refused, code, reason = error, _MALFORMED, "tensors"
                if isinstance(error, HTTPError):
                    code, reason = error.status, error.refusal.reason
            except (asyncio.CancelledError, GeneratorExit):
                code = GONE
                raise
            except Exception:
                refused = defect(door)
                code, reason = refused.status, refused.refusal.reason
            # What has failed has failed, whoever still waits for it.
            if code < _DEFECT and has_gone is not None and has_gone():
                code = GONE
            if span is not None:
                span.set(_CODE, code)
                if code >= _DEFECT:
                    span.fail(str(code))
    finally:
        serving.metrics.serve_requests.labels(door, str(code)).inc()
        if code != GONE:
            serving.metrics.serve_seconds.add(door, time.perf_counter() - began)
            if reason:
                serving.metrics.serve_refused.labels(door, reason).inc()
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
