"""Alerts come to the queue whatever was lost, and the pages say when they do not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from starlette.testclient import TestClient

from streamer.console.console import Console
from streamer.embedded import EmbeddedKafka
from streamer.errors import UnavailableError
from streamer.stream.publishing import acknowledged
from streamer.stream.publishing.acknowledged import Outbox
from streamer.stream.publishing.alert_group import AlertGroup
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.console.test_troubles import stopped
from tests.rig.waiting import DEADLINE_S


def until(told: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not told():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def emptied(console: Console, client: TestClient) -> None:
    """Remove all that the console has in Redis."""
    assert client.portal is not None
    redis = console.store.client

    async def remove() -> None:
        pattern = redis.keys.review("*")
        [found] = await redis.pipelined([("KEYS", pattern)], atomic=False)
        await redis.pipelined([("DEL", *found)], atomic=False)

    client.portal.call(remove)


def n_open(console: Console, client: TestClient) -> int:
    assert client.portal is not None
    return int(client.portal.call(console.alerts.counts).open)


def test_alerts_of_a_redis_that_was_emptied_come_again(stand: Stand) -> None:
    """Of two consoles' partitions, with nothing new on the topic, and with one alert more."""
    stand.publish([alert(n) for n in range(1, 8)])
    with stand.console() as (console, client), stand.console():
        arrived(console, client, 7)
        emptied(console, client)
        until(lambda: n_open(console, client) == 7, "7 alerts must come again")
        emptied(console, client)
        # Nobody has asked yet when one more comes.
        stand.publish([alert(8)])
        until(lambda: n_open(console, client) == 8, "8 alerts must come")
        assert client.portal is not None
        positions = client.portal.call(console.alerts.reached)
        assert sorted(positions.values()) == [3, 5]


def test_alerts_of_a_redis_that_was_emptied_while_no_console_ran_come_again(stand: Stand) -> None:
    """Although its group has committed that they were read."""
    stand.publish([alert(n) for n in range(1, 5)])
    with stand.console() as (console, client):
        arrived(console, client, 4)
        emptied(console, client)
    with stand.console() as (console, client):
        until(lambda: n_open(console, client) == 4, "4 alerts must come to the next console")


def test_an_older_copy_of_redis_gets_what_it_lacks(stand: Stand) -> None:
    """A failover lost the last alert of partition 0, the third of it, and that it was read."""
    stand.publish([alert(n) for n in range(1, 6)])
    with stand.console() as (console, client):
        arrived(console, client, 5)
        redis, last = console.store.client, "transactions-0-5"
        names = "ranked", "arrived", "known"
        commands: list[tuple[Any, ...]] = [
            ("ZREM", redis.keys.review(name), last) for name in names
        ]
        read = redis.keys.review("read")
        place = f"{stand.settings.alerts_topic}/0"
        commands += [("HDEL", redis.keys.review("rows"), last), ("HSET", read, place, 2)]
        assert client.portal is not None
        client.portal.call(partial(redis.pipelined, commands, atomic=True))
        until(lambda: n_open(console, client) == 5, "the fifth alert must come again")


def test_while_kafka_is_away_every_page_says_that_no_new_alerts_are_read(
    redis_url: str, tmp_path: Path
) -> None:
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        stand.publish([alert(1)])
        with stand.console() as (console, client):
            arrived(console, client, 1)
            mona = Reviewer(client, "mona")
            mona.login()
            until(lambda: mona.get("/readyz").status_code == 200, console.reading_error)
            with stopped(kafka.pid):
                until(lambda: console.reading_error != "", "the pages must say so")
                ends_s = time.monotonic() + 6
                while time.monotonic() < ends_s:
                    assert "No new alerts are read at present" in mona.get("/help").text
                    assert mona.get("/readyz").status_code == 503
                    time.sleep(0.1)
            until(lambda: console.reading_error == "", "alerts must be read again")
            stand.publish([alert(2)])
            arrived(console, client, 2)


def test_a_defect_in_reading_is_told_and_another_consumer_goes_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, told = Console._take, []

    def fails_once(self: Console, *alerts: Any) -> bool:
        if not told:
            told.append(1)
            raise ValueError("a defect")
        return taken(self, *alerts)

    monkeypatch.setattr(Console, "_take", fails_once)
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        until(lambda: "ValueError" in console.reading_error, "the defect must be told")
        assert client.get("/readyz").status_code == 503
        arrived(console, client, 1)
        until(lambda: console.reading_error == "", "alerts must be read again")
        assert client.get("/readyz").status_code == 200
        # What ends it all the same is told for good.
        assert console._group is not None
        console._group.stop()
        assert "has ended" in client.get("/readyz").text


def test_partitions_that_are_given_while_kafka_is_asked_are_read(stand: Stand) -> None:
    """The assignment comes within a poll that brings nothing, and Kafka is asked after it."""

    class Silent:
        def assign(self, _: Any) -> None: ...
        def list_topics(self, *_: Any, **__: Any) -> None: ...

    group = AlertGroup(stand.settings, "unstarted", lambda *_: True, dict)
    group._on_assign(Silent(), [TopicPartition(stand.settings.alerts_topic, 1)])
    group._ask(Silent())
    assert not group._is_placed


def test_a_message_that_finds_no_thread_is_not_sent_later(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acknowledged, "_FREE_S", 0.05)
    monkeypatch.setattr(acknowledged, "_AT_ONCE", 1)

    async def work() -> None:
        outbox = Outbox(stand.settings)
        topic = stand.settings.audit_topic
        async with outbox._free:
            with pytest.raises(UnavailableError, match="it was not sent"):
                await outbox.send(topic, b'"late"', None)
        await outbox.send(topic, b'"in time"', None)
        outbox.close()

    asyncio.run(work())
    assert stand.read(stand.settings.audit_topic, 1) == ["in time"]
