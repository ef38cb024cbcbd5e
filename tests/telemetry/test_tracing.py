"""Spans in memory: contexts of headers, samplers, and what is lost on the way to the collector."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from streamer.pages import settings_page
from streamer.telemetry.tracing import Spans, child, within
from streamer.telemetry.tracing.exporting import Exporting
from streamer.telemetry.tracing.sampling import sampler_of
from streamer.telemetry.tracing.w3c import context_in, headers_of, sampled_contexts
from tests.rig.waiting import DEADLINE_S, wait_until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SDK = logging.getLogger("opentelemetry.exporter.otlp")
CARD = "4111111111111111"


class Sent:
    """A record, as far as traces are concerned."""

    def __init__(self, *headers: tuple[str, bytes | None]) -> None:
        self.headers = headers


def parent(trace: str = TRACE, flags: str = "01") -> tuple[str, bytes]:
    return "traceparent", f"00-{trace}-{SPAN}-{flags}".encode()


class Exporter(SpanExporter):
    """Takes spans, refuses them, or hangs, as it is told."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.is_called = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.is_called.set()
        self.goes_on.wait(DEADLINE_S)
        if self.result is SpanExportResult.FAILURE:
            for _ in range(6):
                SDK.warning("Transient error %s encountered while exporting", "503")
        else:
            self.spans += spans
        return self.result


class Rig:
    """Spans with their exporter, a clock by hand, and what was logged."""

    def __init__(self, sampler: str = "always_on", share: float = 1.0, queue: int = 100) -> None:
        self.exporter = Exporter()
        self.now = 0.0
        # The SDK can miss the call for a span that comes while it sends another: it looks soon again.
        self.ended = Exporting(self.exporter, queue, 1, 20, lambda: self.now)
        provider = TracerProvider(sampler_of(sampler, share), shutdown_on_exit=False)
        provider.add_span_processor(self.ended)
        self.spans = Spans(provider.get_tracer("test"), self.ended)

    def end_one(self, name: str = "one") -> None:
        self.spans.begin(name, "internal", {}).end()


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*args: Any, **options: Any) -> Rig:
        made.append(Rig(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.exporter.goes_on.set()
        each.spans.end(DEADLINE_S)
    library = logging.getLogger("opentelemetry.exporter")
    library.handlers, library.propagate = [], True


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as events:
        yield events


def test_a_context_comes_out_of_headers_as_it_went_in() -> None:
    context = context_in(Sent(("other", b"x"), parent(), ("tracestate", b"a=1,b=2")))
    assert context is not None
    assert f"{context.trace_id:032x}" == TRACE
    assert headers_of(context) == [parent(), ("tracestate", b"a=1,b=2")]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"00",
        b"\xff\xfe",
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{TRACE[:-1]}g-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN}".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
    ],
)
def test_what_is_no_valid_traceparent_is_no_context(value: bytes | None) -> None:
    record = Sent(("traceparent", value))
    assert context_in(record) is None
    assert sampled_contexts([record], 5) == []


@pytest.mark.parametrize(
    "state", [f"v={CARD}", "token=abc", ",".join(f"k{i}={'x' * 60}" for i in range(10))]
)
def test_a_tracestate_that_may_be_a_card_or_a_secret_or_is_long_is_left_out(state: str) -> None:
    context = context_in(Sent(parent(), ("tracestate", state.encode())))
    assert context is not None
    assert headers_of(context) == [parent()]


def test_links_are_those_of_the_first_sampled_traces() -> None:
    """Of five records the second and the last two are sampled; a row of a file has no headers."""
    records = [
        Sent(parent("1" * 32, "00")),
        Sent(("x", b"y"), parent("2" * 32)),
        object(),
        Sent(parent("3" * 32, "03")),
        Sent(parent("4" * 32)),
    ]
    found = sampled_contexts(records, 2)
    assert [f"{context.trace_id:032x}" for context in found] == ["2" * 32, "3" * 32]
    assert len(sampled_contexts(records, 10)) == 3


def test_streamers_own_sampler_records_every_claim_and_a_share_of_the_rest(
    rig: Callable[..., Rig],
) -> None:
    spans = rig("", share=0.0).spans
    assert spans.begin("claim transactions", "internal", {}).is_recorded
    batch = spans.begin("process transactions", "consumer", {})
    assert not batch.is_recorded
    # The parent's decision stands, here of a payment's own trace.
    own = context_in(Sent(parent()))
    assert spans.begin("send alerts", "producer", {}, own).is_recorded
    assert rig("", share=1.0).spans.begin("process transactions", "consumer", {}).is_recorded


def test_a_named_sampler_decides_alone(rig: Callable[..., Rig]) -> None:
    assert not rig("always_off").spans.begin("claim transactions", "internal", {}).is_recorded
    assert rig("parentbased_always_on").spans.begin("process x", "consumer", {}).is_recorded


def test_what_runs_within_a_span_is_its_child_and_its_lines_name_it(
    rig: Callable[..., Rig], logged: list[dict[str, Any]]
) -> None:
    spans, log = rig().spans, structlog.get_logger()
    log.info("before")
    with within(spans.begin("batch", "consumer", {})) as batch:
        log.info("in the batch")
        with child("load", "client", {"db.system.name": "redis"}) as load:
            assert load is not None
            assert load.context.trace_id == batch.context.trace_id
            log.info("in the load")
        log.info("in the batch")
    log.info("after")
    with child("alone") as alone:
        assert alone is None
    named = [event.get("span_id") for event in logged]
    assert named == [None, batch.span_id, load.span_id, batch.span_id, None]
    assert {event.get("trace_id") for event in logged} == {None, batch.trace_id}


def test_an_error_is_told_by_type_and_redacted_text_without_its_traceback(
    rig: Callable[..., Rig],
) -> None:
    made = rig()
    with (
        pytest.raises(ValueError, match="no"),
        within(made.spans.begin("batch", "consumer", {})),
    ):
        raise ValueError(f"no card is {CARD}")
    wait_until(lambda: made.exporter.spans, "the span must be exported")
    (span,) = made.exporter.spans
    assert span.status.description == "no card is [redacted]"
    assert span.attributes == {"error.type": "ValueError"}
    assert span.events == ()


def test_spans_of_a_full_queue_are_dropped_and_counted_and_said_once_a_minute(
    rig: Callable[..., Rig], logged: list[dict[str, Any]]
) -> None:
    """One is on its way to a collector that hangs, three wait, of six more none has room."""
    made = rig(queue=3)
    made.exporter.goes_on.clear()
    made.end_one()
    assert made.exporter.is_called.wait(DEADLINE_S)
    for _ in range(9):
        made.end_one()
    assert made.spans.counts() == {"sent": 0, "refused": 0, "dropped": 6}
    made.now = 61.0
    made.end_one()
    said = [(event["event"], event["count"]) for event in logged]
    assert said == [("spans are lost", 1), ("spans are lost", 6)]
    assert "OTEL_BSP_MAX_QUEUE_SIZE" in logged[0]["why"]
    made.exporter.goes_on.set()
    wait_until(lambda: made.spans.counts()["sent"] == 4, lambda: str(made.spans.counts()))
    made.end_one()
    wait_until(lambda: made.spans.counts()["sent"] == 5, lambda: str(made.spans.counts()))


def test_a_collector_that_refuses_is_told_of_in_one_line_a_minute_with_its_reason(
    rig: Callable[..., Rig], logged: list[dict[str, Any]]
) -> None:
    """The SDK says it six times for each request; of twenty requests one line is written here."""
    made = rig()
    made.exporter.result = SpanExportResult.FAILURE
    for _ in range(20):
        made.end_one()
    wait_until(lambda: made.spans.counts()["refused"] == 20, lambda: str(made.spans.counts()))
    (event,) = logged
    assert (event["event"], event["log_level"], event["count"]) == ("spans are lost", "warning", 1)
    assert event["why"] == "Transient error 503 encountered while exporting"
    made.exporter.result = SpanExportResult.SUCCESS
    made.end_one()
    wait_until(lambda: len(logged) == 2, "the end of it must be told")
    assert logged[1] | {"log_level": "info"} == logged[1]
    assert logged[1]["lost_meanwhile"] == 19


def test_the_end_waits_for_a_collector_that_hangs_only_as_long_as_it_is_told(
    rig: Callable[..., Rig], logged: list[dict[str, Any]]
) -> None:
    """The exporter would not come back for as long as the test may take; no time is measured."""
    made = rig()
    made.exporter.goes_on.clear()
    for _ in range(3):
        made.end_one()
    assert made.exporter.is_called.wait(DEADLINE_S)
    made.spans.end(within_s=0.05)
    assert made.exporter.spans == []
    assert (logged[-1]["event"], logged[-1]["count"]) == ("spans are lost", 3)
    made.end_one()
    assert made.spans.counts()["dropped"] == 3


def test_what_waits_is_sent_at_the_end(rig: Callable[..., Rig]) -> None:
    made = rig()
    for _ in range(3):
        made.end_one()
    made.spans.end(DEADLINE_S)
    assert made.spans.counts() == {"sent": 3, "refused": 0, "dropped": 0}


class Timed(requests.Session):
    """Answers every request at once, and keeps how long it might have taken."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[float] = []

    def request(self, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        self.timeouts.append(timeout)
        answer = requests.Response()
        answer.status_code = 200
        return answer


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"]
)
def test_the_sdk_takes_its_timeout_for_seconds_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The specification says milliseconds: 7000 of them would be 7 s, and are two hours here."""
    monkeypatch.setenv(variable, "7000")
    session = Timed()
    exporter = OTLPSpanExporter("http://collector:4318/v1/traces", session=session)
    exporter.export([])
    assert session.timeouts == [pytest.approx(7_000, abs=60)]
    assert variable in settings_page.page()
    assert "reads seconds" in settings_page.page()
