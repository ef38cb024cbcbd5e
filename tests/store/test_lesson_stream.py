"""Lessons for people: in their stream once, with the checkpoint that holds what they taught."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest

from streamer.errors import FencedError, InvariantError, UnavailableError
from tests.rig.proxy import Proxy
from tests.store.helpers import NOW_MS, opened, raw, run, step

TOPIC = "transactions"


@dataclass(frozen=True)
class _Told:
    """Stands for what a partition has noted."""

    content: bytes

    def encoded(self) -> bytes:
        return self.content


def lesson(number: int) -> _Told:
    told = {
        "transaction_id": f"t-{number}",
        "verdict": "fraud",
        "origin": "reviewer",
        "decided_at": "2026-01-06T12:00:00Z",
        "alerted": True,
        "before": "nothing",
        "weight": 1.0,
        "model_version": "abc",
    }
    return _Told(json.dumps(told).encode())


async def names(store, count=100):
    return [each.lesson.transaction_id for each in await store.lessons(count)]


def test_lessons_of_all_partitions_are_read_newest_first(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            for partition in (0, 1):
                await store.claim(TOPIC, partition, "w1", NOW_MS)
            assert await names(store) == []
            await store.checkpoint(replace(step(None, 10), lessons=(lesson(1), lesson(2))))
            other = replace(step(None, 7, partition=1), lessons=(lesson(3),))
            await store.checkpoint(replace(step(10, 12), lessons=(lesson(4),)), None, other)
            found = await store.lessons(100)
            assert [each.lesson.transaction_id for each in found[2:]] == ["t-2", "t-1"]
            assert {each.lesson.transaction_id for each in found[:2]} == {"t-3", "t-4"}
            assert {(each.topic, each.partition) for each in found} == {(TOPIC, 0), (TOPIC, 1)}
            assert len(await names(store, 2)) == 2

    run(scenario())


def test_a_checkpoint_offered_again_tells_its_lessons_once(redis_url, namespace):
    """The answer to its EXEC is lost, so that nobody knows whether it was written."""

    async def scenario():
        taught = replace(step(None, 10), lessons=(lesson(1), lesson(2)))
        with Proxy(urlsplit(redis_url).port) as proxy:
            async with opened(f"redis://127.0.0.1:{proxy.port}/0", namespace) as store:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                proxy.cut_answer_to(b"EXEC")
                with pytest.raises(UnavailableError):
                    await store.checkpoint(taught)
                assert proxy.n_cut == 1
                await store.checkpoint(taught)
                assert await names(store) == ["t-2", "t-1"]

    run(scenario())


def test_a_checkpoint_that_is_refused_tells_nothing(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.claim(TOPIC, 0, "w2", NOW_MS)
            with pytest.raises(FencedError):
                await store.checkpoint(replace(step(None, 10), lessons=(lesson(1),)))
            assert await names(store) == []

    run(scenario())


def test_the_stream_is_capped(redis_url, namespace):
    """Redis trims whole blocks of 100 entries."""

    async def scenario():
        async with opened(redis_url, namespace, lessons_max_entries=100) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            every = tuple(lesson(n) for n in range(1_000))
            await store.checkpoint(replace(step(None, 10), lessons=every))
            kept = await names(store, 1_000)
            assert 100 <= len(kept) <= 200
            assert kept[0] == "t-999"

    run(scenario())


def test_a_foreign_entry_is_refused_in_words(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await redis.xadd(f"streamer:{{{namespace}}}:lessons:{TOPIC}:0", {"other": "thing"})
            with pytest.raises(InvariantError, match="stored lesson"):
                await store.lessons(10)

    run(scenario())
