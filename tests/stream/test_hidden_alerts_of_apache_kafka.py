"""Alerts that a leader has and shows to nobody, while a follower lags: a claim waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Consumer, KafkaException

from streamer.contract.messages import Source
from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.log_end import leader_end
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.publishing.recovery import Published, published_offsets
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import create_topic, place_topic
from tests.rig.waiting import wait_until
from tests.stream.alerts import alert_of

# Nobody takes the follower out of those in sync: what it lacks stays hidden until it goes on.
_NEVER_MS = 3_600_000


@pytest.fixture(scope="module")
def kafka(apache_kafka_installed: None) -> Iterator[ApacheKafka]:
    """Three brokers that wait for a frozen one, as Kafka's own settings have them do for 9 to 30 s."""
    with ApacheKafka(
        3, broker_session_timeout_ms=_NEVER_MS, replica_lag_time_max_ms=_NEVER_MS
    ) as kafka:
        yield kafka


def _settings(kafka: ApacheKafka, name: str, brokers: Sequence[int]) -> Settings:
    """Return settings whose alerts lie on these brokers, the first of which has the overflow alone."""
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        redis_url="redis://127.0.0.1:1/0",
        alerts_topic=f"alerts-{name}",
        overflow_topic=f"overflow-{name}",
    )
    for topic, places in ((settings.alerts_topic, brokers), (settings.overflow_topic, brokers[:1])):
        create_topic(kafka.admin(), topic)
        place_topic(kafka.admin(), topic, places)
    return settings


async def _publish(publisher: Publisher, offset: int) -> None:
    publisher.publish_alert(alert_of(Source("transactions", 0, offset)), 0, offset)
    await publisher.resolve_alerts()


def _end(settings: Settings, topic: str) -> int | None:
    """Return the leader's end once it says; a topic made lately may not have its leader yet."""

    def asked() -> list[int | None]:
        consumer = Consumer(librdkafka_config(settings, **{"group.id": "ends"}))
        try:
            return [leader_end(settings, consumer, topic, 0)]
        except (KafkaException, UnavailableError):
            return []
        finally:
            consumer.close()

    [end] = wait_until(asked, "a leader that says where its log ends")
    return None if end is None else int(end)


def _claim(settings: Settings) -> Published | str:
    """Return what a claim reads, or why it does not."""
    try:
        return published_offsets(settings, Source("transactions", 0, 0), None, None)
    except UnavailableError as error:
        return str(error)


def test_alerts_that_were_given_up_while_a_follower_is_frozen_are_found_when_it_goes_on(
    kafka: ApacheKafka,
) -> None:
    """Alert 1, the follower frozen, alerts 2 and 3, the second while Kafka holds the first one's answer
    back: no claim reads 1 alone, a later one all that ever comes, and none is appended after it looked.
    """
    settings = _settings(kafka, "hidden", [0, 1, 2])
    publisher, topic = Publisher(settings), settings.alerts_topic
    asyncio.run(_publish(publisher, 1))
    assert _claim(settings) == Published({1: 1})
    kafka.pause(1)
    try:
        publisher.publish_alert(alert_of(Source("transactions", 0, 2)), 0, 2)
        wait_until(lambda: _end(settings, topic) == 2, "the second alert is in the leader's log")
        asyncio.run(_publish(publisher, 3))
        assert publisher.expired == {0}
        end = _end(settings, topic)
        assert end is not None

        def waits() -> bool:
            read = _claim(settings)
            assert isinstance(read, str), f"read {read}, of which the second alert is hidden"
            return f"got {end - 1} messages that a follower has yet to copy" in read

        # A question to the frozen broker has no answer, and that claim another reason to wait.
        wait_until(waits, "a claim that waits for the follower")
    finally:
        kafka.resume(1)
    wait_until(lambda: isinstance(_claim(settings), Published), "a claim that reads")
    read = _claim(settings)
    asyncio.run(_publish(publisher, 4))
    assert isinstance(read, Published)
    assert len(read) == end
    assert {2} < read.alerts.keys()
    assert _claim(settings) == Published(read.alerts | {4: 4})


def test_of_a_topic_with_one_replica_nothing_is_asked_and_of_others_the_leader_answers(
    kafka: ApacheKafka,
) -> None:
    """What is in a single log is shown; with all followers well, the end is what is shown, too."""
    single, copied = _settings(kafka, "single", [2]), _settings(kafka, "copied", [2, 0])
    assert _end(single, single.alerts_topic) is None
    assert _end(copied, copied.alerts_topic) == 0
    asyncio.run(_publish(Publisher(copied), 7))
    assert _end(copied, copied.alerts_topic) == 1
    assert _end(copied, copied.overflow_topic) is None
