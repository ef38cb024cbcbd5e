"""Records in Kafka transactions: committed, aborted, and of a producer that has not decided yet.

Each transaction leaves one marker in every partition that it wrote to: an offset without a record.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import Producer

from tests.rig.waiting import DEADLINE_S

__all__ = ["abort", "commit", "open_transaction"]

_TIMEOUT_S: Final = DEADLINE_S

Record = tuple[bytes | None, bytes | None]


def commit(
    client: Mapping[str, Any], topic: str, records: Sequence[Record], partition: int = 0
) -> None:
    """Publish the records in a transaction and commit it."""
    with open_transaction(client, topic, records, partition) as producer:
        producer.commit_transaction(_TIMEOUT_S)


def abort(
    client: Mapping[str, Any], topic: str, records: Sequence[Record], partition: int = 0
) -> None:
    """Publish the records in a transaction and abort it: they stay in the log and never happened."""
    with open_transaction(client, topic, records, partition) as producer:
        producer.abort_transaction(_TIMEOUT_S)


@contextmanager
def open_transaction(
    client: Mapping[str, Any],
    topic: str,
    records: Sequence[Record],
    partition: int = 0,
    *,
    timeout_s: float = 600.0,
) -> Iterator[Producer]:
    """Publish the records and leave the transaction open; the caller decides with the producer.

    Readers of committed records wait at the first of them, until the producer decides or the broker
    aborts it after ``timeout_s``.  ``client`` is the configuration that reaches the broker.
    """
    producer = Producer(
        {
            **client,
            "transactional.id": f"rig-{uuid.uuid4().hex}",
            "transaction.timeout.ms": round(timeout_s * 1000),
        }
    )
    producer.init_transactions(_TIMEOUT_S)
    producer.begin_transaction()
    for key, value in records:
        producer.produce(topic, value, key, partition)
    # Acknowledged, so they are in the log now.
    assert producer.flush(_TIMEOUT_S) == 0, f"the records for {topic} must be acknowledged"
    yield producer
