"""Verdicts: the good ones are stored once however often they are read, the bad ones dead-lettered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import redis

from tests.stream.harness import Record, Service, wait_until

MakeService = Callable[..., Service]


def _verdict(number: int, **changes: Any) -> Record:
    verdict = {
        "transaction_id": f"t-{number}",
        "card_id": "card-1",
        "verdict": "fraud",
        "origin": "reviewer",
        "decided_at": "2026-01-06T12:00:00Z",
    } | changes
    return b"card-1", json.dumps(verdict).encode()


def _stored(service: Service, partition: int = 0) -> list[str]:
    """Return the transactions of the stored verdicts of a partition, in order."""
    settings = service.settings
    key = f"streamer:{{{settings.namespace}}}:feedback:{settings.feedback_topic}:{partition}"
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        entries = client.xrange(key)
    return [json.loads(entry[b"feedback"])["transaction_id"] for _, entry in entries]


def test_verdicts_are_stored_once_and_bad_ones_are_dead_letters(make_service: MakeService) -> None:
    """Also when a worker that was told to start again reads them all a second time."""
    service = make_service()
    topic = service.settings.feedback_topic
    good = [_verdict(i) for i in range(5)]
    bad: list[Record] = [(b"a", b"nonsense"), _verdict(9, verdict="maybe"), (b"c", None)]
    worker = service.worker().wait_ready()
    service.produce([*good[:3], *bad, *good[3:]], topic, partition=0)
    wait_until(lambda: _stored(service) == [f"t-{i}" for i in range(5)], worker.log)
    letters = {m.value(): headers for m, headers in service.dead_letters()}
    assert set(letters) == {value for _, value in bad}
    assert {h["streamer-source-topic"] for h in letters.values()} == {topic}
    assert {h["streamer-source-offset"] for h in letters.values()} == {"3", "4", "5"}
    assert letters[bad[1][1]]["streamer-path"] == "$.verdict"
    assert worker.metric("streamer_feedback_total", verdict="fraud") == 5
    worker.kill()
    _forget_offset(service)
    again = service.successor()
    service.produce([_verdict(5)], topic, partition=0)
    wait_until(lambda: len(_stored(service)) > 5, again.log)
    assert _stored(service) == [f"t-{i}" for i in range(6)]


def _forget_offset(service: Service) -> None:
    """Set the stored offset back to the start, as if the worker had died before writing it."""
    settings = service.settings
    key = f"streamer:{{{settings.namespace}}}:partition:{settings.feedback_topic}:0"
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        client.hset(key, "offset", 0)
