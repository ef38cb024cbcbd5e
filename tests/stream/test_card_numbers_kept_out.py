"""Cards' numbers on the topic: none is in anything that a worker writes, refused or masked."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from streamer.contract.card_rule import MASK_PREFIX, CardRule
from tests.contract.card_samples import NUMBERS, SPELLINGS, digits_in, with_check_digit
from tests.stream.harness import Record, Service, payments, wait_until

MakeService = Callable[..., Service]
KEY = "0123456789abcdef"
WARM, MORE = 500, 300


def number_of(card: str) -> str:
    """Return a card's number for a simulated card."""
    return with_check_digit("4929" + f"{zlib.crc32(card.encode()):011d}")


def spelled(i: int, number: str) -> str:
    names = sorted(SPELLINGS)
    return SPELLINGS[names[i % len(names)]](number)


def paid(records: list[Record], first: int, share: int) -> Iterator[Record]:
    """Yield payments of which one in ``share`` has a number for its card, in some spelling."""
    for i, (key, value) in enumerate(records, start=first):
        payment = json.loads(value or b"")
        if i % share == 0:
            number = number_of(payment["card_id"])
            payment["card_id"] = spelled(i // share, number)
            key = number.encode()
        # Those alert.
        if i % (7 * share) == 0:
            payment["amount"] = 90_000.0
        yield key, json.dumps(payment, ensure_ascii=i % 2 == 0).encode()


def broken(sent: list[Record]) -> Iterator[Record]:
    """Yield what is no payment, with a number in it or as its key; of every network and length."""
    for i, number in enumerate(NUMBERS):
        payment = json.loads(sent[i][1] or b"") | {"card_id": spelled(i, number)}
        odd: list[bytes] = [
            json.dumps(payment | {"amount": "much"}).encode(),
            json.dumps(payment | {"currency": number}).encode(),
            json.dumps(payment)[:-2].encode(),
            json.dumps({"note": f"card {number}", number: 1}).encode(),
            number.encode("utf-16"),
            b"\x00\x00\x00\x00\x01\x20" + number.encode() + b"0",
        ]
        yield number.encode(), odd[i % len(odd)]


def everything(service: Service) -> Iterator[tuple[str, str]]:
    """Yield all that a service has written, with where."""
    settings = service.settings
    topics = [
        *(settings.alerts_topic, settings.overflow_topic, settings.scores_topic),
        *(settings.features_topic, settings.dead_letters_topic, settings.audit_topic),
        settings.feedback_dead_letters_topic,
    ]
    for topic in topics:
        for message in service.read(topic):
            headers = b"|".join(value or b"" for _, value in message.headers() or [])
            parts = message.key() or b"", message.value() or b"", headers
            yield topic, "|".join(part.decode("latin-1") for part in parts)
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        for key in client.scan_iter(f"*{settings.namespace}*"):
            yield "a key of Redis", key.decode("latin-1")
            for part in flat(stored(client, key)):
                yield f"Redis at {key!r}", part.decode("latin-1")
    for worker in service.workers:
        yield "the log", worker.child.log_tail(100_000)
        for path in ("/metrics", "/readyz", "/summary", "/model"):
            yield path, worker.get(path)[1]


def stored(client: redis.Redis, key: bytes) -> Any:
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    return read[client.type(key)](key)


def flat(found: Any) -> Iterator[bytes]:
    if isinstance(found, bytes):
        yield found
    elif isinstance(found, dict):
        yield from flat(list(found.items()))
    elif isinstance(found, list | tuple | set):
        for each in found:
            yield from flat(each)


@pytest.mark.parametrize("handling", ["refuse", "mask"])
def test_no_number_is_in_anything_that_is_written(make_service: MakeService, handling: str) -> None:
    """Topics, Redis, log and endpoints: payments, verdicts, nonsense with numbers of every network."""
    options = {"card_numbers": handling, "card_number_key": KEY} if handling == "mask" else {}
    service = make_service(
        n_partitions=1, scores_enabled="true", features_enabled="true", log_level="DEBUG", **options
    )
    settings = service.settings
    worker = service.worker().wait_ready()
    usual = payments(WARM + MORE)
    service.produce(paid(usual[:WARM], 0, 4))
    service.wait_consumed()
    sent = [*paid(usual[WARM:], WARM, 4), *broken(usual)]
    service.produce(sent)
    judged = [
        {"transaction_id": f"t-{i}", "card_id": spelled(i, number), "verdict": verdict}
        for i, (number, verdict) in enumerate(zip(NUMBERS, ["fraud", "perhaps"] * 99, strict=False))
    ]
    more = {"origin": "reviewer", "decided_at": "2026-01-06T12:00:00Z"}
    service.produce(
        [(each["card_id"].encode(), json.dumps(each | more).encode()) for each in judged],
        settings.feedback_topic,
    )
    total = service.wait_consumed()
    n_verdicts_refused = len(NUMBERS) if handling == "refuse" else len(NUMBERS) // 2
    topic = settings.feedback_dead_letters_topic
    wait_until(lambda: len(service.read(topic)) >= n_verdicts_refused, worker.log)
    assert total.imbalance == 0
    n_numbers = (WARM + MORE) // 4 if handling == "refuse" else 0
    assert total.dead_lettered == n_numbers + len(NUMBERS)
    alerts = service.alerts() + service.overflow()
    cards = {alert.transaction.card_id for alert in alerts}
    assert cards
    rule = CardRule("mask", KEY.encode())
    numbers = {number_of(json.loads(value or b"")["card_id"]) for _, value in usual} | {*NUMBERS}
    if handling == "mask":
        masks = {rule.id_of(number) for number in numbers}
        masked = {card for card in cards if card.startswith(MASK_PREFIX)}
        assert masked
        assert masked <= masks
    else:
        reasons = [headers["streamer-reason"] for _, headers in service.dead_letters()]
        assert reasons.count("card_number") == n_numbers
    for place, text in everything(service):
        digits = digits_in(text)
        found = [number for number in numbers if number in digits]
        assert not found, f"{found} in {place}: {text[:2_000]}"
