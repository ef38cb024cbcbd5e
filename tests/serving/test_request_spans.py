"""Traces of requests: whose context they go on with, and what they have; spans in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from streamer.serving.serving import Serving
from streamer.telemetry.tracing import Spans
from streamer.telemetry.tracing.sampling import sampler_of
from tests.rig.waiting import wait_until
from tests.serving.stored_service import StoredService
from tests.serving.test_grpc_door import asked, infer
from tests.serving.test_native_door import Door, served

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class _Counted:
    """What became of the spans: all are in memory."""

    def counts(self) -> Mapping[str, int]:
        return {"sent": 0, "refused": 0, "dropped": 0}

    def shutdown_within(self, within_s: float) -> None:
        return None


class Traced:
    """A server whose own sampler records nothing: only those requests whose client records them."""

    def __init__(self, door: Door, exporter: InMemorySpanExporter) -> None:
        self.door = door
        self._exporter = exporter

    def spans(self) -> dict[str, ReadableSpan]:
        """Return those of the last request, by name, once it has ended."""
        wait_until(self._is_over, lambda: str(self._exporter.get_finished_spans()))
        found = {span.name: span for span in self._exporter.get_finished_spans()}
        self._exporter.clear()
        return found

    def _is_over(self) -> bool:
        kinds = {span.kind.name for span in self._exporter.get_finished_spans()}
        return "SERVER" in kinds


def _spans_of(exporter: InMemorySpanExporter) -> Spans:
    provider = TracerProvider(sampler_of("parentbased_traceidratio", 0.0), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(provider.get_tracer("test"), _Counted())


@pytest.fixture(scope="module")
def traced(service: StoredService) -> Iterator[Traced]:
    exporter = InMemorySpanExporter()
    with served(service.settings, _spans_of(exporter)) as door:
        yield Traced(door, exporter)


def _ids(span: ReadableSpan) -> tuple[str, str]:
    assert span.parent is not None
    return f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}"


def test_a_request_goes_on_with_its_client_s_trace_over_http(
    traced: Traced, service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    """The door, within it the call of the model, and within that Redis and the score."""
    traced.door.ask("/v1/score", following[0][1], traceparent=PARENT)
    spans = traced.spans()
    door, call = spans["POST /v1/score"], spans["answer together"]
    assert spans.keys() == {"POST /v1/score", "answer together", "look up", "score"}
    assert _ids(door) == (TRACE, SPAN)
    assert _ids(call) == (TRACE, f"{door.context.span_id:016x}")
    for name in ("look up", "score"):
        assert _ids(spans[name]) == (TRACE, f"{call.context.span_id:016x}")
    assert door.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/score",
        "http.response.status_code": 200,
        "streamer.payments": 1,
        "streamer.model_version": service.version.id,
    }


def test_a_request_goes_on_with_its_client_s_trace_over_grpc(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    exporter = InMemorySpanExporter()
    payment = json.loads(following[0][1])

    def work(channel: grpc.Channel, _: Serving) -> None:
        infer(channel, [payment], is_raw=True, metadata=[("traceparent", PARENT)])

    asked(service, work, spans=_spans_of(exporter))
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert _ids(spans["inference.GRPCInferenceService/ModelInfer"]) == (TRACE, SPAN)
    assert {"answer together", "look up", "score"} <= spans.keys()


def test_a_refusal_has_its_status_and_nothing_of_what_the_payment_said(traced: Traced) -> None:
    """A client's fault is no failure of the span."""
    body = b'{"transaction_id": "t1", "card_id": "4111111111111111", "amount": -3.25}'
    traced.door.ask("/v1/score", body, traceparent=PARENT)
    door = traced.spans()["POST /v1/score"]
    assert door.attributes is not None
    assert door.attributes["http.response.status_code"] == 422
    assert door.status.status_code is not StatusCode.ERROR
    assert "3.25" not in door.to_json()
    assert "4111" not in door.to_json()


def test_a_request_that_no_one_traces_leaves_no_span(
    traced: Traced, following: list[tuple[bytes, bytes]]
) -> None:
    """Nor does it become part of another's: the traced one after it is the first that is seen."""
    traced.door.ask("/v1/score", following[1][1])
    traced.door.ask("/v1/score", following[1][1], traceparent="00-of-nobody-01")
    traced.door.ask("/v1/score", following[0][1], traceparent=PARENT)
    assert {span.context.trace_id for span in traced.spans().values()} == {int(TRACE, 16)}
