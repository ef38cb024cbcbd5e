"""What Kafka knows of a partition: its log's bounds, its topic's id, what the group has committed.

Asked through librdkafka and not through the worker's own consumer, which has a rebalance to live
through while partitions are claimed.  Every method blocks, for at most a few seconds a request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.store import Committed, LogBounds
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = ["PartitionLogs", "group_committed", "log_bounds"]

_TIMEOUT_S: Final = 5.0
# A broker that says nothing of an offset beyond the end would leave us waiting for a record there.
_PROBE_S: Final = 2.0
_FETCH_MAX_WAIT_MS: Final = 50
# A worker's partitions are claimed within moments of one another and ask for the same topics.
_TOPIC_AGE_S: Final = 1.0
# The UUID of sixteen zero bytes, which brokers send that know of no topic ids.
_NO_TOPIC_ID: Final = "A" * 22


class PartitionLogs:
    """Asks Kafka about partitions; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = librdkafka_config(
            settings,
            **{
                "group.id": settings.consumer_group,
                "enable.auto.commit": False,
                # An offset at the end and one beyond it are told apart by these two: the first is
                # answered by an end, the second by an error, where it would else be moved in silence.
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                # The log's end is that of all records, open transactions included.
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
            },
        )
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._admin: AdminClient | None = None
        self._topics: dict[str, tuple[float, str, int]] = {}

    def log(self, topic: str, partition: int, wanted: int | None) -> LogBounds:
        """Return the log of a partition; ``wanted`` is the offset that it is hoped to reach."""
        topic_id, n_partitions = self.topic(topic)
        if partition >= n_partitions:
            raise UnavailableError(
                f"topic {topic} must have the partition {partition}, got {n_partitions} partitions"
            )
        client = self._client()
        try:
            place = TopicPartition(topic, partition)
            try:
                beginning, end = client.get_watermark_offsets(place, timeout=_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError._UNKNOWN_PARTITION:
                    raise
                # Added since this client last heard of the topic.
                client.list_topics(topic, timeout=_TIMEOUT_S)
                beginning, end = client.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise UnavailableError(
                f"the log of {topic}/{partition} must be readable, got {in_words(error)}"
            ) from error
        if wanted is not None and wanted > end and self._reaches(topic, partition, wanted):
            end = wanted
        return LogBounds(beginning, end, topic_id, n_partitions)

    def committed(self, topic: str, partition: int) -> Committed | None:
        """Return what the consumer group has committed; None where it has nothing."""
        try:
            [found] = self._client().committed(
                [TopicPartition(topic, partition)], timeout=_TIMEOUT_S
            )
        except KafkaException as error:
            raise UnavailableError(
                f"the group's offsets must be readable, got {in_words(error)}"
            ) from error
        if found.error is not None:
            raise UnavailableError(
                f"the group's offsets must be readable, got {in_words(found.error)}"
            )
        if found.offset < 0:
            return None
        try:
            return Committed.told(found.offset, found.metadata or "")
        except UnicodeDecodeError:
            # Another's text without a zero byte at its end, and what lay behind it in memory.
            return Committed(found.offset)

    def topic(self, name: str, max_age_s: float = _TOPIC_AGE_S) -> tuple[str, int]:
        """Return a topic's id, empty where the broker has none, and its number of partitions.

        What was asked less than ``max_age_s`` ago is not asked again.
        """
        now = time.monotonic()
        with self._lock:
            known = self._topics.get(name)
        if known is not None and now - known[0] < max_age_s:
            return known[1], known[2]
        # Held until the answer is here: an answer to a client that is gone never comes.
        admin = self._admin_client()
        try:
            asked = admin.describe_topics(TopicCollection([name]), request_timeout=_TIMEOUT_S)
            # Longer than the request may take, so that it is librdkafka that says what went wrong.
            described = asked[name].result(_TIMEOUT_S + _PROBE_S)
        except TimeoutError as error:
            self._drop(admin)
            raise UnavailableError(f"topic {name} must be describable, got no answer") from error
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                self._drop(admin)
                raise UnavailableError(
                    f"topic {name} must be describable, got {in_words(error)}"
                ) from error
            # That there is none is an answer like the others.
            topic_id, n_partitions = "", 0
        else:
            topic_id = str(described.topic_id)
            topic_id = "" if topic_id == _NO_TOPIC_ID else topic_id
            n_partitions = len(described.partitions)
        with self._lock:
            self._topics[name] = (now, topic_id, n_partitions)
        return topic_id, n_partitions

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _client(self) -> Consumer:
        with self._lock:
            if self._consumer is None:
                self._consumer = Consumer(self._config)
            return self._consumer

    def _admin_client(self) -> AdminClient:
        with self._lock:
            if self._admin is None:
                self._admin = AdminClient(librdkafka_config(self._settings))
            return self._admin

    def _drop(self, admin: AdminClient) -> None:
        """Let the next one who asks have a new client; ``admin`` is the caller's to let go.

        It may go on waiting for a controller that has died; a new one asks who there is.  It ends with
        its last holder and not in here, since that takes time and others wait for the lock.
        """
        with self._lock:
            if self._admin is admin:
                self._admin = None

    def _reaches(self, topic: str, partition: int, offset: int) -> bool:
        """Return whether ``offset`` can be fetched, be it as the next one to be written.

        The embedded broker takes the first record of the last batch for the log's last one when it is
        asked for the end.
        """
        # Its own, since several threads share the other one and an assignment is the client's.
        consumer = Consumer(self._config)
        try:
            consumer.assign([TopicPartition(topic, partition, offset)])
            deadline = time.monotonic() + _PROBE_S
            while (left_s := deadline - time.monotonic()) > 0:
                message = consumer.poll(left_s)
                if message is not None and _tells(message):
                    error = message.error()
                    return error is None or error.code() == KafkaError._PARTITION_EOF
            return False
        finally:
            consumer.close()


def log_bounds(settings: Settings, topic: str, partition: int, wanted: int | None) -> LogBounds:
    """Return the log of a partition for a person who asks; blocks.

    ``wanted`` is the offset that it is hoped to reach.  ConfigurationError where there is none.
    """
    logs = PartitionLogs(settings)
    try:
        _, n_partitions = logs.topic(topic)
        if not n_partitions:
            raise ConfigurationError(f"topic {topic} must exist, got none")
        if partition >= n_partitions:
            raise ConfigurationError(
                f"partition must be one of the {n_partitions} of topic {topic}, got {partition}"
            )
        return logs.log(topic, partition, wanted)
    finally:
        logs.close()


def group_committed(settings: Settings, topic: str, partition: int) -> Committed | None:
    """Return what the consumer group has committed, for a person who asks; blocks."""
    logs = PartitionLogs(settings)
    try:
        return logs.committed(topic, partition)
    finally:
        logs.close()


def _tells(message: Any) -> bool:
    """Whether a message, or an error in its place, says where the log ends."""
    decisive: Sequence[int] = (
        KafkaError._PARTITION_EOF,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
    )
    error = message.error()
    return error is None or error.code() in decisive
