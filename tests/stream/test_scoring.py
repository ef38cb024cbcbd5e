"""One worker that gets good and bad records: what comes out, and where."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message
from prometheus_client.parser import text_string_to_metric_families

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert, Score
from streamer.embedded import EmbeddedKafka
from streamer.features import FEATURE_NAMES
from tests.builders import payment
from tests.stream.harness import Record, Service, Worker, payments

N_GOOD = 3_000
DEAD_LETTER_MAX_BYTES = 100_000


def _bytes(**changes: Any) -> bytes:
    return json.dumps(payment(**changes)).encode()


def _without(field: str) -> bytes:
    return json.dumps({k: v for k, v in payment().items() if k != field}).encode()


def _a_year_ahead() -> str:
    return (datetime.now(UTC) + timedelta(days=365)).isoformat()


# Name, value, reason code, JSON path.
BAD: list[tuple[str, bytes | None, str, str]] = [
    ("not JSON", b"hello", "malformed_json", "$"),
    ("array", b"[1, 2]", "not_an_object", "$[0]"),
    ("truncated", _bytes()[:-9], "truncated_json", "$"),
    ("two payments", b"[%b, %b]" % (_bytes(), _bytes()), "several_payments", "$"),
    ("card too long", _bytes(card_id="1" * 129), "wrong_format", "$.card_id"),
    ("no currency", _without("currency"), "missing_field", "$.currency"),
    ("amount 1e300", _bytes(amount=1e300), "out_of_range", "$.amount"),
    ('amount "12"', _bytes(amount="12"), "wrong_type", "$.amount"),
    ("unknown currency", _bytes(currency="XYZ"), "unknown_code", "$.currency"),
    (
        "no offset",
        _bytes(timestamp="2026-01-05T12:00:00"),
        "timestamp_without_offset",
        "$.timestamp",
    ),
    ("1970", _bytes(timestamp="1970-01-01T00:00:00Z"), "timestamp_too_old", "$.timestamp"),
    ("a year ahead", _bytes(timestamp=_a_year_ahead()), "timestamp_in_future", "$.timestamp"),
    ("10 MB of zeros", bytes(10_000_000), "unknown_schema", "$"),
    ("empty value", b"", "empty", "$"),
    ("deep nesting", b"[" * 10_000 + b"]" * 10_000, "nested_too_deep", "$"),
    (
        "deep nesting in an unknown field",
        _bytes()[:-1] + b', "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "nested_too_deep",
        "$",
    ),
    ("invalid UTF-8", _bytes()[:-1] + b', "note": "\xff\xfe"}', "invalid_utf8", "$"),
]

PROMISED_METRICS = {
    "streamer_transactions_consumed_total",
    "streamer_transactions_scored_total",
    "streamer_transactions_repeated_total",
    "streamer_dead_letters_total",
    "streamer_ledger_imbalance",
    "streamer_alerts_total",
    "streamer_alerts_suppressed_total",
    "streamer_alerts_overflowed_total",
    "streamer_alert_fuse_blown",
    "streamer_publish_queue_messages",
    "streamer_publish_queue_bytes",
    "streamer_unjudged_dropped_total",
    "streamer_key_mismatches_total",
    "streamer_late_events_total",
    "streamer_records_skipped_total",
    "streamer_records_passed_over_total",
    "streamer_partition_faulted",
    "streamer_partition_stalled_seconds",
    "streamer_transactions_warming_total",
    "streamer_verdicts_received_total",
    "streamer_batch_seconds_bucket",
    "streamer_batch_records_bucket",
    "streamer_alert_latency_seconds_bucket",
    "streamer_lag_records",
    "streamer_checkpoint_seconds_bucket",
    "streamer_checkpoint_failures_total",
    "streamer_checkpoint_age_seconds",
    "streamer_entities_tracked",
    "streamer_entities_evicted_total",
    "streamer_entities_evicted_unsaved_total",
    "streamer_model_transactions_seen",
    "streamer_model_age_seconds",
    "streamer_model_merges_total",
    "streamer_model_threshold_ratio",
    "streamer_alert_budget_achieved",
    "streamer_alert_budget_requested",
    "streamer_clusters_revived_total",
    "streamer_dependency_up",
    "streamer_assigned_partitions",
    "streamer_build_info",
    "streamer_policy_info",
    "streamer_feature_drift_psi",
    "streamer_feature_drift_ks",
    "streamer_distance_drift_total",
    "streamer_drift_reference_settled",
}


class Steady:
    """A worker after it has scored simulated payments with every bad record among them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.worker: Worker = service.worker().wait_ready()
        good = payments(N_GOOD)
        # A null key and a wrong key, with cards that no payment of the simulation has.
        odd: list[Record] = [
            (None, _bytes(card_id="card-x")),
            (b"another", _bytes(card_id="card-y")),
        ]
        records: list[Record] = [*good[:2_000]]
        for i, (name, value, _, _) in enumerate(BAD):
            records += [(name.encode(), value), good[2_000 + i]]
        records += [*good[2_000 + len(BAD) :], *odd]
        self.sent = service.produce(records)
        self.bad_places = [m for m in self.sent if m.key() in {n.encode() for n, *_ in BAD}]
        self.total: Ledger = service.wait_consumed()
        # Redis has it a moment before the worker hears that it has.
        seen = "streamer_model_transactions_seen"
        self.worker.wait_metric(lambda n: n == self.total.scored, seen)


@pytest.fixture(scope="module")
def steady(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Steady]:
    options = {"scores_enabled": "true", "dead_letter_max_bytes": str(DEAD_LETTER_MAX_BYTES)}
    with Service(kafka.bootstrap_servers, redis_url, **options) as service:
        yield Steady(service.create_topics())


@pytest.fixture(scope="module")
def letters(steady: Steady) -> dict[str, tuple[Message, dict[str, str]]]:
    found = steady.service.dead_letters()
    assert len(found) == len(BAD)
    return {message.key().decode(): (message, headers) for message, headers in found}


def test_bad_records_among_good_ones_leave_the_ledger_balanced(steady: Steady) -> None:
    """Every good record is scored, every bad one dead-lettered, and nothing else happens."""
    total = steady.service.assert_exact()
    assert total.scored == N_GOOD + 2
    assert total.dead_lettered == len(BAD)
    assert 10 < total.alerted < 300


@pytest.mark.parametrize(("name", "value", "reason", "path"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_record_is_one_dead_letter_that_says_what_was_wrong_and_where(
    name: str,
    value: bytes | None,
    reason: str,
    path: str,
    steady: Steady,
    letters: dict[str, tuple[Message, dict[str, str]]],
) -> None:
    """Original bytes and key untouched; reason, path, source and first-seen time in headers."""
    message, headers = letters[name]
    source = next(m for m in steady.bad_places if m.key() == name.encode())
    n_bytes = len(value or b"")
    is_cut = value is not None and len(value) > DEAD_LETTER_MAX_BYTES
    if is_cut and value:
        n_kept = len(message.value() or b"")
        assert DEAD_LETTER_MAX_BYTES - 1_024 < n_kept < DEAD_LETTER_MAX_BYTES
        value = value[:n_kept]
    # librdkafka shows an empty value as empty bytes and a null as None.
    assert message.value() == value
    assert headers.get("streamer-shortened-from-bytes") == (str(n_bytes) if is_cut else None)
    assert (headers["streamer-reason"], headers["streamer-path"]) == (reason, path)
    assert headers["streamer-detail"]
    assert "card-1" not in headers["streamer-detail"]
    assert headers["streamer-source-topic"] == steady.service.settings.transactions_topic
    assert headers["streamer-source-partition"] == str(source.partition())
    assert headers["streamer-source-offset"] == str(source.offset())
    assert source.timestamp()[1] <= int(headers["streamer-first-seen"]) <= time.time() * 1_000


def test_dead_letters_are_counted_by_reason(steady: Steady) -> None:
    """The metric has the table's count for every reason code."""
    for reason, n in Counter(row[2] for row in BAD).items():
        assert steady.worker.metric("streamer_dead_letters_total", reason=reason) == n


def test_a_null_key_and_a_wrong_key_are_scored_and_counted(steady: Steady) -> None:
    """The value's card counts; the metric says that two keys were not the card."""
    assert steady.worker.metric("streamer_key_mismatches_total") == 2
    cards = {score.card_id for _, score in _scores(steady.service)}
    assert {"card-x", "card-y"} <= cards


def _scores(service: Service) -> list[tuple[Message, Score]]:
    decode = msgspec.json.Decoder(Score).decode
    return [(m, decode(m.value())) for m in service.read(service.settings.scores_topic)]


def test_every_transaction_has_one_score_on_the_partition_of_its_source(steady: Steady) -> None:
    """As many scores as transactions, keyed by card, each on its source's partition number."""
    scores = _scores(steady.service)
    assert len(scores) == steady.total.scored
    assert (
        len({score.transaction_id for _, score in scores}) == N_GOOD + 1
    )  # the odd ones share t-0
    assert len({(s.source.partition, s.source.offset) for _, s in scores}) == len(scores)
    for message, score in scores:
        assert message.partition() == score.source.partition
        assert message.key() == score.card_id.encode()
    assert sum(score.alerted for _, score in scores) == steady.total.alerted
    assert sum(score.status == "warming" for _, score in scores) == steady.total.warming


def test_alerts_are_on_the_partition_of_their_source_and_keyed_by_card(steady: Steady) -> None:
    """So that a reviewer's consumers can be spread as the workers are."""
    messages = steady.service.read(steady.service.settings.alerts_topic)
    assert messages
    for message in messages:
        alert = msgspec.json.decode(message.value(), type=Alert)
        source = (alert.source.topic, alert.source.partition)
        assert source == (steady.service.settings.transactions_topic, message.partition())
        assert message.key() == alert.transaction.card_id.encode()
        assert alert.mode == "normal"


def test_healthz_says_alive_and_readyz_ready(steady: Steady) -> None:
    """What an orchestrator's probes get from a worker that keeps up."""
    assert steady.worker.get("/healthz")[0] == 200
    assert steady.worker.json("/healthz") == {"status": "alive"}
    assert steady.worker.get("/readyz")[0] == 200
    assert steady.worker.json("/readyz") == {"status": "ready"}


def test_metrics_parse_have_every_promised_name_and_no_card(steady: Steady) -> None:
    """Prometheus' own parser takes the answer; labels hold no card."""
    text = steady.worker.get("/metrics")[1]
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    assert {sample.name for sample in samples} >= PROMISED_METRICS
    assert "card-" not in text
    assert steady.worker.metric("streamer_model_transactions_seen") == steady.total.scored
    assert [s.value for s in samples if s.name == "streamer_ledger_imbalance"] == [0, 0]
    assert {s.labels["name"]: s.value for s in samples if s.name == "streamer_dependency_up"} == {
        "kafka": 1,
        "redis": 1,
    }


def test_model_tells_its_version_and_centers_in_units(steady: Steady) -> None:
    """The answer names the head's id and describes each center by feature, value and unit."""
    head = steady.service.ask(lambda store: store.head())
    described = steady.worker.json("/model")
    assert described["version"] == head.id
    assert 0 <= described["age_s"] < 600
    assert described["status"] == "learning"
    assert described["transactions_seen"] == steady.total.scored
    assert len(described["centers"]) == 4
    for center in described["centers"]:
        assert 0 <= center["share_of_traffic"] <= 1
        assert all(value["feature"] and value["unit"] for value in center["values"])


def test_open_metrics_tell_that_the_threshold_moves_and_not_where_it_is(steady: Steady) -> None:
    """Its distance is what a fraudster would stay below: only /model has it, on the other address."""
    threshold = steady.worker.json("/model")["threshold_distance"]
    text = steady.worker.get("/metrics")[1]
    values = {s.value for family in text_string_to_metric_families(text) for s in family.samples}
    assert threshold > 1
    assert not any(abs(value - threshold) < 1e-6 for value in values)
    assert steady.worker.metric("streamer_model_threshold_ratio") > 0


def test_model_and_metrics_tell_the_drift_of_every_feature_in_the_same_order(
    steady: Steady,
) -> None:
    """The reference of so young a model is provisional, and both say so."""
    drift = steady.worker.json("/model")["drift"]
    assert drift["reference"] == "provisional"
    assert 0 < drift["reference_transactions"] <= steady.total.scored
    assert drift["distance_shifts"] == 0
    assert {feature["feature"] for feature in drift["features"]} == set(FEATURE_NAMES)
    psi = [feature["psi"] for feature in drift["features"]]
    assert psi == sorted(psi, reverse=True)
    for feature in drift["features"]:
        labels = {"feature": feature["feature"]}
        for name in ("psi", "ks"):
            value = steady.worker.metric(f"streamer_feature_drift_{name}", **labels)
            assert value == pytest.approx(feature[name])
        assert feature["sentence"].startswith(f"{feature['feature']}: ")
    assert steady.worker.metric("streamer_drift_reference_settled") == 0


def test_the_log_has_no_card_and_no_traceback(steady: Steady) -> None:
    """Bad records and alerts leave no card number behind in the worker's output."""
    log = steady.worker.log()
    assert "card-" not in log
    assert "Traceback" not in log
