"""The log is not what it was, or holds what is no record: on Apache Kafka, with a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topic_configs import told_configs
from tests.retention.test_topics_kept import created_and_told, environment, settings_of
from tests.rig import transactions
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import add_partitions, recreate_topic, truncate
from tests.rig.waiting import DEADLINE_S
from tests.stream.conftest import MakeService
from tests.stream.harness import Service, Worker, payments, wait_until


@pytest.fixture
def make(apache_kafka: ApacheKafka, redis_url: str) -> Iterator[MakeService]:
    """Makes services on Apache Kafka."""
    with ExitStack() as stack:

        def service(**options: Any) -> Service:
            made = Service(apache_kafka.bootstrap_servers, redis_url, **options)
            return stack.enter_context(made).create_topics()

        yield service


def _no_lag(worker: Worker, partition: int = 0) -> bool:
    return worker.metric("streamer_lag_records", partition=str(partition)) == 0


def test_aborted_and_open_transactions_are_neither_scored_nor_a_lag(make: MakeService) -> None:
    """100 committed, 60 aborted, 40 committed, 30 open: 140 scored, 63 offsets without a record."""
    service = make(n_partitions=1)
    worker = service.worker().wait_ready()
    topic, client = service.settings.transactions_topic, librdkafka_config(service.settings)
    stream = payments(230)
    transactions.commit(client, topic, stream[:100])
    transactions.abort(client, topic, stream[100:160])
    transactions.commit(client, topic, stream[160:200])
    with transactions.open_transaction(client, topic, stream[200:]) as producer:
        # 200 records and three markers.
        total = service.wait_consumed(203)
        assert (total.scored, total.skipped, total.lost, total.imbalance) == (140, 63, 0, 0)
        wait_until(lambda: service.committed() == [203], worker.log)
        wait_until(lambda: _no_lag(worker), worker.log)
        assert worker.get("/readyz")[0] == 200
        producer.commit_transaction(DEADLINE_S)
    total = service.wait_consumed(234)
    assert (total.scored, total.skipped) == (170, 64)
    assert service.offsets() == [234]
    wait_until(lambda: _no_lag(worker), worker.log)
    assert worker.metric("streamer_records_skipped_total", partition="0") == 64
    # The marker at the end is processed: nothing is read again after a restart.
    assert worker.terminate() == 0
    again = service.worker().wait_ready()
    wait_until(lambda: _no_lag(again), again.log)
    assert service.totals() == total
    assert service.ask(lambda store: store.head()).sums.transactions_seen == 170


def test_records_deleted_before_they_were_read_are_declared_lost(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """Stopped at 300, 200 more are sent and those below 400 deleted: 100 lost, 100 read."""
    service = make(n_partitions=1)
    topic = service.settings.transactions_topic
    worker = service.worker().wait_ready()
    service.produce(payments(300))
    service.wait_consumed()
    assert worker.terminate() == 0
    service.produce(payments(200, seed=2))
    truncate(apache_kafka.admin(), topic, 0, 400)
    worker = service.worker().wait_ready()
    total = service.wait_consumed(500)
    assert (total.scored, total.lost, total.imbalance) == (400, 100, 0)
    assert worker.metric("streamer_records_lost_total", partition="0", cause="retention") == 100
    [loss] = [e for e in service.ask(lambda store: store.lineage(1_000)) if e["reason"] == "loss"]
    assert (loss["cause"], loss["first_offset"], loss["next_offset"]) == ("retention", "300", "400")
    assert "raise the topic's retention" in worker.get("/readyz")[1]


def test_a_partition_that_retention_emptied_is_no_lag_and_its_loss_is_declared_at_once(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """All of it is gone: the ledger says so without waiting for another record."""
    service = make(n_partitions=1)
    topic = service.settings.transactions_topic
    worker = service.worker().wait_ready()
    service.produce(payments(300))
    service.wait_consumed()
    assert worker.terminate() == 0
    service.produce(payments(200, seed=2))
    truncate(apache_kafka.admin(), topic, 0, 500)
    worker = service.worker().wait_ready()
    total = service.wait_consumed(500)
    assert (total.scored, total.lost) == (300, 200)
    assert service.offsets() == [500]
    wait_until(lambda: _no_lag(worker), worker.log)
    assert worker.get("/readyz")[0] == 200


def test_a_topic_created_again_is_a_fault_that_an_operator_mends(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """Longer than the old one, so that only its id tells: nothing is read, readyz says what to do."""
    service = make(n_partitions=2)
    topic = service.settings.transactions_topic
    worker = service.worker().wait_ready()
    service.produce(payments(400))
    before = service.wait_consumed()
    assert worker.terminate() == 0
    recreate_topic(apache_kafka.admin(), topic)
    service.n_sent = [0, 0]
    service.produce(payments(1_000, seed=2))
    worker = service.worker()
    _, body = wait_until(
        lambda: (answer := worker.get("/readyz"))[0] == 503 and "reset 0" in answer[1] and answer,
        lambda: f"{worker.get('/readyz')}\n{worker.log()}",
    )
    assert "deleted and created again" in body
    assert f"streamer partition reset 0 --topic {topic} --to beginning|end|OFFSET" in body
    assert worker.metric("streamer_partition_faulted", topic=topic, partition="0") == 1
    assert service.totals() == before
    assert worker.child.is_running()


def test_a_topic_created_again_under_a_running_worker_is_noticed(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """The position is beyond the new log's end, or the topic id is seen to differ."""
    service = make(n_partitions=1)
    topic = service.settings.transactions_topic
    worker = service.worker().wait_ready()
    service.produce(payments(400))
    before = service.wait_consumed()
    recreate_topic(apache_kafka.admin(), topic)
    service.produce(payments(100, seed=2))
    wait_until(lambda: "created again" in worker.get("/readyz")[1], worker.log)
    assert service.totals() == before
    assert worker.metric("streamer_partition_faulted", topic=topic, partition="0") == 1


def test_partitions_that_are_added_wait_for_the_alerts_topic_and_stop_no_other(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """The third is read once alerts and overflow topic have grown too; the first two never stop."""
    service = make(n_partitions=2, alert_budget="0.1")
    admin, settings = apache_kafka.admin(), service.settings
    worker = service.worker().wait_ready()
    service.produce(payments(1_000))
    service.wait_consumed()
    add_partitions(admin, settings.transactions_topic, 3)
    wait_until(
        lambda: f"topic {settings.alerts_topic} must have at least 3" in worker.get("/readyz")[1],
        worker.log,
    )
    service.produce(payments(1_000, seed=2))
    service.produce(payments(2_000, seed=3), partition=1)
    service.wait_consumed()
    service.n_partitions, service.n_sent = 3, [*service.n_sent, 0]
    service.produce(payments(1_000, seed=4), partition=2)
    add_partitions(admin, settings.alerts_topic, 3)
    add_partitions(admin, settings.overflow_topic, 3)
    worker.wait_ready()
    service.wait_consumed()
    total = service.assert_exact()
    assert total.scored == 5_000
    grown = service.ask(lambda store: store.partition(settings.transactions_topic, 2))
    assert grown.ledger.scored == 1_000
    assert len(service.workers) == 1


def test_topics_are_kept_there_as_is_stated_and_one_that_is_not_is_named(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """Its defaults count where nothing is said of a topic: 7 days."""
    own = environment(apache_kafka.bootstrap_servers, redis_url)
    [said] = created_and_told(own)
    assert "keeps what is of cards 30 days" in said
    assert told_configs(settings_of(own), ["no-such-topic"]) == {}
