"""Every record of a topic that somebody is looking for, and how far the topic was read; blocks.

No consumer group takes part and nothing is committed: a person has asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from streamer.errors import ConfigurationError
from streamer.settings import Settings
from streamer.stream.publishing.alert_partition import alert_messages
from streamer.stream.publishing.dead_letter_topic import topic_identity

__all__ = ["ReadSpan", "ScannedRecord", "TopicScan", "scan_topic"]

_PURPOSE: Final = "privacy"


@dataclass(frozen=True, slots=True)
class ScannedRecord:
    """One record, where it lies, and Kafka's time of it in epoch ms."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class ReadSpan:
    """How far a partition was read: ``first`` and ``last`` record, None of one that has none."""

    partition: int
    first: int | None
    last: int | None


@dataclass(slots=True)
class TopicScan:
    """What was found on a topic; ``is_there`` is False where Kafka has none of the name."""

    topic: str
    is_there: bool = True
    records: list[ScannedRecord] = field(default_factory=list)
    spans: list[ReadSpan] = field(default_factory=list)

    @property
    def last_offsets(self) -> dict[int, int]:
        """The last record that was read, by partition."""
        return {span.partition: span.last for span in self.spans if span.last is not None}


def scan_topic(
    settings: Settings, topic: str, is_wanted: Callable[[bytes | None, bytes | None], bool]
) -> TopicScan:
    """Read all of ``topic`` and return the records of whose key and value ``is_wanted`` says so."""
    try:
        _, n_partitions = topic_identity(settings, topic)
    except ConfigurationError:
        return TopicScan(topic, is_there=False)
    found = TopicScan(topic)
    for partition in range(n_partitions):
        first = last = None
        for _, message in alert_messages(settings, {topic: None}, partition, _PURPOSE):
            last = message.offset() or 0
            first = last if first is None else first
            key, value = message.key(), message.value()
            if is_wanted(key, value):
                headers = tuple((name, content) for name, content in message.headers() or [])
                at_ms = message.timestamp()[1]
                found.records.append(
                    ScannedRecord(topic, partition, last, at_ms, key, value, headers)
                )
        found.spans.append(ReadSpan(partition, first, last))
    return found
