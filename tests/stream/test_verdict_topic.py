"""Verdicts: the good ones are stored once however often they are read, the bad ones dead-lettered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import redis

from streamer.contract.pseudonyms import pseudonym
from tests.stream.harness import Record, Service, payments, wait_until

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
    dead_topic = service.settings.feedback_dead_letters_topic
    wait_until(lambda: len(service.dead_letters(dead_topic)) == len(bad), worker.log)
    letters = {m.value(): headers for m, headers in service.dead_letters(dead_topic)}
    assert set(letters) == {value for _, value in bad}
    assert {h["streamer-source-topic"] for h in letters.values()} == {topic}
    assert {h["streamer-source-offset"] for h in letters.values()} == {"3", "4", "5"}
    assert letters[bad[1][1]]["streamer-path"] == "$.verdict"
    received = "streamer_verdicts_received_total"
    worker.wait_metric(lambda n: n == 5, received, verdict="fraud")
    labels = {"topic": topic, "reason": "unknown_code"}
    worker.wait_metric(lambda n: n == 1, "streamer_dead_letters_total", **labels)
    assert service.dead_letters() == []
    worker.kill()
    _forget_offset(service)
    again = service.successor()
    service.produce([_verdict(5)], topic, partition=0)
    wait_until(lambda: len(_stored(service)) > 5, again.log)
    assert _stored(service) == [f"t-{i}" for i in range(6)]


def test_an_alert_id_alone_finds_its_payment_and_its_card(make_service: MakeService) -> None:
    """Read again from the topic, once the first answer is remembered; the card is the real one."""
    service = make_service(alert_card_key="0123456789abcdef0123456789abcdef")
    settings = service.settings
    topic, paid = settings.feedback_topic, payments(20)
    service.worker().wait_ready()
    service.produce(paid, partition=0)
    service.wait_consumed()
    alias = pseudonym(paid[7][0].decode(), b"0123456789abcdef0123456789abcdef")
    place = f"{settings.transactions_topic}-0-7"
    sent: list[Any] = [
        {"alert_id": place, "is_fraud": True},
        {"alert_id": place, "verdict": "Legitimate", "origin": "chargeback", "card_id": alias},
        {"alert_id": f"{place}@1", "fraud": True},
        {"alert_id": f"{settings.transactions_topic}-0-700", "fraud": True},
        {"alert_id": "elsewhere-0-7", "fraud": True},
    ]
    service.produce([(None, json.dumps(one).encode()) for one in sent], topic, partition=0)
    wait_until(lambda: len(_stored(service)) == 2, service.workers[0].log)
    wait_until(
        lambda: len(service.dead_letters(settings.feedback_dead_letters_topic)) == 3,
        service.workers[0].log,
    )
    found = service.ask(lambda store: store.read_feedback(topic, 0, 0, 10))
    verdicts = [json.loads(entry["feedback"]) for _, entry in found.entries]
    transaction = json.loads(paid[7][1])
    for verdict in verdicts:
        for name in ("transaction_id", "card_id", "merchant_id"):
            assert verdict[name] == transaction[name]
    assert [verdict["verdict"] for verdict in verdicts] == ["fraud", "legitimate"]
    for _, headers in service.dead_letters(settings.feedback_dead_letters_topic):
        assert headers["streamer-reason"] == "unknown_alert"


def _forget_offset(service: Service) -> None:
    """Set the stored offset back to the start, as if the worker had died before writing it."""
    settings = service.settings
    key = f"streamer:{{{settings.namespace}}}:partition:{settings.feedback_topic}:0"
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        client.hset(key, "offset", 0)
