"""Checkpoints of several partitions in one step."""

from __future__ import annotations

import pytest

from streamer.errors import FencedError
from tests.store.helpers import NOW_MS, opened, run, step

TOPIC = "transactions"


def test_partitions_saved_together_make_one_version_that_has_learned_from_all(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            for partition in range(3):
                await store.claim(TOPIC, partition, "w1", NOW_MS)
            others = step(None, 7, partition=1), step(None, 5, partition=2)
            head = (await store.checkpoint(step(None, 10), None, *others)).head
            assert head.sums.transactions_seen == 10 + 7 + 5
            assert head.header.offsets == {f"{TOPIC}/0": 10, f"{TOPIC}/1": 7, f"{TOPIC}/2": 5}
            assert (await store.head()).id == head.id
            assert [version.id for version in await store.versions()] == [head.id]
            [entry] = await store.lineage(10)
            assert entry["transactions_new"] == "22"
            assert entry["partition"] == f"{TOPIC}/0 {TOPIC}/1 {TOPIC}/2"
            assert (entry["generation"], entry["next_offset"]) == ("1 1 1", "10 7 5")
            stored = await store.partitions()
            assert [stored[TOPIC, p].offset for p in range(3)] == [10, 7, 5]

    run(scenario())


def test_of_partitions_saved_together_one_that_is_fenced_has_none_of_them_written(
    redis_url, namespace
):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.claim(TOPIC, 1, "w1", NOW_MS)
            await store.claim(TOPIC, 1, "w2", NOW_MS)
            with pytest.raises(FencedError, match="transactions/1"):
                await store.checkpoint(step(None, 10), None, step(None, 7, partition=1))
            stored = await store.partitions()
            assert [stored[TOPIC, p].offset for p in range(2)] == [None, None]
            assert (await store.head()).sums.transactions_seen == 0

    run(scenario())


def test_a_step_offered_again_beside_another_partition_is_not_learned_twice(redis_url, namespace):
    """The answer to the first offer was lost, and the other has come so far meanwhile."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            for partition in range(2):
                await store.claim(TOPIC, partition, "w1", NOW_MS)
            lost = step(None, 10)
            await store.checkpoint(lost)
            heads = await store.checkpoint(lost, None, step(None, 7, partition=1))
            assert heads.head.sums.transactions_seen == 17
            again = (await store.checkpoint(lost, heads, step(None, 7, partition=1))).head
            assert again.id == heads.head.id
            assert len(await store.lineage(10)) == 2

    run(scenario())
