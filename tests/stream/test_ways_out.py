"""What a fault tells an operator to do works: on Apache Kafka and a Redis on disk, with a worker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import Consumer, TopicPartition

from streamer.store import LogIdentity
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.partition_log import log_bounds
from tests.cli.test_commands import run
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.redis import DebianRedis
from tests.rig.topics import recreate_topic
from tests.stream.conftest import MakeService
from tests.stream.harness import Record, Service, Worker, coordinated, payments, wait_until


@pytest.fixture
def make(apache_kafka: ApacheKafka, redis_debian: DebianRedis) -> Iterator[MakeService]:
    """Makes services of one partition; a member that stands still stays one for half a minute."""
    with ExitStack() as stack:

        def service(**options: str) -> Service:
            made = Service(
                apache_kafka.bootstrap_servers,
                redis_debian.url,
                n_partitions=1,
                **{"kafka_session_timeout_s": "30"} | options,
            )
            return stack.enter_context(made).create_topics()

        yield service


def _told(worker: Worker, *words: str) -> str:
    """Wait until the worker faults a partition with these words; return the command that it names."""

    def told() -> re.Match[str] | None:
        status, body = worker.get("/readyz")
        is_told = status == 503 and all(word in body for word in words)
        return re.search(r"`streamer (partition reset [^`]*)`", body) if is_told else None

    found: re.Match[str] = wait_until(told, lambda: f"{worker.get('/readyz')}\n{worker.log()}")
    return found[1]


def _do(service: Service, command: str, to: str) -> str:
    """Run what the worker named, with the place to go on from filled in."""
    filled = command.replace("beginning|end|OFFSET", to).replace("TEXT", "tried")
    variables = {name.removeprefix("STREAMER_").lower(): v for name, v in service.env.items()}
    result = run(*filled.split(), "--yes", **variables)
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)


def _show(service: Service, topic: str) -> dict[str, object]:
    variables = {name.removeprefix("STREAMER_").lower(): v for name, v in service.env.items()}
    [row] = json.loads(run("partition", "show", "--json", "--topic", topic, **variables).stdout)
    return dict(row)


def _commit(service: Service, offset: int, metadata: str) -> None:
    """Commit as a worker did whose Redis is gone."""
    group = {"group.id": service.settings.consumer_group}
    consumer = Consumer(librdkafka_config(service.settings, **group))
    place = TopicPartition(service.settings.transactions_topic, 0, offset, metadata)
    try:
        coordinated(lambda: consumer.commit(offsets=[place], asynchronous=False))
    finally:
        consumer.close()


def _verdicts(numbers: range) -> list[Record]:
    return [
        (
            b"card-1",
            json.dumps(
                {
                    "transaction_id": f"t-{n}",
                    "card_id": "card-1",
                    "verdict": "fraud",
                    "origin": "reviewer",
                    "decided_at": "2026-01-06T12:00:00Z",
                }
            ).encode(),
        )
        for n in numbers
    ]


def _judged(service: Service) -> list[str]:
    """Return the transactions of the stored verdicts, in order."""
    topic = service.settings.feedback_topic
    found = service.ask(lambda store: store.read_feedback(topic, 0, 0, 1_000))
    return [json.loads(entry["feedback"])["transaction_id"] for _, entry in found.entries]


def test_an_emptied_redis_and_a_log_that_was_cut_are_gone_on_with_from_its_end(
    make: MakeService,
) -> None:
    """40 were committed, the log holds 30: 40 are lost, and 20 new ones are scored."""
    service = make()
    topic = service.settings.transactions_topic
    service.produce(payments(30))
    topic_id = log_bounds(service.settings, topic, 0, None).topic_id
    _commit(service, 40, f"store=gone;epoch=2;topic={topic_id}")
    worker = service.worker()
    command = _told(worker, "committed offset", "0 to 30, got 40")
    said = _do(service, command, "end")
    assert f"{service.settings.consumer_group} has committed 40 in epoch 2" in said
    assert "40 records are declared lost (store): 0 to 39." in said
    assert "at least 40 records" in said
    service.produce(payments(20, seed=2))
    total = service.wait_consumed(60)
    assert (total.scored, total.lost, total.imbalance) == (20, 40, 0)
    worker.wait_ready()
    record = service.ask(lambda store: store.partition(topic, 0))
    assert (record.offset, record.log.epoch) == (50, 3)
    # Both are told to Kafka, for the next time.
    wait_until(lambda: service.committed() == [50], worker.log)


def test_an_emptied_redis_and_another_topic_under_the_name_are_gone_on_with_from_its_beginning(
    make: MakeService,
) -> None:
    """20 were committed of a topic with another id; all 30 of this one are scored."""
    service = make()
    topic = service.settings.transactions_topic
    service.produce(payments(30))
    _commit(service, 20, "store=gone;epoch=0;topic=2EvXBC+uQf20w/cUSmlIwg")
    worker = service.worker()
    command = _told(worker, "deleted and created again", "2EvXBC+uQf20w/cUSmlIwg")
    assert "20 records are declared lost (store): 0 to 19." in _do(service, command, "beginning")
    total = service.wait_consumed(50)
    assert (total.scored, total.lost, total.imbalance) == (30, 20, 0)
    worker.wait_ready()
    assert service.ask(lambda store: store.partition(topic, 0)).log.epoch == 1


def test_every_verdict_of_a_feedback_topic_that_was_made_anew_counts_once(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """Five verdicts of the old topic; the first five of eight new ones have their offsets."""
    service = make()
    topic = service.settings.feedback_topic
    worker = service.worker().wait_ready()
    service.produce(_verdicts(range(5)), topic)
    applied = "streamer_verdicts_applied_total"
    worker.wait_metric(lambda n: n == 5, applied, outcome="standing")
    # A checkpoint holds that they were learned: partitions move when a topic goes.
    service.produce(payments(20))
    service.wait_consumed()
    recreate_topic(apache_kafka.admin(), topic)
    service.produce(_verdicts(range(5, 13)), topic)
    command = _told(worker, f"partition 0 of {topic} is faulted", "deleted and created again")
    faulted = "streamer_partition_faulted"
    assert worker.metric(faulted, topic=topic, partition="0") == 1
    assert worker.metric(faulted, topic=service.settings.transactions_topic, partition="0") == 0
    assert len(_judged(service)) == 5
    said = _do(service, command, "beginning")
    assert "It goes on at 0; its epoch goes from 0 to 1." in said
    wait_until(lambda: len(_judged(service)) == 13, worker.log)
    service.produce(_verdicts(range(13, 14)), topic)
    wait_until(lambda: _judged(service) == [f"t-{n}" for n in range(14)], worker.log)
    worker.wait_metric(lambda n: n == 14, applied, outcome="standing")
    worker.wait_ready()
    assert worker.metric(faulted, topic=topic, partition="0") == 0
    row = _show(service, topic)
    assert (row["offset"], row["lag"], row["epoch"], row["n_stored"]) == (9, 0, 1, 14)
    assert worker.metric(applied, outcome="ignored") == 0
    assert len(service.workers) == 1


def test_of_a_topic_made_anew_and_longer_nothing_is_learned_before_the_reset(
    make: MakeService, apache_kafka: ApacheKafka
) -> None:
    """The worker stands still meanwhile, and its next fetch is from the new log's middle."""
    service = make()
    topic = service.settings.transactions_topic
    worker = service.worker().wait_ready()
    service.produce(payments(200))
    before = service.wait_consumed()
    old_id = service.ask(lambda store: store.partition(topic, 0)).log.topic_id
    worker.pause()
    recreate_topic(apache_kafka.admin(), topic)
    service.n_sent = [0]
    service.produce(payments(400, seed=2))
    worker.resume()
    command = _told(worker, "deleted and created again")
    assert service.totals() == before
    # A verdict on an alert of the old log is not one on the record that has its offset now.
    old_alert = json.dumps({"alert_id": f"{topic}-0-7", "fraud": True}).encode()
    service.produce([(None, old_alert)], service.settings.feedback_topic)
    dead_topic = service.settings.feedback_dead_letters_topic
    [(_, headers)] = wait_until(lambda: service.dead_letters(dead_topic), worker.log)
    assert headers["streamer-reason"] == "unknown_alert"
    assert _judged(service) == []
    _do(service, command, "beginning")
    total = service.wait_consumed(600)
    assert (total.scored, total.lost, total.imbalance) == (600, 0, 0)
    assert service.ask(lambda store: store.head()).sums.transactions_seen == 600
    log = service.ask(lambda store: store.partition(topic, 0)).log
    assert log == LogIdentity(1, log.topic_id, 400)
    assert log.topic_id != old_id


def test_a_topic_made_anew_that_nobody_remembers_is_told_by_its_alerts(
    make: MakeService, apache_kafka: ApacheKafka, redis_debian: DebianRedis
) -> None:
    """Kafka forgets a group's offsets with the topic, and Redis is emptied: only alerts are left."""
    service = make(alert_budget="0.2")
    topic = service.settings.transactions_topic
    worker = service.worker().wait_ready()
    service.produce(payments(600))
    service.wait_consumed()
    service.produce(payments(600, seed=2))
    service.wait_consumed()
    n_old = len(service.alerts() + service.overflow())
    assert n_old
    assert worker.terminate() == 0
    with redis_debian.client() as client:
        client.delete(*client.keys(f"streamer:{{{service.settings.namespace}}}:*"))
    recreate_topic(apache_kafka.admin(), topic)
    worker = service.worker().wait_ready()
    warned = "neither Redis nor the group remembers"
    body = wait_until(lambda: warned in (text := worker.get("/readyz")[1]) and text, worker.log)
    command = re.search(r"`streamer (partition reset [^`]*)`", body)
    assert command is not None
    assert worker.terminate() == 0
    assert "its epoch goes from 0 to 1" in _do(service, command[1], "beginning")
    service.n_sent = [0]
    service.produce(payments(1_200, seed=3))
    service.worker().wait_ready()
    assert service.wait_consumed().scored == 1_200
    ids = [alert.alert_id for alert in service.alerts() + service.overflow()]
    assert len(ids) == len(set(ids))
    assert sum(not each.endswith("@1") for each in ids) == n_old < len(ids)
