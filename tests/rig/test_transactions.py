"""What a reader of committed records sees of transactions, on the real broker."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition

from tests.rig import transactions
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import create_topic, end_offset
from tests.rig.waiting import DEADLINE_S


def _read(kafka: ApacheKafka, topic: str, isolation: str) -> list[bytes]:
    """Every record up to the end that this reader is shown."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "reader",
            "isolation.level": isolation,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while (message := consumer.poll(DEADLINE_S)) is not None and message.error() is None:
        found.append(message.value())
    consumer.close()
    assert message is not None, f"the end of {topic} must come, got {len(found)} records"
    return found


def test_a_reader_of_committed_records_sees_committed_ones_and_waits_at_an_open_transaction(
    apache_kafka: ApacheKafka, unique_topic: Callable[..., str]
) -> None:
    """Offsets: 0 a, 1 marker, 2 b, 3 marker, 4 c (open), 5 d, 6 marker; then c is committed at 7."""
    topic = unique_topic()
    client = {"bootstrap.servers": apache_kafka.bootstrap_servers}
    create_topic(apache_kafka.admin(), topic)
    transactions.commit(client, topic, [(None, b"a")])
    transactions.abort(client, topic, [(None, b"b")])
    with transactions.open_transaction(client, topic, [(None, b"c")]) as undecided:
        transactions.commit(client, topic, [(None, b"d")])
        assert _read(apache_kafka, topic, "read_committed") == [b"a"]
        assert _read(apache_kafka, topic, "read_uncommitted") == [b"a", b"b", b"c", b"d"]
        assert end_offset(apache_kafka.admin(), topic, 0) == 7
        undecided.commit_transaction(DEADLINE_S)
    assert _read(apache_kafka, topic, "read_committed") == [b"a", b"c", b"d"]
    assert end_offset(apache_kafka.admin(), topic, 0) == 8


def test_a_transaction_that_nobody_decides_is_aborted_in_time(
    apache_kafka: ApacheKafka, unique_topic: Callable[..., str]
) -> None:
    """Its producer is gone; after its timeout the records behind it are shown."""
    topic = unique_topic()
    client = {"bootstrap.servers": apache_kafka.bootstrap_servers}
    create_topic(apache_kafka.admin(), topic)
    with transactions.open_transaction(client, topic, [(None, b"a")], timeout_s=5.0):
        pass
    transactions.commit(client, topic, [(None, b"b")])
    consumer = Consumer(
        {
            **client,
            "group.id": "reader",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    (message,) = consumer.consume(1, timeout=DEADLINE_S)
    consumer.close()
    assert (message.offset(), message.value()) == (1, b"b")
