"""Feedback: every verdict once, whatever Kafka repeats."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from streamer.contract.ledger import Ledger
from streamer.errors import FencedError, InvariantError, StoreReplacedError
from streamer.store import LogIdentity
from streamer.store.feedback import StoredVerdicts
from tests.store.helpers import NOW_MS, UNREAD, opened, raw, run, step

TOPIC = "fraud-feedback"
FRAUD = {"transaction_id": "t-1", "verdict": "fraud"}


def test_a_repeated_verdict_is_stored_once(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            assert await store.add_feedback(TOPIC, 0, 3, [(0, FRAUD), (2, FRAUD)], UNREAD) == 2
            assert await store.add_feedback(TOPIC, 0, 4, [(2, FRAUD), (3, FRAUD)], UNREAD) == 1
            assert await store.add_feedback(TOPIC, 0, 1, [(0, FRAUD)], UNREAD) == 0
            assert (await store.partition(TOPIC, 0)).offset == 4
            stream = await redis.xrange(f"streamer:{{{namespace}}}:feedback:{TOPIC}:0")
            assert [entry_id for entry_id, _ in stream] == [b"1-0", b"3-0", b"4-0"]
            read = await store.read_feedback(TOPIC, 0, 2, 10)
            assert read == StoredVerdicts(((2, FRAUD), (3, FRAUD)))

    run(scenario())


def test_two_consumers_of_the_same_verdicts_store_them_once(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as one, opened(redis_url, namespace) as other:
            entries = [(offset, FRAUD) for offset in range(20)]
            counts = await asyncio.gather(
                *(store.add_feedback(TOPIC, 0, 20, entries, UNREAD) for store in (one, other) * 5)
            )
            assert sum(counts) == 20
            assert len((await one.read_feedback(TOPIC, 0, 0, 100)).entries) == 20

    run(scenario())


def test_verdicts_of_two_topics_of_one_name_are_not_stored_side_by_side(redis_url, namespace):
    """A batch that waited while its topic was made again, and who reads the new one: one is refused."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            old, new = (replace(UNREAD, log=LogIdentity(0, name)) for name in ("one", "two"))
            assert await store.add_feedback(TOPIC, 0, 3, [(0, FRAUD), (2, FRAUD)], old) == 2
            with pytest.raises(FencedError, match="topic id one, got two"):
                await store.add_feedback(TOPIC, 0, 2, [(0, FRAUD)], new)
            assert (await store.partition(TOPIC, 0)).log.topic_id == "one"

    run(scenario())


def test_the_offset_advances_without_verdicts(redis_url, namespace):
    """All of a batch may have been dead letters."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            assert await store.add_feedback(TOPIC, 1, 7, [], UNREAD) == 0
            assert (await store.partition(TOPIC, 1)).offset == 7

    run(scenario())


def test_feedback_is_capped_and_stays_known_after_trimming(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace, feedback_max_entries=100) as store:
            entries = [(offset, FRAUD) for offset in range(1000)]
            assert await store.add_feedback(TOPIC, 0, 1000, entries, UNREAD) == 1000
            kept = (await store.read_feedback(TOPIC, 0, 0, 1000)).entries
            # Redis trims whole blocks of 100 entries.
            assert 100 <= len(kept) <= 200
            assert kept[-1] == (999, FRAUD)
            assert await store.add_feedback(TOPIC, 0, 1000, entries, UNREAD) == 0

    run(scenario())


def test_trimmed_verdicts_are_counted_for_a_cursor_that_had_not_come_so_far(redis_url, namespace):
    """1,000 verdicts, of which Redis keeps 100 to 200: who begins at 0 missed the others."""

    async def scenario():
        async with opened(redis_url, namespace, feedback_max_entries=100) as store:
            entries = [(offset, FRAUD) for offset in range(1000)]
            await store.add_feedback(TOPIC, 0, 1000, entries, UNREAD)
            read = await store.read_feedback(TOPIC, 0, 0, 10)
            first = read.entries[0][0]
            assert read.n_lost == first >= 800
            assert (await store.read_feedback(TOPIC, 0, first - 7, 10)).n_lost == 7
            assert (await store.read_feedback(TOPIC, 0, first, 10)).n_lost == 0
            assert (await store.read_feedback(TOPIC, 0, 1000, 10)) == StoredVerdicts()

    run(scenario())


@pytest.mark.parametrize("is_counted", [True, False])
def test_offsets_without_a_verdict_are_no_loss(redis_url, namespace, is_counted):
    """The first 50 were dead letters; an earlier release did not count what it stored."""

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.add_feedback(TOPIC, 0, 52, [(50, FRAUD), (51, FRAUD)], UNREAD)
            if not is_counted:
                await redis.hdel(f"streamer:{{{namespace}}}:partition:{TOPIC}:0", "n_stored")
                await store.add_feedback(TOPIC, 0, 53, [(52, FRAUD)], UNREAD)
            assert (await store.read_feedback(TOPIC, 0, 0, 10)).n_lost == 0

    run(scenario())


def test_feedback_partitions_do_not_enter_the_totals(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.add_feedback(TOPIC, 0, 1, [(0, FRAUD)], UNREAD)
            await store.claim("transactions", 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            assert sorted(await store.partitions()) == [(TOPIC, 0), ("transactions", 0)]
            assert await store.totals() == Ledger(consumed=10, scored=10)

    run(scenario())


def test_an_older_state_gets_no_verdict_that_would_hide_those_it_lacks(redis_url, namespace):
    """Stored to 4 by this reader; Redis comes back with 2."""

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.add_feedback(TOPIC, 0, 4, [(3, FRAUD)], UNREAD)
            known = await store.partition(TOPIC, 0)
            await redis.hset(f"streamer:{{{namespace}}}:partition:{TOPIC}:0", "offset", 2)
            with pytest.raises(
                StoreReplacedError, match=r"at least 4, .* got 2: Redis holds an older"
            ):
                await store.add_feedback(TOPIC, 0, 5, [(4, FRAUD)], known)
            assert len((await store.read_feedback(TOPIC, 0, 0, 10)).entries) == 1

    run(scenario())


@pytest.mark.parametrize("offsets", [[1, 0], [0, 0], [5]])
def test_offsets_must_grow_and_stay_below_the_next(redis_url, namespace, offsets):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            with pytest.raises(InvariantError, match="must grow and stay below 5"):
                await store.add_feedback(
                    TOPIC, 0, 5, [(offset, FRAUD) for offset in offsets], UNREAD
                )

    run(scenario())
