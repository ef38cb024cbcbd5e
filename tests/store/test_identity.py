"""Redis that comes back as another: known before anything is written to it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from streamer.errors import FencedError, InvariantError, StoreReplacedError
from streamer.store import ServiceIdentity
from streamer.store.identity import Identity
from tests.store.helpers import NOW_MS, UNREAD, opened, raw, run, step

TOPIC = "transactions"
SERVICE = ServiceIdentity(TOPIC, {}, "h")
VERDICT = [(0, {"verdict": "fraud"})]


def test_the_id_of_a_store_is_written_once_and_is_the_same_for_everybody(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as one, opened(redis_url, namespace) as other:
            first = await one.identify()
            assert re.fullmatch(r"[0-9a-f]{16} since 20\d\d-\d\d-\d\dT[\d:.]{12}Z", first)
            assert await other.identify() == first == await one.identify()
        async with opened(redis_url, f"{namespace}-b") as another:
            assert await another.identify() != first

    run(scenario())


@pytest.mark.parametrize("is_taken_by_another", [False, True])
def test_nothing_is_written_to_an_emptied_store(redis_url, namespace, is_taken_by_another):
    """Emptied while the worker is connected, with and without another worker that came before."""

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            seen = await store.identify()
            keys = f"streamer:{{{namespace}}}:*"
            await redis.delete(*await redis.keys(keys))
            if is_taken_by_another:
                async with opened(redis_url, namespace) as other:
                    await other.identify()
            before = await redis.keys(keys)
            for call in (
                store.identify,
                lambda: store.checkpoint(step(10, 20)),
                lambda: store.claim(TOPIC, 0, "w1", NOW_MS),
                lambda: store.claim(TOPIC, 1, "w1", NOW_MS),
                lambda: store.add_feedback("fraud-feedback", 0, 1, VERDICT, UNREAD),
                lambda: store.heartbeat("w1", NOW_MS),
                lambda: store.register(SERVICE, "w1", NOW_MS),
            ):
                with pytest.raises(StoreReplacedError, match=f"must be '{seen}'") as caught:
                    await call()
                assert ("emptied" in str(caught.value)) is not is_taken_by_another
            assert await redis.keys(keys) == before

    run(scenario())


class LosingIdentity(Identity):
    """Loses the store as soon as it was found to be the right one."""

    async def verify(self, pipe, client):
        await super().verify(pipe, client)
        await client.pipelined([("DEL", client.keys.identity)], atomic=False)


def test_a_store_emptied_between_the_reads_and_the_writes_is_not_written_to(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            losing = replace(store, _identity=LosingIdentity(await store.identify()))
            with pytest.raises(StoreReplacedError, match="got none"):
                await losing.checkpoint(step(None, 10))
            assert (await store.partition(TOPIC, 0)).offset is None

    run(scenario())


@pytest.mark.parametrize("lost", ["a checkpoint", "a claim", "the first checkpoint"])
def test_an_older_state_of_the_same_store_is_not_written_over(redis_url, namespace, lost):
    """The partition is what it was one step ago, as after a backup or a failover."""

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            generation, base = 1, None
            if lost != "the first checkpoint":
                await store.checkpoint(step(None, 10))
                base = 10
            key = f"streamer:{{{namespace}}}:partition:transactions:0"
            kept = await redis.dump(key)
            if lost == "a claim":
                generation = (await store.claim(TOPIC, 0, "w1", NOW_MS)).generation
            else:
                await store.checkpoint(step(base, 20))
                base = 20
            await redis.restore(key, 0, kept, replace=True)
            words = "generation 2, .*got 1" if lost == "a claim" else "offset 20, .*got (10|None)"
            with pytest.raises(StoreReplacedError, match=f"{words}.*Redis holds an older state"):
                await store.checkpoint(step(base, 30, generation=generation))
            assert await redis.dump(key) == kept

    run(scenario())


def test_a_state_that_is_ahead_is_a_broken_promise_and_a_later_claim_is_a_fence(
    redis_url, namespace
):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            for base, following in ((5, 8), (None, 8)):
                with pytest.raises(InvariantError, match="got 10"):
                    await store.checkpoint(step(base, following))
            await store.claim(TOPIC, 0, "w2", NOW_MS)
            with pytest.raises(FencedError, match="1 by 'w1', got 2 by 'w2'"):
                await store.checkpoint(step(10, 20))

    run(scenario())
