"""Challengers in Redis: what a checkpoint adds to them, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamer.challenging.challenge import Challenge
from streamer.challenging.standing import Taken
from streamer.challenging.tally import Tally
from streamer.errors import ConfigurationError
from streamer.model import Sums
from streamer.model.codec import state_id
from streamer.store.client import Client
from tests.store.helpers import CONFIG, NOW_MS, delta, opened, raw, run, step

TOPIC = "transactions"
OTHER_K = Challenge({"n_clusters": 3})


def taken(standing, n, seed=0, sums=None):
    """What a challenger of three clusters made of ``n`` payments."""
    own = Sums.zero(OTHER_K.config(CONFIG))
    own.transactions_seen = n
    own.currency_weights += delta(n, seed).currency_weights
    tally = Tally()
    tally.numbers[0] = n
    known = Sums.zero(OTHER_K.config(CONFIG)) if sums is None else sums
    return Taken(standing.run, own, tally, state_id(known), known)


async def begun(store, name="k3"):
    sums = Sums.zero(OTHER_K.config(CONFIG))
    return await store.challengers.start(name, OTHER_K, sums, "somebody", NOW_MS, CONFIG)


def test_a_checkpoint_brings_a_challenger_on_once_however_often_it_is_offered(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            standing = await begun(store)
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            first = replace(step(None, 10), challenges={"k3": taken(standing, 10)})
            head = (await store.checkpoint(first)).head
            assert (await store.checkpoint(first)).head.id == head.id
            # The second was scored with a version that is not the latest any more: it is read.
            second = replace(step(10, 15), challenges={"k3": taken(standing, 5, 1)})
            await store.checkpoint(second)
            await store.checkpoint(second)
            [after] = await store.challengers.standings()
            assert (after.transactions_seen, after.tally.n_compared) == (15, 15.0)
            _, sums = await store.challengers.learned("k3", CONFIG)
            wanted = delta(10).currency_weights + delta(5, 1).currency_weights
            assert sums.currency_weights.tolist() == wanted.tolist()
            assert (await store.head()).sums.transactions_seen == 15
            assert state_id(sums) == after.version
            assert await store.challengers.learned("k4", CONFIG) is None

    run(scenario())


def test_partitions_of_one_step_are_learned_one_after_the_other(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            standing = await begun(store)
            for partition in range(2):
                await store.claim(TOPIC, partition, "w1", NOW_MS)
            one = replace(step(None, 10), challenges={"k3": taken(standing, 10)})
            other = step(None, 7, partition=1)
            other = replace(other, challenges={"k3": taken(standing, 4, 1)})
            await store.checkpoint(one, None, other)
            [after] = await store.challengers.standings()
            assert (after.transactions_seen, after.tally.n_compared) == (14, 14.0)

    run(scenario())


def test_what_a_challenger_did_that_has_been_stopped_is_dropped(redis_url, namespace):
    """Also where another of its name has begun since."""

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            gone = await begun(store)
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.challengers.stop("k3")
            first = replace(step(None, 10), challenges={"k3": taken(gone, 10)})
            await store.checkpoint(first)
            assert await store.challengers.standings() == []
            left = [key async for key in redis.scan_iter(f"*{namespace}*challenger*")]
            assert left == []
            sums = Sums.zero(OTHER_K.config(CONFIG))
            again = await store.challengers.start(
                "k3", OTHER_K, sums, "somebody", NOW_MS + 1, CONFIG
            )
            second = replace(step(10, 15), challenges={"k3": taken(gone, 5)})
            await store.checkpoint(second)
            assert await store.challengers.standings() == [again]

    run(scenario())


def test_one_that_is_stopped_between_the_reads_and_the_write_is_not_written(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, opened(redis_url, namespace) as other:
            standing = await begun(store)
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            stopped, transact = False, Client.transact

            async def slow(self, watched, attempt):
                async def attempted(pipe):
                    nonlocal stopped
                    result = await attempt(pipe)
                    if not stopped:
                        stopped = True
                        await other.challengers.stop("k3")
                    return result

                return await transact(self, watched, attempted)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Client, "transact", slow)
                first = replace(step(None, 10), challenges={"k3": taken(standing, 10)})
                await store.checkpoint(first)
            assert await store.challengers.standings() == []
            assert (await store.head()).sums.transactions_seen == 10

    run(scenario())


def test_three_run_and_each_under_a_name_of_its_own(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            for name in ("a", "b"):
                await begun(store, name)
            with pytest.raises(ConfigurationError, match="must be free, got b, which runs"):
                await begun(store, "b")
            await begun(store, "c")
            with pytest.raises(
                ConfigurationError, match="at most 3 challengers must run, got a, b, c and d"
            ):
                await begun(store, "d")
            with pytest.raises(ConfigurationError, match=r"one that runs \(a, b, c\), got e"):
                await store.challengers.stop("e")
            await store.challengers.stop("b")
            await begun(store, "d")
            assert [each.name for each in await store.challengers.standings()] == ["a", "c", "d"]

    run(scenario())
