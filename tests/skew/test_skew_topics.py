"""What is read of the topics: with a time to begin at, what was there when reading began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from streamer.contract.decision_message import Decision
from streamer.embedded import EmbeddedKafka
from streamer.settings import Settings
from streamer.skew import skew_topics
from streamer.skew.skew_topics import SkewTopics
from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.rig.topics import create_topic
from tests.rig.waiting import wait_until
from tests.skew.test_meetings import decision, row, score

TOPICS = {"decisions": decision, "scores": score, "features": row}


class Traffic:
    """A producer of all three topics, in two partitions each."""

    def __init__(self, settings: Settings) -> None:
        self._producer = Producer(librdkafka_config(settings))

    def more(self, name: str) -> None:
        # Three in a batch, whose watermark the embedded broker tells too low.
        for topic, made in TOPICS.items():
            for partition in (0, 1) * 3:
                value = msgspec.json.encode(made(name))  # type: ignore[operator]
                self._producer.produce(topic, value, partition=partition)
        assert self._producer.flush(30) == 0


@pytest.fixture
def settings() -> Iterator[Settings]:
    with EmbeddedKafka() as kafka:
        made = Settings(
            kafka_bootstrap_servers=kafka.bootstrap_servers,
            serve_decisions_topic="decisions",
            scores_topic="scores",
            features_topic="features",
            scores_enabled=True,
            features_enabled=True,
        )
        for topic in TOPICS:
            create_topic(AdminClient(librdkafka_config(made)), topic, 2)
        yield made


def test_reading_ends_where_topics_ended_when_it_began_though_more_comes_all_the_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skew_topics, "_AT_ONCE", 1)
    traffic = Traffic(settings)
    for name in ("a", "b"):
        traffic.more(name)
    topics, found = SkewTopics(settings, 0), list[Any]()

    def read() -> bool:
        found.extend(what for what, _, _ in topics.read())
        return -1 not in topics._times_ms.values()

    try:
        wait_until(read, "something of each partition has come")
        traffic.more("late")
        wait_until(lambda: read() and topics.is_at_end, "all has been read")
        for _ in range(10):
            traffic.more("late")
            read()
            assert topics.is_at_end
    finally:
        topics.close()
    names = sorted(
        what.answer.transaction_id if isinstance(what, Decision) else what.transaction_id
        for what in found
    )
    assert names == ["a"] * 18 + ["b"] * 18


def test_topics_without_anything_are_at_their_end(settings: Settings) -> None:
    topics = SkewTopics(settings, 0)
    try:
        for _ in range(200):
            assert list(topics.read()) == []
            if topics.is_at_end:
                break
        assert topics.is_at_end
    finally:
        topics.close()
