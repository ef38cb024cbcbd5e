"""What a running worker exposes is what the catalogue says, both ways; and under load it moves."""

from __future__ import annotations

import json
import math
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from streamer.embedded import EmbeddedKafka
from streamer.telemetry.catalogue import WORKER_SECTIONS
from streamer.telemetry.catalogue.batch_metrics import STAGES
from streamer.telemetry.metrics import catalogue
from tests.builders import payment
from tests.rig.proxy import Proxy
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Record, Service, Worker, payments, wait_until
from tests.stream.test_applying import verdicts

# What a healthy worker has no reason to count, or has nothing to say of so early.
QUIET = {
    "streamer_alert_fuse_blown": "no flood",
    "streamer_alerts_overflowed_total": "no flood",
    "streamer_alerts_suppressed_total": "no crash",
    "streamer_average_precision_ratio": "too few frauds",
    "streamer_batches_in_flight": "has caught up",
    "streamer_challenger_alerts": "none runs",
    "streamer_challenger_cost_ratio": "none runs",
    "streamer_challenger_frauds": "none runs",
    "streamer_challenger_payments": "none runs",
    "streamer_challenger_score_psi": "none runs",
    "streamer_checkpoint_failures_total": "Redis is there",
    "streamer_clusters_dead": "re-seeded with each merge",
    "streamer_clusters_revived_total": "none died",
    "streamer_currencies_estimated": "none has a value",
    "streamer_distance_drift_total": "those of a young model are let go",
    "streamer_drift_reference_settled": "a young model",
    "streamer_entities_aged_total": "all were seen of late",
    "streamer_entities_evicted_total": "there is room",
    "streamer_entities_evicted_unsaved_total": "there is room",
    "streamer_entities_unreadable_total": "all rows are ours",
    "streamer_estimated_recall_ratio": "none of the sample is judged",
    "streamer_expected_loss_alerted_total": "probability ranks",
    "streamer_feature_drift_ks": "a reference of now",
    "streamer_feature_drift_psi": "a reference of now",
    "streamer_unjudged_dropped_total": "there is room",
    "streamer_gc_pause_seconds": "too few containers for a collection",
    "streamer_lag_records": "has caught up",
    "streamer_ledger_imbalance": "never",
    "streamer_model_canary_partitions": "no version is on trial",
    "streamer_model_promoted_timestamp_seconds": "nobody has",
    "streamer_model_rollbacks_total": "no version is on trial",
    "streamer_model_watch_remaining_seconds": "no version is on trial",
    "streamer_odds_active": "too few labels",
    "streamer_partition_faulted": "no fault",
    "streamer_partition_stalled_seconds": "nothing stalls",
    "streamer_publish_queue_bytes": "has caught up",
    "streamer_publish_queue_messages": "has caught up",
    "streamer_records_lost_total": "nothing lost",
    "streamer_redis_failures_in_a_row": "Redis is there",
    "streamer_secret_faulted": "none is in a file",
    "streamer_secrets_taken_up_total": "none is in a file",
    "streamer_spans_total": "tracing is off",
    "streamer_verdicts_lost_total": "nothing trimmed",
}


def scraped(worker: Worker) -> dict[str, Metric]:
    """Return what Prometheus gets, which asks for OpenMetrics, by family."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{worker.port}/metrics",
        headers={"Accept": "application/openmetrics-text"},
    )
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert len({family.name for family in families}) == len(families)
    return {family.name: family for family in families}


class Loaded:
    """A worker after some load of every kind, and what it exposed then."""

    def __init__(self, service: Service, redis: Proxy) -> None:
        self.service, self.redis = service, redis
        self.worker = service.worker().wait_ready()
        sent = payments(3_000)
        service.produce(sent[:1_500])
        service.wait_consumed()
        nowhere = {"card_id": "card-x", "latitude": 0, "longitude": 0}
        odd: list[Record] = [
            (b"bad", b"hello"),
            sent[100],  # once more, on the same partition
            (b"card-x", json.dumps(payment(1, **nowhere)).encode()),
            (b"card-y", json.dumps(payment(2, card_id="card-z")).encode()),
            (b"card-x", json.dumps(payment(3, after_s=-86_400, card_id="card-x")).encode()),
            (b"nothing", None),
        ]
        service.produce(odd, partition=0)
        service.produce(sent[1_500:])
        service.wait_consumed()
        alerted = {alert.transaction.transaction_id for alert in service.alerts()}
        numbers = [i for i, (_, value) in enumerate(sent) if _id(value) in alerted]
        judged = [verdict for i in numbers for verdict in verdicts(sent, range(i, i + 1))]
        assert judged, "nothing was alerted"
        service.produce(judged, service.settings.feedback_topic, partition=0)
        self.n_judged = len(judged)
        wait_until(self._judged, self.worker.log)
        # What verdicts teach is in the next version; by then no batch is half counted any more.
        self.families = wait_until(self._told, self.worker.log)

    def _judged(self) -> bool:
        judged = scraped(self.worker)["streamer_alerts_judged"].samples
        return sum(s.value for s in judged) >= self.n_judged

    def _told(self) -> dict[str, Metric] | None:
        families = scraped(self.worker)
        return families if moves(families["streamer_sample_judged"]) else None


def _id(value: bytes | None) -> str:
    return str(json.loads(value or b"")["transaction_id"])


def moves(family: Metric) -> bool:
    return any(sample.value != 0 for sample in family.samples)


@pytest.fixture(scope="module")
def loaded(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Loaded]:
    with Proxy(urlsplit(redis_url).port or 0) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        # Who asks a Redis that hangs waits for as long as a test wants.
        patient = {"redis_timeout_s": "3600", "alert_budget": "0.05"}
        with Service(kafka.bootstrap_servers, url, **patient) as service:
            yield Loaded(service.create_topics(), proxy)


def test_what_a_worker_exposes_is_in_the_catalogue_with_type_and_meaning(loaded: Loaded) -> None:
    """Every family, and no label that the catalogue does not name."""
    known = {family.family_name: family for family in catalogue(WORKER_SECTIONS)}
    assert loaded.families.keys() - known.keys() == set()
    for name, family in loaded.families.items():
        entry = known[name]
        assert family.type == entry.kind
        assert family.documentation == entry.meaning or name.startswith("process_")
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(entry.labels), sample


def test_what_is_in_the_catalogue_is_exposed_and_moves_under_load(loaded: Loaded) -> None:
    """All but what a healthy worker has no reason to count; nothing is declared and never set."""
    entries = {family.family_name: family.name for family in catalogue(WORKER_SECTIONS)}
    assert entries.keys() - loaded.families.keys() == set()
    still = {entries[name] for name, family in loaded.families.items() if not moves(family)}
    assert still - QUIET.keys() == set()


def test_a_batch_that_was_fetched_and_is_not_processed_is_in_flight(loaded: Loaded) -> None:
    """It has cards that only Redis could know, and Redis does not answer until it has been seen."""

    def is_met() -> bool:
        return moves(scraped(loaded.worker)["streamer_batches_in_flight"])

    loaded.redis.hang()
    strangers = [payment(i, card_id=f"stranger-{i}") for i in range(100)]
    loaded.service.produce([(None, json.dumps(each).encode()) for each in strangers])
    wait_until(is_met, loaded.worker.log)
    loaded.redis.pass_on()
    wait_until(lambda: not is_met(), loaded.worker.log)


def test_the_stages_of_all_batches_add_up_to_their_time(loaded: Loaded) -> None:
    stages = defaultdict(float)
    for sample in loaded.families["streamer_stage_seconds"].samples:
        if sample.name.endswith("_sum"):
            stages[sample.labels["stage"]] = sample.value
    assert set(stages) == set(STAGES)
    assert all(seconds > 0 for seconds in stages.values())
    [whole] = [
        s.value for s in loaded.families["streamer_batch_seconds"].samples if s.name[-4:] == "_sum"
    ]
    assert math.fsum(stages.values()) == pytest.approx(whole)


def test_precision_is_the_share_of_fraud_among_the_judged_alerts(loaded: Loaded) -> None:
    judged = {
        s.labels["verdict"]: s.value for s in loaded.families["streamer_alerts_judged"].samples
    }
    assert sum(judged.values()) == loaded.n_judged
    [precision] = loaded.families["streamer_alert_precision_ratio"].samples
    assert precision.value == pytest.approx(judged["fraud"] / loaded.n_judged)


def test_centers_have_a_share_each_and_the_silhouette_lies_between_0_and_1(loaded: Loaded) -> None:
    shares = {
        s.labels["center"]: s.value for s in loaded.families["streamer_center_share_ratio"].samples
    }
    assert shares.keys() == {"0", "1", "2", "3"}
    assert math.fsum(shares.values()) == pytest.approx(1)
    idle = loaded.families["streamer_center_idle_seconds"].samples
    assert len(idle) == 4
    assert all(sample.value >= 0 for sample in idle)
    [silhouette] = loaded.families["streamer_simplified_silhouette"].samples
    assert 0 < silhouette.value < 1
