"""What happens to topics from outside: made, grown, truncated, deleted, made again under their name.

Every function returns when a client that asks for metadata sees the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import ElectionType, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from tests.rig.waiting import DEADLINE_S, wait_until

__all__ = [
    "add_partitions",
    "beginning_offset",
    "create_topic",
    "delete_topic",
    "elect_uncleanly",
    "end_offset",
    "leader",
    "place_topic",
    "recreate_topic",
    "set_topic",
    "truncate",
]

_TIMEOUT_S: Final = DEADLINE_S


def create_topic(
    admin: AdminClient, topic: str, n_partitions: int = 1, n_replicas: int = 1, **settings: Any
) -> None:
    """Create a topic; settings are Kafka's, with underscores."""
    config = {name.replace("_", "."): str(value) for name, value in settings.items()}
    wanted = NewTopic(topic, n_partitions, n_replicas, config=config)
    _done(admin.create_topics([wanted], operation_timeout=_TIMEOUT_S))
    _wait_served(admin, topic, n_partitions)


def delete_topic(admin: AdminClient, topic: str) -> None:
    """Delete a topic with its records."""
    _done(admin.delete_topics([topic], operation_timeout=_TIMEOUT_S))
    wait_until(lambda: _n_partitions(admin, topic) == 0, f"topic {topic} is gone")


def recreate_topic(admin: AdminClient, topic: str, **settings: Any) -> None:
    """Delete a topic and make one of the same name and size: empty, with another topic id."""
    n_partitions = _known_partitions(admin, topic)
    found = admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    n_replicas = len(found.partitions[0].replicas)
    delete_topic(admin, topic)
    create_topic(admin, topic, n_partitions, n_replicas, **settings)


def place_topic(admin: AdminClient, topic: str, brokers: Sequence[int]) -> None:
    """Make a topic anew, each partition on these of ``ApacheKafka.brokers``; the first one leads."""
    n_partitions = _known_partitions(admin, topic)
    delete_topic(admin, topic)
    places = [[i + 1 for i in brokers]] * n_partitions
    wanted = NewTopic(topic, n_partitions, replica_assignment=places)
    wait_until(lambda: _is_made(admin, wanted), f"topic {topic} is made anew")
    _wait_served(admin, topic, n_partitions)


def add_partitions(admin: AdminClient, topic: str, n_partitions: int) -> None:
    """Grow a topic to that many partitions."""
    _done(admin.create_partitions([NewPartitions(topic, n_partitions)]))
    _wait_served(admin, topic, n_partitions)


def truncate(admin: AdminClient, topic: str, partition: int, before_offset: int) -> None:
    """Delete the records below an offset, as retention would."""
    _done(admin.delete_records([TopicPartition(topic, partition, before_offset)]))


def set_topic(admin: AdminClient, topic: str, **settings: Any) -> None:
    """Change settings of a topic, e.g. ``retention_ms=1``."""
    entries = [
        ConfigEntry(
            name.replace("_", "."),
            str(value),
            incremental_operation=AlterConfigOpType.SET,
        )
        for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    _done(admin.incremental_alter_configs([resource]))


def elect_uncleanly(admin: AdminClient, topic: str, partition: int = 0) -> None:
    """Make a replica the leader that was not in sync: what only the dead leader had is lost."""
    place = TopicPartition(topic, partition)

    def elected() -> bool:
        try:
            answer = admin.elect_leaders(ElectionType.UNCLEAN, [place]).result(_TIMEOUT_S)
        except KafkaException:
            return False
        return all(error is None for error in answer.values())

    # Not before the controller has noticed that the leader is dead.
    wait_until(elected, f"a leader of {topic}[{partition}] is elected uncleanly")


def leader(admin: AdminClient, topic: str, partition: int = 0) -> int | None:
    """Return which of ``ApacheKafka.brokers`` leads a partition, None where none does."""
    found = admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    node_id: int = found.partitions[partition].leader
    return None if node_id < 0 else node_id - 1


def beginning_offset(admin: AdminClient, topic: str, partition: int) -> int:
    """Return the offset of the first record that is still there."""
    return _offset(admin, topic, partition, OffsetSpec.earliest())


def end_offset(admin: AdminClient, topic: str, partition: int) -> int:
    """Return the offset that the next record will get."""
    return _offset(admin, topic, partition, OffsetSpec.latest())


def _offset(admin: AdminClient, topic: str, partition: int, spec: OffsetSpec) -> int:
    # The client asks the leader that it last heard of; this makes it hear again.
    admin.list_topics(topic, timeout=_TIMEOUT_S)
    place = TopicPartition(topic, partition)
    offset: int = admin.list_offsets({place: spec})[place].result(_TIMEOUT_S).offset
    return offset


def _wait_served(admin: AdminClient, topic: str, n_partitions: int) -> None:
    """Return when every partition has a leader that knows of it."""

    def served() -> bool:
        try:
            for partition in range(n_partitions):
                end_offset(admin, topic, partition)
        except KafkaException:
            return False
        return _n_partitions(admin, topic) == n_partitions

    wait_until(served, f"topic {topic} serves {n_partitions} partitions")


def _known_partitions(admin: AdminClient, topic: str) -> int:
    """Return how many partitions a topic has that exists.

    Any broker may answer, and one that has not heard of a new topic yet says that there is none.
    """
    known = wait_until(lambda: _n_partitions(admin, topic), f"a broker that knows of topic {topic}")
    return int(known)


def _n_partitions(admin: AdminClient, topic: str) -> int:
    found = admin.list_topics(timeout=_TIMEOUT_S).topics.get(topic)
    return 0 if found is None else len(found.partitions)


def _is_made(admin: AdminClient, wanted: NewTopic) -> bool:
    """Create a topic; one that the controller still has, though a broker has not, is deleted again."""
    try:
        _done(admin.create_topics([wanted], operation_timeout=_TIMEOUT_S))
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        with suppress(KafkaException):
            delete_topic(admin, wanted.topic)
        return False
    return True


def _done(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        future.result(_TIMEOUT_S)
