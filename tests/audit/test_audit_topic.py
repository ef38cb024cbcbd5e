"""Chains on a real broker and a real Redis: written, tampered with, verified and exported."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from streamer.audit.audit_entry import Actor, Card, Subject, Told
from streamer.audit.audit_reading import Period, read_entries
from streamer.audit.audit_verification import with_kept
from streamer.audit.audit_writer import AuditWriter
from streamer.audit.kept_heads import KeptHeads
from streamer.audit.stored_entry import stored_entry
from streamer.embedded import EmbeddedKafka
from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics
from tests.audit.chains import resealed
from tests.cli.test_commands import run
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S

NOW_MS = 1_790_000_000_000


def view(number: int, card: str = "c-1") -> Told:
    return Told(
        actor=Actor("mona", "session", "reviewer"),
        action="view alert",
        subject=Subject("alert", f"transactions-0-{number}"),
        card=Card(card, f"t-{number}"),
    )


class Topic:
    """An audit topic of its own, with what a namespace in Redis keeps of it."""

    def __init__(self, kafka: EmbeddedKafka, redis_url: str) -> None:
        unique = uuid.uuid4().hex[:10]
        self.settings = Settings(
            kafka_bootstrap_servers=kafka.bootstrap_servers,
            redis_url=redis_url,  # type: ignore[arg-type]
            namespace=f"audit-{unique}",
            consumer_group=f"audit-{unique}",
            audit_topic=f"audit-{unique}",
        )
        self.admin = AdminClient(librdkafka_config(self.settings))
        create_topics(self.admin, {self.settings.audit_topic: 2}, 1)

    def write(self, n: int, now_ms: int = NOW_MS, **changes: Any) -> str:
        """Write a chain of ``n`` entries by a process of its own; return its writer."""

        async def work() -> str:
            settings = self.settings.model_copy(update=changes)
            store = open_review_store(settings)
            # The first entry asks twice, for its own time and for which heads are recent.
            times = iter(range(now_ms, now_ms + 10_000))
            writer = AuditWriter(settings, KeptHeads(store.client), "test", lambda: next(times))
            for number in range(n):
                await writer.stored(view(number))
            await writer.close()
            await store.close()
            return writer.writer

        return asyncio.run(work())

    def values(self) -> list[tuple[str, bytes]]:
        return [
            (each.stored.writer, each.stored.value)
            for each in read_entries(self.settings, Period())
        ]

    def tampered(self, values: Sequence[tuple[str, bytes]]) -> dict[str, str]:
        """Write other messages to another topic, and return the environment that takes it for ours."""
        name = f"tampered-{uuid.uuid4().hex[:10]}"
        create_topics(self.admin, {name: 2}, 1)
        producer = Producer(librdkafka_config(self.settings, partitioner="murmur2_random"))
        for key, value in values:
            producer.produce(name, value, key)
        assert producer.flush(DEADLINE_S) == 0
        return self.env | {"audit_topic": name}

    @property
    def env(self) -> dict[str, str]:
        return {
            "kafka_bootstrap_servers": self.settings.kafka_bootstrap_servers,
            "redis_url": self.settings.redis_url.get_secret_value(),
            "namespace": self.settings.namespace,
            "audit_topic": self.settings.audit_topic,
            # What is 400 days old by the clock of these tests was written now.
            "audit_retention_s": str(10**10),
        }

    def verify(self, env: dict[str, str] | None = None, *arguments: str) -> Result:
        return run("audit", "verify", *arguments, **(env or self.env))


@pytest.fixture(scope="module")
def topic(kafka: EmbeddedKafka, redis_url: str) -> Topic:
    """Three chains: of 6 entries, of 3, and of 1."""
    made = Topic(kafka, redis_url)
    made.first, made.second, made.third = (made.write(n) for n in (6, 3, 1))  # type: ignore[attr-defined]
    return made


def test_what_nobody_has_touched_is_whole(topic: Any) -> None:
    result = topic.verify()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "10 entries of 3 processes, 2026-09-21T14:13:20.000Z to 2026-09-21T14:13:20.006Z: whole\n"
    )
    told = json.loads(topic.verify(None, "--json").stdout)
    assert (told["is_whole"], told["entries"], told["findings"], told["notes"]) == (
        True,
        10,
        [],
        [],
    )
    assert {(each["writer"], each["last"]) for each in told["writers"]} == {
        (topic.first, 5),
        (topic.second, 2),
        (topic.third, 0),
    }


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("changed", "entry 2 at {} does not fit its own hash: it was changed"),
        (
            "anew",
            "entry 2 at {} is not the one whose hash entry 3 has: it was changed, and its hash",
        ),
        ("dropped", "entry 2 is not there, and later ones are: dropped"),
        ("reordered", "stands in another place than the numbers say: reordered"),
        ("cut", "entry 5 is not there, and the head in Redis names 5: cut"),
        ("missing", "entries 0 to 5, all of the chain, are not there"),
        ("forked", "entry 2 is there twice with another content, at "),
        ("unanchored", "entry 0 from {} on: no head in Redis knows of it"),
        ("rubbish", "entry 2 at {} does not fit its own hash: it was changed"),
    ],
)
def test_what_somebody_did_to_a_topic_is_named_by_the_command(
    topic: Any, kind: str, told: str
) -> None:
    """By a broker's administrator, who can make a topic of the same name with other messages."""
    values = topic.values()
    own = [n for n, (writer, _) in enumerate(values) if writer == topic.first]
    at, writer = own[2], topic.first
    value = values[at][1]
    match kind:
        case "changed":
            values[at] = writer, value.replace(b"mona", b"lars")
        case "anew":
            values[at] = writer, resealed(value, actor=Actor("lars", "session", "reviewer"))
        case "dropped":
            del values[at]
        case "reordered":
            values[at], values[own[3]] = values[own[3]], values[at]
        case "cut":
            del values[own[5]]
        case "missing":
            values = [each for each in values if each[0] != writer]
        case "forked":
            values.append((writer, resealed(value, actor=Actor("lars", "session", "reviewer"))))
        case "unanchored":
            forged = "test:nowhere:0"
            values.append((forged, resealed(values[own[0]][1], writer=forged)))
        case "rubbish":
            values[at] = writer, b"\xff not an entry"
    env = topic.tampered(values)
    result = topic.verify(env)
    assert result.exit_code == 1
    *lines, summary = result.stdout.splitlines()
    [line] = lines
    name = {"anew": "changed", "rubbish": "changed"}.get(kind, kind)
    assert line.startswith(f"{name:<12} {'test:nowhere:0' if kind == 'unanchored' else writer}: ")
    before, _, after = told.partition("{}")
    assert before in line
    assert after in line
    assert summary.endswith(": 1 finding")


def test_an_export_is_verified_by_its_manifest_alone_and_is_itself_on_the_topic(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    topic = Topic(kafka, redis_url)
    topic.write(4)
    writer = topic.write(3, NOW_MS + 60_000)
    path = tmp_path / "part.jsonl"
    path.touch(0o644)
    period = ("--from", "2026-09-21T14:13:20.003Z", "--to", "2026-09-21T14:14:20.003Z")
    result = run("audit", "export", *period, "--out", str(path), **topic.env)
    assert result.exit_code == 0, result.stderr
    # Two of the first chain, two of the second.
    assert "4 entries written to" in result.stderr
    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == {"part.jsonl": 0o600, "part.jsonl.manifest.json": 0o600}
    digest = result.stderr.split(": ")[-1].strip()
    off = {"kafka_bootstrap_servers": "127.0.0.1:1", "redis_url": "redis://127.0.0.1:1"}
    whole = run("audit", "verify", "--file", str(path), **off)
    assert (whole.exit_code, whole.stdout.splitlines()[-1][-7:]) == (0, ": whole")
    entries = [json.loads(value) for _, value in topic.values()]
    granted, done = (each for each in entries if each["action"] == "export audit")
    assert "outcome" not in granted
    assert (done["outcome"], done["details"]["manifest_sha256"]) == ("done", digest)
    assert topic.verify().exit_code == 0
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    cut = run("audit", "verify", "--file", str(path), **off)
    assert cut.exit_code == 1
    assert "3 lines, of which it names 4, and another SHA-256" in cut.stdout
    assert " is not there, and the manifest names " in cut.stdout
    path.write_bytes(b"".join(lines).replace(b"mona", b"lars", 1))
    changed = run("audit", "verify", "--file", str(path), **off)
    assert "at line 1 does not fit its own hash: it was changed" in changed.stdout
    table = tmp_path / "part.csv"
    result = run("audit", "export", *period, "--out", str(table), **topic.env)
    assert result.exit_code == 0, result.stderr
    rows = table.read_text().splitlines()
    assert rows[0].startswith("at,writer,sequence,who,role,by,address,action,outcome,subject")
    assert len(rows) == 5
    assert f",{writer},1,mona,reviewer,session,,view alert,granted,alert," in "\n".join(rows)
    refused = run("audit", "verify", "--file", str(table), **off)
    assert (refused.exit_code, "must be JSON Lines" in refused.stderr) == (2, True)


def test_a_change_is_refused_while_kafka_is_away_and_a_view_waits_in_redis(
    kafka: EmbeddedKafka, redis_url: str
) -> None:
    """Who comes next sends what was left, as the same bytes; the refusal is on the chain as well."""
    topic = Topic(kafka, redis_url)
    away = topic.settings.model_copy(
        update={
            "kafka_bootstrap_servers": f"127.0.0.1:{stable_port()}",
            "audit_timeout_s": 0.3,
            "audit_max_unsent": 4,
        }
    )

    async def without_kafka() -> str:
        store = open_review_store(away)
        writer = AuditWriter(away, KeptHeads(store.client), "test", lambda: NOW_MS)
        began_s = time.monotonic()
        await writer.noted(view(0, "c-9"), view(1, "c-9"))
        assert time.monotonic() - began_s < DEADLINE_S / 2
        with pytest.raises(UnavailableError, match=r"entry of a change within 0\.3 s"):
            await writer.stored(msgspec.structs.replace(view(2), action="verdict"))
        # The two, the refused one, and that it was refused.
        assert (writer.n_unsent, writer.n_refused["change"], writer.unsent_s) == (4, 1, 0.0)
        with pytest.raises(UnavailableError, match=r"got 4 that wait \(STREAMER_AUDIT_MAX_UNSENT"):
            await writer.noted(view(3))
        assert writer.n_refused["view"] == 1
        await writer.close()
        await store.close()
        return writer.writer

    left = asyncio.run(without_kafka())
    [line, summary] = topic.verify().stdout.splitlines()
    assert (
        line == f"waiting      {left}: entries 0 to 3 are in Redis and may not be on the topic yet"
    )
    assert summary == "0 entries of 0 processes: whole"

    async def next_one() -> None:
        store = open_review_store(topic.settings)
        kept = KeptHeads(store.client)
        writer = AuditWriter(topic.settings, kept, "test", lambda: NOW_MS + 61_000)
        async with writer.running():
            async with asyncio.timeout(DEADLINE_S):
                while left not in await kept.heads():  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.02)
        assert (await kept.heads())[left].sequence == 3
        assert await kept.unsent() == {}
        await store.close()

    asyncio.run(next_one())
    entries = [json.loads(value) for writer, value in topic.values() if writer == left]
    assert [each["action"] for each in entries] == [*["view alert"] * 2, "verdict", "not stored"]
    assert entries[3]["subject"] == {"kind": "entry", "id": "2"}
    assert (entries[3]["outcome"], entries[0]["card"]["id"]) == ("refused", "c-9")
    assert topic.verify().exit_code == 0


def test_every_chain_names_the_heads_of_the_others_so_that_a_head_taken_out_of_redis_is_missed(
    kafka: EmbeddedKafka, redis_url: str
) -> None:
    topic = Topic(kafka, redis_url)
    first, second = topic.write(2), topic.write(1)
    entries = [json.loads(value) for writer, value in topic.values() if writer == second]
    [link] = entries[0]["heads"]
    assert (link["writer"], link["sequence"]) == (first, 1)
    left = [each for each in topic.values() if each[0] != first]
    with_kept(topic.settings, lambda kept: kept.forget([first]))
    result = topic.verify(topic.tampered(left))
    assert result.exit_code == 1
    assert f"missing      {first}: entries 0 to 1, all of the chain" in result.stdout
    assert f"and {second} in its entry 0 names 1: missing" in result.stdout


def test_an_hourly_anchor_links_and_forgets_what_is_too_old(
    kafka: EmbeddedKafka, redis_url: str
) -> None:
    topic = Topic(kafka, redis_url)
    old = topic.write(1, NOW_MS - 431 * 86_400_000)
    new = topic.write(1, NOW_MS)

    async def work() -> set[str]:
        store = open_review_store(topic.settings)
        kept = KeptHeads(store.client)
        writer = AuditWriter(topic.settings, kept, "test", lambda: NOW_MS + 5)
        await writer.noted(view(0))
        await writer.anchor()
        heads = set(await kept.heads())
        await writer.close()
        await store.close()
        return heads

    heads = asyncio.run(work())
    assert old not in heads
    assert new in heads
    [anchor] = [e for _, v in topic.values() if (e := json.loads(v))["action"] == "anchor"]
    assert [each["writer"] for each in anchor["heads"]] == [new]


def test_what_is_of_a_card_may_be_sealed_and_a_later_releases_fields_change_nothing(
    topic: Any,
) -> None:
    """The hash is over what is stored: with the key destroyed the chain is as whole as before."""
    value = topic.values()[0][1]
    assert stored_entry(resealed(value, card="sealed:AAAA"), 0).is_sound
    newer = value[:-75] + b',"more":{"x":1}'
    digest = hashlib.sha256(newer + b"}").hexdigest().encode()
    assert stored_entry(newer + b',"hash":"' + digest + b'"}', 0).is_sound
