"""`streamer privacy` on a service that runs: it tells all of a card, and then nothing is left of it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import struct
import uuid
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
import redis
from confluent_kafka.admin import AdminClient

from streamer.contract.card_aliases import AliasKey
from streamer.contract.messages import Alert
from streamer.contract.pseudonyms import pseudonym
from streamer.indexing import fingerprints
from streamer.pipeline import card_entities
from streamer.starting.wiring import open_review_store
from streamer.store import Review, ReviewStore
from streamer.store.judged_alerts import judged_alert
from streamer.store.open_alerts import row_of
from streamer.store.snoozes import Snooze
from streamer.store.twice_judged import Twice
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics
from tests.cli.test_commands import run
from tests.retention.held import kinds_of, unstated
from tests.stream.conftest import MakeService, make_service
from tests.stream.harness import Record, Service, payments, wait_until

__all__ = ["make_service"]

T = TypeVar("T")
KEY = "a key of pseudonyms that is long enough"
N = 1_500


def environment(service: Service, **more: str) -> dict[str, str]:
    own = {name.removeprefix("STREAMER_").lower(): value for name, value in service.env.items()}
    return own | {"create_topics": "true", "audit_timeout_s": "30"} | more


def on_reviews(service: Service, work: Callable[[ReviewStore], Awaitable[T]]) -> T:
    async def run_it() -> T:
        reviews = open_review_store(service.settings)
        try:
            return await work(reviews)
        finally:
            await reviews.close()

    return asyncio.run(run_it())


def card_of(record: Record) -> str:
    return str(json.loads(record[1] or b"")["card_id"])


def verdict(record: Record, says: str) -> Record:
    payment = json.loads(record[1] or b"")
    told = {
        "transaction_id": payment["transaction_id"],
        "card_id": payment["card_id"],
        "merchant_id": payment.get("merchant_id"),
        "verdict": says,
        "origin": "reviewer",
        "decided_at": datetime.now(UTC).isoformat(),
    }
    return payment["card_id"].encode(), json.dumps(told).encode()


async def reviewed(reviews: ReviewStore, alerts: list[Alert], card: str) -> None:
    """Have the console keep alerts: one judged and drawn for a second opinion, another one claimed."""
    now_ms = 1_700_000_000_000
    await reviews.alerts.add([(each, msgspec.json.encode(each)) for each in alerts], now_ms)
    first = alerts[0]
    wanted = Review(first.alert_id, "key-1", "fraud", "mona", now_ms, "it was stolen")
    begun = await reviews.reviews.begin(wanted, 60_000)
    assert begun.review is not None
    entry = judged_alert(first, "mona", "fraud", now_ms, is_correction=False)
    await reviews.reviews.acknowledged(begun.review, entry, Twice(row_of(first), "mona", now_ms))
    if len(alerts) > 1:
        await reviews.claims.claim(alerts[1].alert_id, "noor", 600_000)
    await reviews.snoozes.put(
        Snooze(
            kind="card",
            what=first.transaction.card_id,
            reason="the customer travels",
            comment=f"until Friday, {card}",
            by="mona",
            at_ms=now_ms,
            until_ms=4_000_000_000_000,
            alert_id=first.alert_id,
        )
    )


def traces(card: str, names: set[str]) -> dict[str, bytes]:
    """Return every spelling by which what is left could be traced to a card, by what it is."""
    found = {f"name {i}": name.encode() for i, name in enumerate(sorted({card, *names}))}
    for kind, prints in card_entities(card).items():
        for i, one in enumerate(prints.tolist()):
            found[f"{kind} {i} in digits"] = str(one).encode()
            found[f"{kind} {i} packed"] = struct.pack("<q", one)
    return found


def unfolded(value: bytes) -> Iterator[bytes]:
    """Return a value as it is, and what it is of, where it is compressed or in base 64."""
    yield value
    for unfold in (zlib.decompress, lambda v: base64.b64decode(v, validate=True)):
        with suppress(zlib.error, ValueError):
            yield unfold(value)


def everything_in_redis(url: str, namespace: str) -> Iterator[tuple[str, bytes]]:
    """Return every key, field, member and value of a namespace, with where it is."""
    client = redis.Redis.from_url(url)
    for key in client.scan_iter(match=f"streamer:{{{namespace}}}:*", count=10_000):
        name, kind = key.decode(), client.type(key)
        yield name, key
        if kind == b"string":
            yield name, client.get(key) or b""
        elif kind == b"hash":
            for field, value in client.hgetall(key).items():
                yield f"{name} {field!r}", field
                yield f"{name} {field!r}", value
        elif kind == b"zset":
            for member in client.zrange(key, 0, -1):
                yield name, member
        elif kind == b"set":
            for member in client.smembers(key):
                yield name, member
        elif kind == b"list":
            for member in client.lrange(key, 0, -1):
                yield name, member
        elif kind == b"stream":
            for entry_id, fields in client.xrange(key):
                for value in fields.values():
                    yield f"{name} {entry_id!r}", value
        else:
            raise AssertionError(f"{name} is {kind!r}")
    client.close()


def left(found: Iterator[tuple[str, bytes]], wanted: dict[str, bytes]) -> list[tuple[str, str]]:
    """Return where a trace is, and which."""
    pattern = re.compile(b"|".join(re.escape(each) for each in wanted.values()))
    by_bytes = {value: name for name, value in wanted.items()}
    return [
        (where, by_bytes[match[0]])
        for where, value in found
        for each in unfolded(value)
        for match in pattern.finditer(each)
        # A card's id may begin another's.
        if not each[match.end() : match.end() + 1].isdigit()
    ]


def on_topics(service: Service, apart: set[str]) -> Iterator[tuple[str, bytes]]:
    settings = service.settings
    names = {
        settings.alerts_topic,
        settings.overflow_topic,
        settings.dead_letters_topic,
        settings.feedback_dead_letters_topic,
        settings.audit_topic,
        settings.proposals_topic,
    } - apart
    for name in sorted(names):
        for message in service.read(name):
            for part in (message.key(), message.value()):
                yield f"{name}/{message.partition()}/{message.offset()}", part or b""


def erasures(service: Service) -> list[Any]:
    return service.ask(lambda store: store.erasures.all())


def stored_states(service: Service, card: str) -> int:
    names = list(map(str, card_entities(card)["cards"].tolist()))

    async def count(store: Any) -> int:
        n = 0
        for topic, partition in await store.partitions():
            found = await store.load_entities(topic, partition, {"cards": names})
            n += sum(state is not None for state in found["cards"].values())
        return n

    return service.ask(count)


def approve(service: Service, proposal_id: str, who: str = "lea") -> str:
    async def work(reviews: ReviewStore) -> str:
        decided = await reviews.proposals.decide(
            proposal_id, "approved", who, 1_700_000_000_000, ""
        )
        if decided.proposal is not None and decided.outcome == "done":
            await reviews.proposals.acknowledged(decided.proposal)
        return decided.outcome

    return on_reviews(service, work)


@pytest.fixture
def service(make_service: MakeService, tmp_path: Path) -> Service:
    made = make_service(
        n_partitions=2,
        alert_budget="0.1",
        privacy_aliases="true",
        alert_card_key=KEY,
        proposals_topic=f"proposals-{uuid.uuid4().hex[:12]}",
        audit_topic=f"audit-{uuid.uuid4().hex[:12]}",
    )
    made.log_folder = tmp_path / "logs"
    made.log_folder.mkdir()
    admin = AdminClient(librdkafka_config(made.settings))
    create_topics(admin, {made.settings.proposals_topic: 2}, 1)
    return made


def test_a_card_is_told_and_then_forgotten_wherever_it_was(
    service: Service, redis_url: str, tmp_path: Path
) -> None:
    """A worker that is killed once it has let go of it, before any checkpoint, changes nothing."""
    sent = payments(N, seed=7)
    worker = service.worker().wait_ready()
    service.produce(sent[:600])
    service.wait_consumed()
    card, _ = Counter(map(card_of, sent[:1_300])).most_common(1)[0]
    shown = pseudonym(card, KEY.encode())
    key = service.ask(lambda store: store.erasures.aliases.read())
    alias = key.alias(shown)
    own = [each for each in sent[600:1_300] if card_of(each) == card]
    own += [strange(own[-1], number) for number in range(6)]
    service.produce([*sent[600:1_300], *own[-6:]])
    service.wait_consumed()
    theirs = [each for each in service.alerts() if each.transaction.card_id == alias]
    assert len(theirs) >= 2
    said = [verdict(own[-1], "fraud"), verdict(own[-2], "legitimate")]
    said += [verdict(each, "fraud") for each in sent[600:620] if card_of(each) != card]
    service.produce(said, service.settings.feedback_topic)
    worker.wait_metric(
        lambda n: n >= 2 * len(said) - 4, "streamer_verdicts_applied_total", outcome="standing"
    )
    on_reviews(service, lambda reviews: reviewed(reviews, theirs, shown))
    wait_until(lambda: has_waiting(service, redis_url, card), worker.log)

    assert unstated(redis_url, service.settings.namespace) == []
    assert len(kinds_of(redis_url, service.settings.namespace)) >= 25
    told_of_it(service, card, alias, theirs, tmp_path)
    others_before = other_alerts(service, alias)

    # Proposed, and not done by who proposed it, nor before it is approved.
    proposed = run("privacy", "erase", card, "--reason", "request 4711", **environment(service))
    assert proposed.exit_code == 0, proposed.stderr
    assert "waits for a lead or a model owner" in proposed.stdout
    [waiting] = erasures(service)
    early = run("privacy", "erase", card, **environment(service))
    assert early.exit_code == 1
    [one] = on_reviews(service, lambda reviews: reviews.proposals.all())
    assert (one.id, one.kind, one.reason, one.is_unsent) == (
        waiting.id,
        "erase",
        "request 4711",
        False,
    )
    assert approve(service, one.id, one.proposed_by) == "own"
    assert stored_states(service, card) > 0
    assert approve(service, one.id) == "done"

    # Memory alone has let go of it when the worker dies: its checkpoint was to come much later.
    worker.kill()
    slow = service.successor(checkpoint_interval_s="600")
    late = run("privacy", "erase", card, "--wait", "0.3", **environment(service))
    assert late.exit_code == 1
    assert "start a worker" in late.stderr
    wait_until(lambda: slow.wrote('"event": "card erased"'), slow.log)
    slow.kill()
    assert stored_states(service, card) > 0
    service.successor()
    done = run("privacy", "erase", card, "--json", **environment(service))
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["is_done"]
    assert len(report["partitions"]) == 2
    assert report["erased"]["of_the_console"] >= 5
    assert erasures(service) == []
    assert unstated(redis_url, service.settings.namespace) == []

    wanted = traces(card, {shown, alias})
    assert left(everything_in_redis(redis_url, service.settings.namespace), wanted) == []
    # Alerts and audit entries are there as before, under a name that nobody can make any more.
    nameless = traces(card, {shown})
    assert left(on_topics(service, set()), nameless) == []
    assert other_alerts(service, alias) == others_before
    assert any(each.transaction.card_id == alias for each in service.alerts())
    now = service.ask(lambda store: store.erasures.aliases.read())
    assert now.alias(shown) != alias
    assert made_by(now, shown) == {now.alias(shown)}
    for path in service.log_folder.rglob("*"):
        if path.is_file():
            assert left(iter([(path.name, path.read_bytes())]), wanted) == []
    # The chains are whole, and what was done is in them.
    verified = run("audit", "verify", **environment(service))
    assert verified.exit_code == 0, verified.stdout
    audit = service.read(service.settings.audit_topic)
    actions = Counter(json.loads(each.value() or b"")["action"] for each in audit)
    assert actions["erase"] >= 2
    assert actions["propose"] == 2

    # It pays again and begins anew, under another alias; nothing was lost or counted twice.
    service.produce(sent[1_300:])
    service.wait_consumed()
    service.assert_exact()
    again = [json.loads(r[1] or b"") for r in sent[1_300:] if card_of(r) == card]
    assert bool(stored_states(service, card)) is bool(again)


def strange(record: Record, number: int) -> Record:
    """Return another payment of a record's card, as large as none before."""
    payment = json.loads(record[1] or b"")
    changed = {"transaction_id": f"tx-strange-{number}", "amount": 90_000.0 + number}
    return record[0], json.dumps(payment | changed).encode()


def other_alerts(service: Service, alias: str) -> list[bytes]:
    return sorted(
        msgspec.json.encode(each) for each in service.alerts() if each.transaction.card_id != alias
    )


def has_waiting(service: Service, redis_url: str, card: str) -> bool:
    found = everything_in_redis(redis_url, service.settings.namespace)
    return any(":labels:" in where and card.encode() in value for where, value in found)


def made_by(key: AliasKey, shown: str) -> set[str]:
    """Return every alias that the trees of a key can make of a card, each by itself."""
    found = set()
    for tree in key.trees:
        try:
            found.add(AliasKey([tree]).alias(shown))
        except Exception:  # noqa: S112 - a tree without the card's leaf
            continue
    return found


def told_of_it(service: Service, card: str, alias: str, alerts: list[Alert], folder: Path) -> None:
    told = run("privacy", "export", card, "--json", **environment(service))
    assert told.exit_code == 0, told.stderr
    document = json.loads(told.stdout)
    assert document["card"] == card
    assert alias in document["known_as"]
    assert {each["content"]["alert_id"] for each in document["topics"]["alerts"]} == {
        each.alert_id for each in alerts
    }
    assert document["topics"]["alerts"][0]["content"]["reasons"]
    states = [each for state in document["state"] for each in state["card"]]
    assert states[0]["words"][0].startswith("About ")
    assert sum(len(state["payments_waiting_for_a_verdict"]) for state in document["state"])
    assert sum(map(len, document["verdicts"].values())) == 2
    assert len(document["console"]["alerts"]) == len(alerts)
    assert len(document["console"]["put_off"]) == 1
    [logged] = [v for k, v in document["console"]["logs"].items() if k.endswith("judged")]
    assert logged[0]["who"] == "mona"
    read = {each["what"]: each["up_to"] for each in document["read"]}
    offsets = service.offsets()
    for partition, offset in enumerate(offsets):
        name = f"what workers keep of {service.settings.transactions_topic}/{partition}"
        assert read[name] == f"offset {offset}"
    ends = Counter(m.partition() for m in service.read(service.settings.alerts_topic))
    for partition, n in ends.items():
        name = f"alerts, {service.settings.alerts_topic}/{partition}"
        assert read[name] == f"offset {n - 1}"
    # The one that was asked for is there; whose it was is not said.
    [entry] = document["topics"]["audit"]
    assert entry["content"]["action"] == "export"
    assert entry["content"]["subject"] == {"kind": "card", "id": alias}
    path = folder / "card.txt"
    written = run("privacy", "export", card, "--out", str(path), **environment(service))
    assert written.exit_code == 0, written.stderr
    text = path.read_text()
    assert f"What is stored of the card {card}" in text
    assert "payments wait for a verdict" in text
    assert alerts[0].reasons[0].sentence in text
    assert path.stat().st_mode & 0o077 == 0
    assert fingerprints([card]).tolist()
