"""``streamer intake try`` and ``suggest`` on a topic of Apache Kafka: they look, and leave no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.cli.test_commands import run
from tests.intake.messages import VALID
from tests.intake.test_schemas import FRAME, RECORD, avro
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service
from tests.stream.registry import serving

N_PARTITIONS = 3


@pytest.fixture
def service(apache_kafka: ApacheKafka, redis_url: str) -> Iterator[Service]:
    made = Service(apache_kafka.bootstrap_servers, redis_url, n_partitions=N_PARTITIONS)
    with made as service:
        yield service.create_topics()


def _env(service: Service, **more: str) -> dict[str, str]:
    return {n.removeprefix("STREAMER_").lower(): v for n, v in service.env.items()} | more


def _renamed(i: int) -> bytes:
    content: dict[str, Any] = {**VALID, "transaction_id": f"t{i}", "pan": f"card-{i}"}
    del content["card_id"]
    return json.dumps(content).encode()


def _groups(service: Service) -> set[str]:
    admin = AdminClient(librdkafka_config(service.settings))
    return {group.group_id for group in admin.list_consumer_groups().result(DEADLINE_S).valid}


def test_a_sample_is_read_without_a_group_and_nothing_is_committed(
    service: Service, tmp_path: Path
) -> None:
    """The last messages of every partition, tombstones left out, by the worker's own intake."""
    topic = service.settings.transactions_topic
    service.produce([(b"k", _renamed(i)) for i in range(60)])
    service.produce([(b"k", None)], partition=0)
    before = _groups(service)
    looked = run("intake", "try", "--topic", topic, "--json", "--limit", "6", **_env(service))
    found = [json.loads(line) for line in looked.stdout.splitlines()]
    # Two of each partition of 20; the last of partition 0 is its tombstone at 20.
    assert sorted(one["message"] for one in found) == ["0-19", "1-18", "1-19", "2-18", "2-19"]
    assert {one["reason"] for one in found} == {"missing_field"}
    assert looked.exit_code == 1
    suggested = run("intake", "suggest", "--topic", topic, **_env(service))
    assert 'card_id = "pan"' in suggested.stdout
    file = tmp_path / "intake.toml"
    file.write_text(suggested.stdout)
    by_setting = run("intake", "try", "--topic", topic, **_env(service, intake=str(file)))
    assert by_setting.stdout.count(": payment") == 60
    # Of those that were there, one whose last member a test has killed may be gone by now.
    assert _groups(service) <= before
    assert service.committed() == [None] * N_PARTITIONS


def test_a_topic_that_ends_in_markers_or_is_empty_is_read_to_its_end(service: Service) -> None:
    """An aborted payment is none; its transaction's marker is the last offset of the partition."""
    topic = service.settings.transactions_topic
    empty = run("intake", "try", "--topic", topic, **_env(service))
    assert (empty.exit_code, empty.stdout) == (0, ""), empty.stderr
    assert "no message and no row was found" in empty.stderr
    config = {"transactional.id": f"t-{service.id}"}
    producer = Producer(librdkafka_config(service.settings, **config))
    producer.init_transactions(60)
    for is_kept in (True, False):
        producer.begin_transaction()
        producer.produce(topic, json.dumps(VALID).encode(), partition=1)
        producer.flush(DEADLINE_S)
        (producer.commit_transaction if is_kept else producer.abort_transaction)(60)
    looked = run("intake", "try", "--topic", topic, "--json", **_env(service))
    assert [json.loads(line)["outcome"] for line in looked.stdout.splitlines()] == ["payment"]


def test_framed_messages_are_read_by_the_registry_of_the_settings(service: Service) -> None:
    """Avro without a declaration; while the registry is away, that is said in a line."""
    topic = service.settings.transactions_topic
    service.produce([(None, FRAME + avro(RECORD))])
    with serving() as url:
        env = _env(service, schema_registry_url=url)
        assert "payment" in run("intake", "try", "--topic", topic, **env).stdout
        assert (
            "Nothing needs to be declared"
            in run("intake", "suggest", "--topic", topic, **env).stdout
        )
    away = _env(service, schema_registry_url=f"http://127.0.0.1:{stable_port()}")
    for command in ("try", "suggest"):
        failed = run("intake", command, "--topic", topic, **away)
        assert failed.stderr.startswith("streamer: schema registry must answer")
        assert len(failed.stderr.splitlines()) == 1


def test_a_broker_or_a_topic_that_is_not_there_is_told_in_a_line(service: Service) -> None:
    """Exit codes are those of every command: 2 for what was asked, 1 for what does not answer."""
    wrong = run("intake", "try", "--topic", "nowhere", **_env(service))
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("streamer: topic must exist, got nowhere: Broker: Unknown topic")
    nobody = {"kafka_bootstrap_servers": f"127.0.0.1:{stable_port()}"}
    away = run("intake", "suggest", "--topic", "t", **_env(service, **nobody))
    assert away.stderr.startswith(
        "streamer: Kafka must answer within 10 s (STREAMER_KAFKA_BOOTSTRAP_SERVERS), got "
    )
    assert "KafkaError{" not in away.stderr
    assert len(away.stderr.splitlines()) == 1
    assert away.exit_code == 1
