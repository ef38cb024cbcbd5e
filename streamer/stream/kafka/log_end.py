"""Where a partition's log ends on its leader, beyond what Kafka shows to those who read it.

A reader sees a record once every replica in sync has it.  Until then the leader has it, acknowledges
nothing and shows nothing: while a follower is dead or slow, for up to 30 s by Kafka's settings.
Whoever must know whether a record *will* be seen asks the leader for the end of its current epoch,
OffsetForLeaderEpoch (KIP-320, Kafka 2.1), which for the current one is the end of its log.  Neither
Kafka client offers that question; aiokafka is taught it here.

Invariants:
* Only the leader of the epoch that was named answers; any other broker refuses, which is an error.
* None means that there is nothing to ask (one replica: what is in its log is shown), or that the
  broker does not know the question.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from aiokafka.conn import create_conn
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Int64, Schema, String
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from confluent_kafka.admin import BrokerMetadata
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import faust_credentials

__all__ = ["leader_end"]

_log = structlog.get_logger(__name__)

_TIMEOUT_S: Final = 5.0
_API_KEY: Final = 23
# From Kafka 2.1 on, and the oldest that Kafka 4 still knows.
_API_VERSION: Final = 2


class _EndResponse(Response):
    API_KEY = _API_KEY
    API_VERSION = _API_VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader_epoch", Int32),
                        ("end_offset", Int64),
                    ),
                ),
            ),
        ),
    )


class _EndStruct(RequestStruct):
    API_KEY = _API_KEY
    API_VERSION = _API_VERSION
    RESPONSE_TYPE = _EndResponse
    SCHEMA = Schema(
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                (
                    "partitions",
                    Array(
                        ("partition", Int32),
                        ("current_leader_epoch", Int32),
                        ("leader_epoch", Int32),
                    ),
                ),
            ),
        ),
    )


class _EndRequest(Request[_EndStruct]):
    """Asks a leader where its log ends; refused by who does not lead in ``epoch``."""

    API_KEY = _API_KEY

    def __init__(self, topic: str, partition: int, epoch: int) -> None:
        self._topics = [(topic, [(partition, epoch, epoch)])]

    def build(self, request_struct_class: type[Any]) -> Any:
        return request_struct_class(self._topics)


def leader_end(settings: Settings, consumer: Consumer, topic: str, partition: int) -> int | None:
    """Return the offset after the last record in the leader's log, seen or not; blocks.

    Raises `UnavailableError` or `KafkaException` when Kafka does not say.
    """
    cluster = consumer.list_topics(topic, timeout=_TIMEOUT_S)
    known = cluster.topics[topic].partitions.get(partition)
    leader = None if known is None else cluster.brokers.get(known.leader)
    if known is None or leader is None:
        raise _unknown(topic, partition, "no leader")
    if len(known.replicas) == 1:
        return None
    latest = TopicPartition(topic, partition, OFFSET_END)
    [latest] = consumer.offsets_for_times([latest], timeout=_TIMEOUT_S)
    if latest.error is not None:
        raise _unknown(topic, partition, latest.error)
    if latest.leader_epoch is None or latest.leader_epoch < 0:
        return None
    request = _EndRequest(topic, partition, latest.leader_epoch)
    try:
        answer = asyncio.run(asyncio.wait_for(_ask(settings, leader, request), _TIMEOUT_S))
    except (IncompatibleBrokerVersion, NotImplementedError):
        _log.info("the broker does not say where a leader's log ends", topic=topic)
        return None
    except (KafkaError, OSError, TimeoutError) as error:
        raise _unknown(topic, partition, str(error) or "no answer") from error
    [(_, [(code, _, _, end)])] = answer.topics
    if code:
        raise _unknown(topic, partition, f"error {code}")
    # Nobody noted epochs in the messages of Kafka before 0.11.
    return None if end < 0 else int(end)


async def _ask(settings: Settings, leader: BrokerMetadata, request: _EndRequest) -> Any:
    """Ask the leader alone: a client of the whole cluster would wait for a broker that hangs."""
    connection = await create_conn(
        leader.host,
        leader.port,
        client_id=settings.consumer_group,
        **credentials_to_aiokafka_auth(faust_credentials(settings)),
    )
    try:
        return await connection.send(request)
    finally:
        connection.close()


def _unknown(topic: str, partition: int, why: object) -> UnavailableError:
    return UnavailableError(
        f"the leader of {topic}/{partition} must say where its log ends, got {why}"
    )
