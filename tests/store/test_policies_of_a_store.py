"""Policies in Redis: one in force, each under the hash of its bytes, every change on record."""

from __future__ import annotations

import asyncio

import pytest

from streamer.errors import ConfigurationError, InvariantError, StoreReplacedError
from streamer.policies import changed_policy, policy_of
from streamer.settings import Settings
from tests.store.helpers import NOW_MS, opened, raw, run

FIRST = policy_of(Settings(alert_budget=0.02))
SMALLER = changed_policy(FIRST, {"alert_budget": "0.004"})
LARGER = changed_policy(FIRST, {"alert_budget": "0.05"})
BY = {"who": "ann@host", "now_ms": NOW_MS}


def test_the_environment_of_the_first_worker_gives_the_first_policy_and_no_later_one(
    redis_url, namespace
):
    async def scenario():
        async with opened(redis_url, namespace) as store, opened(redis_url, namespace) as other:
            policies = store.policies
            assert await policies.head() == ""
            # Of workers that start together one is first.
            begun = await asyncio.gather(
                policies.begin(FIRST, "w1", NOW_MS), other.policies.begin(LARGER, "w2", NOW_MS)
            )
            assert begun[0] == begun[1]
            assert await policies.begin(SMALLER, "w3", NOW_MS + 1) == begun[0]
            [entry] = await policies.history(10)
            assert (entry.id, entry.before, entry.why) == (
                begun[0].id,
                "",
                "the first, from the environment",
            )
            assert [each["reason"] for each in await store.lineage(10)] == ["policy"]

    run(scenario())


def test_a_change_is_in_force_at_once_and_in_history_and_lineage_with_who_why_and_what(
    redis_url, namespace
):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            policies = store.policies
            await policies.begin(FIRST, "w1", NOW_MS)
            assert await policies.put_in_force(SMALLER, FIRST.id, why="fewer reviewers", **BY)
            assert await policies.head() == SMALLER.id
            assert await policies.find() == SMALLER
            assert await policies.find(FIRST.id[:6]) == FIRST
            [newest, _] = await store.lineage(10)
            assert newest == {
                "reason": "policy",
                "who": "ann@host",
                "at": "2023-11-14T22:13:20.123Z",
                "why": "fewer reviewers",
                "from": FIRST.id,
                "to": SMALLER.id,
                "changed": "alert_budget: 0.02 -> 0.004",
            }
            [entry, _] = await policies.history(10)
            assert (entry.id, entry.before, entry.changed) == (
                SMALLER.id,
                FIRST.id,
                "alert_budget: 0.02 -> 0.004",
            )
            # In force already: nothing is written, and nobody is told twice.
            assert not await policies.put_in_force(SMALLER, SMALLER.id, why="again", **BY)
            assert len(await store.lineage(10)) == 2
            # Back to one that is stored: the same id, another entry.
            assert await policies.put_in_force(FIRST, SMALLER.id, why="back", **BY)
            assert [each.id for each in await policies.history(10)] == [
                FIRST.id,
                SMALLER.id,
                FIRST.id,
            ]

    run(scenario())


def test_of_two_changes_decided_on_one_policy_one_is_refused_plainly(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, opened(redis_url, namespace) as other:
            await store.policies.begin(FIRST, "w1", NOW_MS)
            results = await asyncio.gather(
                store.policies.put_in_force(SMALLER, FIRST.id, why="one", **BY),
                other.policies.put_in_force(LARGER, FIRST.id, why="two", **BY),
                return_exceptions=True,
            )
            [refused] = [each for each in results if each is not True]
            assert isinstance(refused, ConfigurationError)
            assert f"must still be {FIRST.id}" in str(refused)
            assert await store.policies.head() in str(refused)
            assert len(await store.policies.history(10)) == 2

    run(scenario())


def test_nothing_is_put_in_force_in_another_store_or_where_no_worker_began(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            with pytest.raises(ConfigurationError, match="a worker must have started"):
                await store.policies.find()
            await store.policies.begin(FIRST, "w1", NOW_MS)
            await redis.set(f"streamer:{{{namespace}}}:identity", "another")
            for attempt in (
                store.policies.put_in_force(SMALLER, FIRST.id, why="why", **BY),
                store.policies.note("w1", FIRST.id),
                store.policies.begin(FIRST, "w1", NOW_MS),
            ):
                with pytest.raises(StoreReplacedError):
                    await attempt
            assert await store.policies.head() == FIRST.id

    run(scenario())


def test_which_worker_goes_by_which_policy_is_known_and_forgotten_with_the_worker(
    redis_url, namespace
):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            for owner in ("w1", "w2"):
                await store.heartbeat(owner, NOW_MS)
                await store.policies.note(owner, FIRST.id)
            await store.policies.note("w1", SMALLER.id)
            assert await store.policies.by_worker() == {"w1": SMALLER.id, "w2": FIRST.id}
            await store.leave("w2")
            await store.policies.note("w1", SMALLER.id)
            assert await store.policies.by_worker() == {"w1": SMALLER.id}

    run(scenario())


def test_a_record_that_is_not_there_or_not_what_it_was_is_named(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.policies.begin(FIRST, "w1", NOW_MS)
            key = f"streamer:{{{namespace}}}:policy:record:{FIRST.id}"
            await redis.set(key, b'{"alert_budget":0.2}')
            with pytest.raises(InvariantError, match=f"policy {FIRST.id} must be the record"):
                await store.policies.find()
            await redis.delete(key)
            with pytest.raises(InvariantError, match="must be stored while"):
                await store.policies.find()
            await redis.xadd(f"streamer:{{{namespace}}}:policy:history", {"a": "b"})
            with pytest.raises(InvariantError, match="policy:history must hold"):
                await store.policies.history(10)

    run(scenario())


def test_an_id_that_begins_none_or_several_is_refused(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.policies.begin(FIRST, "w1", NOW_MS)
            with pytest.raises(ConfigurationError, match="got 'zz', which begins 0 of them"):
                await store.policies.find("zz")

    run(scenario())
