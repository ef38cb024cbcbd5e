"""Apache Kafka of the rig: it starts, dies, and comes back on its port with its data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.rig.apache_kafka import ApacheKafka
from tests.rig.broker import Listener
from tests.rig.ports import stable_port
from tests.rig.proxy import Proxy
from tests.rig.topics import (
    add_partitions,
    beginning_offset,
    create_topic,
    delete_topic,
    elect_uncleanly,
    end_offset,
    leader,
    recreate_topic,
    set_topic,
    truncate,
)
from tests.rig.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("apache_kafka_installed")


def _produce(servers: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": servers, "acks": "all"})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(DEADLINE_S) == 0


def _read(servers: str, topic: str, n: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.consume(n, timeout=DEADLINE_S)
    consumer.close()
    return [message.value() for message in found]


def _known_end(kafka: ApacheKafka, topic: str) -> int | None:
    """Return the end of partition 0; None while a broker that was killed takes its place again."""
    try:
        return end_offset(kafka.admin(), topic, 0)
    except KafkaException:
        return None


def test_a_killed_broker_comes_back_on_its_port_with_its_data() -> None:
    """Records that were acknowledged before `kill -9` are there after the start."""
    with ApacheKafka() as kafka:
        before = kafka.bootstrap_servers
        create_topic(kafka.admin(), "orders")
        _produce(before, "orders", [b"a", b"b"])
        kafka.kill()
        assert not kafka.brokers[0].is_running
        kafka.start_broker()
        assert kafka.bootstrap_servers == before
        assert _read(before, "orders", 2) == [b"a", b"b"]
        kafka.stop()
        kafka.start()
        assert wait_until(lambda: _known_end(kafka, "orders"), "the end is told again") == 2


def test_a_paused_broker_answers_nobody_until_it_goes_on() -> None:
    """Its port is open all the time."""
    with ApacheKafka() as kafka:
        kafka.pause()
        with pytest.raises(KafkaException):
            kafka.admin().list_topics(timeout=1)
        kafka.resume()
        assert kafka.admin().list_topics(timeout=DEADLINE_S).brokers


def test_a_given_port_is_taken_and_settings_are_kafkas() -> None:
    """Underscores stand for dots; a record above the limit is refused."""
    port = stable_port()
    with ApacheKafka(port=port, message_max_bytes=2000) as kafka:
        assert kafka.bootstrap_servers == f"127.0.0.1:{port}"
        create_topic(kafka.admin(), "orders")
        refused: list[str] = []
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce("orders", b"x" * 3000, on_delivery=lambda e, _: refused.append(e.name()))
        assert producer.flush(DEADLINE_S) == 0
        assert refused == ["MSG_SIZE_TOO_LARGE"]


def test_a_proxy_cuts_clients_off_from_a_broker_that_others_still_reach() -> None:
    """Clients of the proxied listener are told the proxy's port, so none finds a way around it."""
    inside = stable_port()
    with Proxy(inside) as proxy:
        outside = Listener("PROXIED", "PLAINTEXT", inside, advertised_port=proxy.port)
        with ApacheKafka(listeners=[outside]) as kafka:
            proxied = kafka.servers("PROXIED")
            assert proxied == f"127.0.0.1:{proxy.port}"
            create_topic(kafka.admin(), "orders")
            _produce(proxied, "orders", [b"a"])
            proxy.cut()
            with pytest.raises(KafkaException):
                kafka.admin(**{"bootstrap.servers": proxied}).list_topics(timeout=1)
            assert end_offset(kafka.admin(), "orders", 0) == 1
            proxy.pass_on()
            _produce(proxied, "orders", [b"b"])
            assert _read(kafka.bootstrap_servers, "orders", 2) == [b"a", b"b"]


def test_topics_are_truncated_grown_deleted_and_made_again(
    apache_kafka: ApacheKafka, unique_topic: Callable[..., str]
) -> None:
    """By deletion of records, by retention, and by a new topic under the old name."""
    admin, topic = apache_kafka.admin(), unique_topic()
    create_topic(admin, topic, segment_bytes=1_048_576)
    _produce(apache_kafka.bootstrap_servers, topic, [b"a", b"b", b"c"])
    truncate(admin, topic, 0, 2)
    assert (beginning_offset(admin, topic, 0), end_offset(admin, topic, 0)) == (2, 3)
    set_topic(admin, topic, retention_ms=1)
    wait_until(lambda: beginning_offset(admin, topic, 0) == 3, "retention empties the partition")
    add_partitions(admin, topic, 3)
    recreate_topic(admin, topic)
    assert len(admin.list_topics(topic, timeout=DEADLINE_S).topics[topic].partitions) == 3
    assert (beginning_offset(admin, topic, 0), end_offset(admin, topic, 0)) == (0, 0)
    delete_topic(admin, topic)
    assert topic not in admin.list_topics(timeout=DEADLINE_S).topics


def test_three_brokers_move_their_leaders_and_lose_nothing_that_was_acknowledged() -> None:
    """The leader is killed; another one has every record, and takes more."""
    with ApacheKafka(3) as kafka:
        admin = kafka.admin()
        create_topic(admin, "orders", n_replicas=3)
        _produce(kafka.bootstrap_servers, "orders", [b"a", b"b"])
        first = leader(admin, "orders")
        assert first is not None
        kafka.kill(first)
        kafka.wait_leaders()
        assert leader(admin, "orders") != first
        _produce(kafka.bootstrap_servers, "orders", [b"c"])
        assert _read(kafka.bootstrap_servers, "orders", 3) == [b"a", b"b", b"c"]
        kafka.start_broker(first)


def test_an_unclean_election_loses_what_only_the_dead_leader_had() -> None:
    """`b` was acknowledged by the leader alone, since nobody else was in sync."""
    with ApacheKafka(3) as kafka:
        admin = kafka.admin()
        create_topic(admin, "orders", n_replicas=2, min_insync_replicas=1)
        replicas = (
            admin.list_topics("orders", timeout=DEADLINE_S).topics["orders"].partitions[0].replicas
        )
        dead = leader(admin, "orders")
        assert dead is not None
        (behind,) = {node_id - 1 for node_id in replicas} - {dead}
        _produce(kafka.bootstrap_servers, "orders", [b"a"])
        kafka.kill(behind)
        kafka.wait_leaders()
        _produce(kafka.bootstrap_servers, "orders", [b"b"])
        kafka.kill(dead)
        kafka.start_broker(behind)
        wait_until(lambda: leader(admin, "orders") is None, "nobody in sync is left to lead")
        elect_uncleanly(admin, "orders")
        assert leader(admin, "orders") == behind
        kafka.start_broker(dead)
        assert end_offset(admin, "orders", 0) == 1
