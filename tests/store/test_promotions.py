"""Canaries, promotions that are watched, and the ways back: two branches of the model in Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamer.errors import ConfigurationError, StoreReplacedError
from streamer.model.codec import VersionHeader
from streamer.store import Counted, Wish
from streamer.watching import Counts, WatchLimits
from tests.store.helpers import CONFIG, NOW_MS, delta, opened, run, step

TOPIC = "transactions"
FOR_MS = 600_000
LIMITS = WatchLimits(min_payments=10)


def with_alerts(n: int) -> Counts:
    return Counts(payments=1_000, ranked=1_000, due=100, alerts=n)


# At most twice what is due and four standard errors: 200 + 4 sqrt(200) = 256.6 of 100.
ENOUGH, BAD = with_alerts(90), with_alerts(257)


def wish(version: str, reason: str = "promotion", now_ms: int = NOW_MS, **more) -> Wish:
    return Wish(version, reason, "ana", now_ms, limits=LIMITS, **more)


async def with_two_partitions(store):
    """A head of 10 + 20 payments of two partitions, and another version of 1,000, which is stored."""
    for partition in (0, 1):
        await store.claim(TOPIC, partition, "w1", NOW_MS)
        await store.checkpoint(step(None, 10 + 10 * partition, partition=partition))
    header = VersionHeader("", "2023-11-14T22:13:20.123Z", "fit", CONFIG.hash)
    other = await store.put_version(delta(1_000, seed=9), header)
    return (await store.head()).id, other


def counted(checkpoint, watch_id, counts, *, beside=False):
    return replace(checkpoint, counted=(Counted(watch_id, beside, counts),))


def test_each_partition_teaches_the_branch_that_scores_it_and_each_payment_is_learned_once(
    redis_url, namespace
):
    """One step with a canary's partition and another: what both branches have added is what was
    scored, whichever ends, and a delta in flight goes to the branch that its partition has by then."""

    async def scenario():
        async with opened(redis_url, namespace, versions_kept=2) as store:
            _, other = await with_two_partitions(store)
            await store.trials.start_canary(wish(other, "canary"), 1, FOR_MS)
            heads = await store.checkpoint(step(10, 15), None, step(20, 27, partition=1))
            assert heads.canary.sums.transactions_seen == 1_000 + 5
            assert heads.head.sums.transactions_seen == 30 + 7
            assert heads.of(0) is heads.canary
            assert heads.of(1) is heads.head
            assert (await store.heads()).canary.id == heads.canary.id
            for i in range(15, 25):
                await store.checkpoint(step(i, i + 1, now_ms=NOW_MS + i))
            # Nobody has learned for the head: ten versions came after it, and two are kept.
            assert (await store.head()).id == heads.head.id
            in_flight = step(25, 28)
            ended = await store.trials.end_canary(wish("", "rollback", why="no"))
            assert ended.n_partitions == 1
            after = await store.checkpoint(in_flight)
            assert after.canary is None
            assert after.head.sums.transactions_seen == 30 + 7 + 3
            merges = [e for e in await store.lineage(100) if e["reason"] == "merge"]
            scored = (await store.totals()).scored
            assert sum(int(e["transactions_new"]) for e in merges) == scored == 28 + 27
            assert [e.get("branch") for e in merges].count("canary") == 11

    run(scenario())


def test_a_canary_is_made_the_head_once_its_time_is_over_and_it_was_met(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            before, other = await with_two_partitions(store)
            watch = await store.trials.start_canary(wish(other, "canary"), 1, FOR_MS)
            over_ms = NOW_MS + FOR_MS
            assert await store.trials.settle("w1", over_ms) is None
            await store.checkpoint(counted(step(10, 15), watch.id, ENOUGH))
            assert await store.trials.settle("w1", over_ms - 1) is None
            settled = await store.trials.settle("w1", over_ms)
            assert settled.degraded is None
            assert settled.heads.head.sums.transactions_seen == 1_005
            heads = await store.heads()
            assert (heads.head.id, heads.canary) == (settled.heads.head.id, None)
            (entry,) = await store.lineage(1)
            assert (entry["reason"], entry["who"], entry["replaced"]) == ("promotion", "w1", before)
            assert entry["automatic"] == "true"
            assert entry["why"] == "a canary on 1 partitions for 600 s: nothing degraded"
            assert await store.trials.promoted_at_ms() == over_ms
            # It is watched on, now as a promotion, by its own limits.
            assert (heads.watch.kind, heads.watch.replaced) == ("promotion", before)
            assert heads.watch.until_ms == over_ms + 30 * 60_000
            assert heads.watch.limits == LIMITS
            assert await store.trials.settle("w2", over_ms) is None

    run(scenario())


def test_a_canary_that_degrades_is_ended_and_the_head_stays(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            before, other = await with_two_partitions(store)
            watch = await store.trials.start_canary(wish(other, "canary"), 1, FOR_MS)
            with pytest.raises(ConfigurationError, match="one version at a time must be on trial"):
                await store.set_head(wish(other))
            await store.checkpoint(counted(step(10, 15), watch.id, BAD))
            settled = await store.trials.settle("w1", NOW_MS)
            assert settled.degraded.figure == "budget"
            assert settled.degraded.told == "257 alerted where 100 alerts were due, at most 256"
            assert (await store.heads()).canary is None
            assert (await store.head()).id == before
            (entry,) = await store.lineage(1)
            assert (entry["reason"], entry["version"]) == ("rollback", before)
            assert entry["canary"] == settled.watch.canary
            assert "replaced" not in entry

    run(scenario())


def test_a_promotion_that_degrades_is_gone_back_from_once_and_not_promoted_again(
    redis_url, namespace
):
    """By whichever worker sees it first; what was scored before it, or learned since, is left alone."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            good, other = await with_two_partitions(store)
            await store.checkpoint(counted(step(10, 15), 0, ENOUGH))
            good = (await store.head()).id
            promoted = await store.set_head(wish(other))
            watch = await store.trials.watch()
            assert (watch.kind, watch.replaced, watch.before) == ("promotion", good, ENOUGH)
            # Scored by the head before: none of the new one's figures.
            await store.checkpoint(counted(step(15, 20), watch.id - 1, BAD))
            assert await store.trials.settle("w1", NOW_MS) is None
            bad = await store.checkpoint(
                counted(step(20, 25), watch.id, ENOUGH),
                None,
                counted(step(20, 22, partition=1), watch.id, BAD + BAD),
            )
            assert bad.watch.facts == Counts(payments=3_000, ranked=3_000, due=300, alerts=604)
            assert await store.trials.settle("w1", NOW_MS) is None
            # 604 + 310 alerts, where 300 + 100 were due: 800 + 4 sqrt(800) = 913.1 are the limit.
            await store.checkpoint(counted(step(25, 30), watch.id, with_alerts(310)))
            left = (await store.head()).id
            settled = await store.trials.settle("w1", NOW_MS + 5)
            assert settled.degraded == (
                "budget",
                "914 alerted where 400 alerts were due, at most 913",
            )
            assert await store.trials.settle("w2", NOW_MS + 5) is None
            assert (await store.heads()).head.id == good
            (entry,) = [e for e in await store.lineage(3) if e["reason"] == "rollback"]
            assert (entry["version"], entry["replaced"]) == (good, left)
            assert entry["automatic"] == "true"
            assert entry["why"].startswith("budget: ")
            # Nothing is watched now, however bad it is: no rollback follows another by itself.
            now = await store.trials.watch()
            await store.checkpoint(counted(step(30, 35), now.id, BAD + BAD))
            assert await store.trials.settle("w1", NOW_MS + 10**9) is None
            for unwanted in (other, promoted, left):
                with pytest.raises(ConfigurationError, match="gone back from must be promoted by"):
                    await store.set_head(wish(unwanted))
            await store.set_head(wish(other, is_forced=True))
            assert (await store.trials.watch()).kind == "promotion"

    run(scenario())


def test_a_promotion_that_holds_is_watched_no_longer_and_counted_on(redis_url, namespace):
    """What is counted of it is what the next one is held against."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            _, other = await with_two_partitions(store)
            await store.set_head(wish(other))
            watch = await store.trials.watch()
            await store.checkpoint(counted(step(10, 15), watch.id, ENOUGH))
            assert (await store.trials.settle("w1", watch.until_ms)).degraded is None
            assert (await store.trials.watch()).kind == "none"
            await store.checkpoint(counted(step(15, 20), watch.id, BAD))
            assert await store.trials.settle("w1", watch.until_ms + 1) is None
            header = VersionHeader("", "2023-11-14T22:13:20.123Z", "fit", CONFIG.hash)
            third = await store.put_version(delta(500, seed=4), header)
            await store.set_head(wish(third))
            assert (await store.trials.watch()).before == ENOUGH + BAD

    run(scenario())


def test_a_worker_of_another_store_goes_back_nowhere(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, opened(redis_url, namespace) as other:
            _, bad = await with_two_partitions(store)
            await store.checkpoint(counted(step(10, 15), 0, ENOUGH))
            await store.set_head(wish(bad))
            watch = await store.trials.watch()
            await store.checkpoint(counted(step(15, 20), watch.id, BAD))
            other._identity.seen = "another"
            with pytest.raises(StoreReplacedError):
                await other.trials.settle("w2", NOW_MS)
            assert (await store.trials.watch()).id == watch.id

    run(scenario())


def test_a_rollback_goes_to_what_has_been_the_head_and_to_nothing_else(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            before, other = await with_two_partitions(store)
            with pytest.raises(
                ConfigurationError, match="a version that has been the head"
            ) as told:
                await store.set_head(wish(other, "rollback"))
            assert f"got {other[:12]}, which has not" in str(told.value)
            # A canary is scored with, and is no head.
            await store.trials.start_canary(wish(other, "canary"), 1, FOR_MS)
            with pytest.raises(ConfigurationError, match="a version that has been the head"):
                await store.set_head(wish(other, "rollback"))
            await store.trials.end_canary(wish("", "rollback", why="no"))
            assert (await store.head()).id == before
            promoted = await store.set_head(wish(other, is_forced=True))
            await store.set_head(wish(before, "rollback"))
            # It has been one, under either id.
            await store.set_head(wish(other, "rollback"))
            assert (await store.head()).id == promoted

    run(scenario())
