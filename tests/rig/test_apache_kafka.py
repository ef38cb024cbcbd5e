"""Apache Kafka of the rig: it starts, dies, and comes back on its port with its data."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import create_topic, end_offset


def _produce(servers: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": servers, "acks": "all"})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def _read(servers: str, topic: str, n: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.consume(n, timeout=30)
    consumer.close()
    return [message.value() for message in found]


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
        assert end_offset(kafka.admin(), "orders", 0) == 2
