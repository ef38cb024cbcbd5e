"""A worker on real servers with a collector of OpenTelemetry's messages: what is traced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain

import pytest
from confluent_kafka import Message

from streamer.embedded import EmbeddedKafka
from streamer.stream.partitions.worker_spans import MAX_LINKS
from streamer.telemetry.catalogue.batch_metrics import STAGES
from tests.rig.collector import Collector, Received
from tests.stream.conftest import MakeService
from tests.stream.harness import Headers, Service, Worker, payments, wait_until
from tests.stream.test_metrics import scraped

N_FIRST, N_MORE = 2_000, 600
SAMPLED, NOT_SAMPLED, NONE = range(3)
"""What a payment's own trace is, by its number modulo 3."""
OWN_SPAN = "00000000000000aa"
CARD = "4111111111111111"
ALL_LINES = 100_000


def own_trace(number: int) -> str:
    return f"{number + 1:032x}"


def headers_of(number: int) -> Headers:
    """Return the headers of a payment: two in three have a trace, and half of those a sampled one."""
    kind = number % 3
    if kind == NONE:
        return [("other", b"text")]
    flag = "01" if kind == SAMPLED else "00"
    parent = f"00-{own_trace(number)}-{OWN_SPAN}-{flag}".encode()
    return [("traceparent", parent), ("tracestate", b"vendor=abc")]


def header(message: Message, name: str) -> str:
    return dict(message.headers() or []).get(name, b"").decode()


class Traced:
    """A worker that records everything, after payments of all kinds."""

    def __init__(self, service: Service, collector: Collector) -> None:
        self.service = service
        self.collector = collector
        self.worker = service.worker().wait_ready()
        self.sent = payments(N_FIRST + N_MORE, seed=3)
        self.numbers = {
            json.loads(value or b"")["transaction_id"]: i for i, (_, value) in enumerate(self.sent)
        }
        service.produce(self.sent[:N_FIRST], headers=headers_of)
        service.wait_consumed()
        # After a checkpoint, cards that memory does not hold are looked up.
        service.produce(self.sent[N_FIRST:], headers=lambda i: headers_of(N_FIRST + i))
        service.wait_consumed()
        letters = [
            [("traceparent", f"00-{'ab' * 16}-{OWN_SPAN}-01".encode()), ("tracestate", b"v=1")],
            [
                ("traceparent", f"00-{'cd' * 16}-{OWN_SPAN}-00".encode()),
                ("tracestate", f"v={CARD}".encode()),
            ],
            [("traceparent", b"00-nonsense-01")],
        ]
        bad = [(b"bad", b"hello")] * len(letters)
        service.produce(bad, partition=0, headers=lambda i: letters[i])
        service.wait_consumed()
        self.alerts: list[tuple[Message, int]] = []
        for message in service.read(service.settings.alerts_topic):
            transaction = json.loads(message.value())["transaction"]
            self.alerts.append((message, self.numbers[transaction["transaction_id"]]))
        self.families = scraped(self.worker)
        wait_until(self._is_complete, self.worker.log)

    def _is_complete(self) -> bool:
        """Whether all has been told of; the worker sends five times a second."""
        n_records = sum(span.attributes["messaging.batch.message_count"] for span in self.batches)
        n_alerts = sum(
            span.attributes.get("messaging.batch.message_count", 0) for span in self.sendings
        )
        own = [span for span in self.sendings if span.trace_id in self._own_traces()]
        n_own = sum(number % 3 == SAMPLED for _, number in self.alerts)
        saved = max(
            (s.attributes.get("streamer.next_offset", 0) for s in self.checkpoints), default=0
        )
        return (
            n_records == sum(self.service.n_sent)
            and n_alerts == len(self.alerts)
            and len(own) == n_own
            and saved == self.service.n_sent[0]
        )

    def _own_traces(self) -> set[str]:
        return {own_trace(number) for _, number in self.alerts}

    @property
    def batches(self) -> list[Received]:
        return self.collector.named(f"process {self.service.settings.transactions_topic}")

    @property
    def sendings(self) -> list[Received]:
        return self.collector.named(f"send {self.service.settings.alerts_topic}")

    @property
    def checkpoints(self) -> list[Received]:
        return self.collector.named("checkpoint")

    def parent_of(self, span: Received) -> Received:
        (parent,) = (each for each in self.collector.spans if each.span_id == span.parent)
        assert parent.trace_id == span.trace_id
        return parent


@pytest.fixture(scope="module")
def traced(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Traced]:
    with (
        Collector() as collector,
        Service(kafka.bootstrap_servers, redis_url, alert_budget="0.05") as service,
    ):
        service.env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-team=fraud",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
            "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BSP_MAX_QUEUE_SIZE": "100000",
        }
        yield Traced(service.create_topics(), collector)


def test_every_batch_is_a_trace_of_its_own_and_says_what_it_was(traced: Traced) -> None:
    settings = traced.service.settings
    assert len({span.trace_id for span in traced.batches}) == len(traced.batches)
    for span in traced.batches:
        assert (span.kind, span.parent, span.error) == ("consumer", "", None)
        said = span.attributes
        assert said["messaging.system"] == "kafka"
        assert said["messaging.operation.type"] == "process"
        assert said["messaging.destination.name"] == settings.transactions_topic
        assert said["messaging.destination.partition.id"] in ("0", "1")
        assert said["messaging.consumer.group.name"] == settings.consumer_group
        n_offsets = said["streamer.next_offset"] - said["streamer.first_offset"]
        assert said["messaging.batch.message_count"] == n_offsets
        assert said["streamer.mode"] == "normal"
        stages = {name[9:-2] for name in said if name.endswith("_s")}
        # A payment that warms the model up is not scored, nor is an empty batch.
        assert {"decode", "look_up", "publish"} <= stages <= set(STAGES)
    totals = traced.service.totals()
    for name, total in (("scored", totals.scored), ("dead_letters", totals.dead_lettered)):
        assert sum(span.attributes[f"streamer.{name}"] for span in traced.batches) == total
    assert {span.resource["service.name"] for span in traced.collector.spans} == {"streamer"}
    resource = traced.batches[0].resource
    assert resource["deployment.environment.name"] == "test"
    assert resource["streamer.namespace"] == settings.namespace
    assert traced.collector.headers["x-team"] == "fraud"


def test_a_batch_links_to_the_sampled_traces_of_its_payments_and_to_few_of_many(
    traced: Traced,
) -> None:
    sampled = {own_trace(i) for i in range(N_FIRST + N_MORE) if i % 3 == SAMPLED} | {"ab" * 16}
    for span in traced.batches:
        assert len(span.links) <= MAX_LINKS
        assert all(span_id == OWN_SPAN for _, span_id in span.links)
    linked = list(chain.from_iterable(span.links for span in traced.batches))
    assert linked
    assert {trace_id for trace_id, _ in linked} <= sampled
    # Of three payments in a row on a partition one is sampled, so many batches have more than fit.
    for span in traced.batches:
        n_records = span.attributes["messaging.batch.message_count"]
        if n_records >= 3 * (MAX_LINKS + 1):
            assert len(span.links) == MAX_LINKS


def test_what_does_io_is_a_span_within_the_one_it_is_done_for(traced: Traced) -> None:
    batches = {span.span_id for span in traced.batches}
    in_batches = [span for span in traced.sendings if "messaging.message.id" not in span.attributes]
    assert in_batches
    assert all(span.parent in batches and span.kind == "producer" for span in in_batches)
    looked_up = traced.collector.named("load entities")
    assert looked_up
    for span in looked_up:
        assert span.parent in batches
        assert (span.kind, span.attributes["db.system.name"]) == ("client", "redis")
    saved = [span for span in traced.checkpoints if span.error is None]
    assert saved
    # With everything recorded, a checkpoint holds at least one batch, and is told in its trace.
    assert all(span.parent in batches for span in saved)
    for name in ("wait for Kafka", "write checkpoint"):
        assert {traced.parent_of(span).name for span in traced.collector.named(name)} == {
            "checkpoint"
        }
    claims = traced.collector.named(f"claim {traced.service.settings.transactions_topic}")
    partitions = {s.attributes["messaging.destination.partition.id"] for s in claims if not s.error}
    assert partitions == {"0", "1"}
    for name in ("claim in Redis", "ask Kafka: log"):
        within = {traced.parent_of(span).name.split()[0] for span in traced.collector.named(name)}
        assert "claim" in within


def test_a_checkpoint_links_to_the_other_batches_that_it_holds(traced: Traced) -> None:
    """Each recorded batch is in the trace of exactly one checkpoint, or linked to by it."""
    saved = [span for span in traced.checkpoints if span.error is None]
    held = [(s.trace_id, s.parent) for s in saved] + [link for s in saved for link in s.links]
    known = {(span.trace_id, span.span_id) for span in traced.batches}
    assert set(held) <= known
    assert len(held) == len(set(held))
    if all(len(span.links) < MAX_LINKS for span in saved):
        assert set(held) == known


def test_an_alert_carries_the_context_of_its_payment_or_of_its_batch(traced: Traced) -> None:
    kinds = set()
    spans = {span.span_id: span for span in traced.collector.spans}
    batches = {(span.trace_id, span.span_id) for span in traced.batches}
    for message, number in traced.alerts:
        _, trace_id, span_id, flags = header(message, "traceparent").split("-")
        kinds.add(number % 3)
        if number % 3 == NONE:
            assert spans[span_id].trace_id == trace_id
            assert (trace_id, spans[span_id].parent) in batches
            assert int(flags, 16) & 1
            assert header(message, "tracestate") == ""
            continue
        assert trace_id == own_trace(number)
        assert header(message, "tracestate") == "vendor=abc"
        if number % 3 == NOT_SAMPLED:
            assert (span_id, flags) == (OWN_SPAN, "00")
            continue
        sent = spans[span_id]
        assert (sent.trace_id, sent.parent, sent.kind) == (trace_id, OWN_SPAN, "producer")
        alert_id = json.loads(message.value())["alert_id"]
        assert sent.attributes["messaging.message.id"] == alert_id
        (batch,) = sent.links
        assert batch in batches
    assert kinds == {SAMPLED, NOT_SAMPLED, NONE}


def test_an_alert_itself_says_nothing_of_any_trace(traced: Traced) -> None:
    """Its bytes must be the same in every life of a worker, whatever was recorded."""
    for message, _ in traced.alerts:
        assert b"trace" not in message.value()


def test_a_dead_letter_carries_its_context_and_no_text_that_may_be_a_card(traced: Traced) -> None:
    sampled, not_sampled, broken = (
        headers for _, headers in sorted(traced.service.dead_letters(), key=_source_offset)
    )
    assert sampled["traceparent"].split("-")[1] == "ab" * 16
    assert sampled["tracestate"] == "v=1"
    assert not_sampled["traceparent"] == f"00-{'cd' * 16}-{OWN_SPAN}-00"
    assert "tracestate" not in not_sampled
    # What cannot be read is no context: the batch's is passed on.
    assert broken["traceparent"].split("-")[1] in {span.trace_id for span in traced.batches}


def _source_offset(letter: tuple[Message, dict[str, str]]) -> int:
    return int(letter[1]["streamer-source-offset"])


def test_no_span_says_anything_of_a_payment(traced: Traced) -> None:
    """Nor of a card: what is said is counted, named after topics, or the payment's place."""
    said = json.dumps([span.attributes for span in traced.collector.spans])
    for key, value in traced.sent[:200]:
        decoded = json.loads(value or b"")
        assert (key or b"").decode() not in said
        assert decoded["transaction_id"] not in said


def test_a_line_that_is_logged_within_a_span_names_it(traced: Traced) -> None:
    text = traced.worker.child.log_tail(ALL_LINES)
    lines = [json.loads(line) for line in text.splitlines() if line[:1] == "{"]
    letters = next(line for line in lines if line["event"] == "dead letters")
    (batch,) = (span for span in traced.batches if span.span_id == letters["span_id"])
    assert letters["trace_id"] == batch.trace_id
    claimed = [line for line in lines if line["event"] == "partition claimed"]
    assert claimed
    claims = traced.collector.named(f"claim {traced.service.settings.transactions_topic}")
    assert {line["span_id"] for line in claimed} <= {span.span_id for span in claims}


def test_latency_buckets_show_the_trace_of_a_batch_as_their_exemplar(traced: Traced) -> None:
    traces = {span.trace_id for span in traced.batches}
    for name in ("streamer_batch_seconds", "streamer_alert_latency_seconds"):
        exemplars = [s.exemplar for s in traced.families[name].samples if s.exemplar]
        assert exemplars
        assert {exemplar.labels["trace_id"] for exemplar in exemplars} <= traces


def test_spans_are_counted_by_what_became_of_them(traced: Traced) -> None:
    worker = traced.worker
    assert worker.metric("streamer_spans_total", outcome="sent") > 0
    assert worker.metric("streamer_spans_total", outcome="refused") == 0
    assert worker.metric("streamer_spans_total", outcome="dropped") == 0


def test_without_an_endpoint_nothing_is_traced_and_no_header_is_passed_on(
    make_service: MakeService,
) -> None:
    service = make_service(alert_budget="0.05")
    worker = service.worker().wait_ready()
    sent = payments(800)
    for some in (sent[:400], sent[400:]):  # the first of them warm the model up
        service.produce(some, headers=lambda _: headers_of(SAMPLED))
        service.wait_consumed()
    service.produce([(b"bad", b"hello")], partition=0, headers=lambda _: headers_of(SAMPLED))
    service.wait_consumed()
    alerts = service.read(service.settings.alerts_topic)
    assert alerts
    for message in alerts:
        assert {name for name, _ in message.headers()} == {
            "streamer-source-timestamp",
            "streamer-place",
            "streamer-fetched",
        }
    ((_, letter),) = service.dead_letters()
    assert not {"traceparent", "tracestate"} & letter.keys()
    assert "trace_id" not in worker.child.log_tail(ALL_LINES)
    assert not [s for f in scraped(worker).values() for s in f.samples if s.exemplar]


def test_by_default_claims_are_recorded_and_what_waits_is_sent_at_the_end(
    make_service: MakeService,
) -> None:
    """The queue is sent once an hour here: what comes, comes of the stop."""
    with Collector() as collector:
        service = make_service()
        worker = _unhurried(service, collector).wait_ready()
        assert collector.spans == []
        assert worker.terminate() == 0, worker.log()
        assert len(collector.named(f"claim {service.settings.transactions_topic}")) == 2


def test_a_collector_that_hangs_holds_up_neither_scoring_nor_the_end(
    make_service: MakeService,
) -> None:
    """An answer may take ten minutes here, and the whole stop twenty seconds."""
    with Collector() as collector:
        collector.hang()
        service = make_service()
        service.env |= {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_EXPORTER_OTLP_TIMEOUT": "600"}
        service.env |= {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
        worker = _unhurried(service, collector).wait_ready()
        wait_until(lambda: collector.n_requests, worker.log)
        service.produce(payments(800))
        service.wait_consumed()
        assert worker.terminate() == 0, worker.log()
        text = worker.child.log_tail(ALL_LINES)
        lost = [line for line in text.splitlines() if "spans are lost" in line]
        assert len(lost) == 1
        assert collector.spans == []
        service.assert_exact()


def _unhurried(service: Service, collector: Collector) -> Worker:
    service.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "3600000",
    }
    return service.worker()
