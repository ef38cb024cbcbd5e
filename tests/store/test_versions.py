"""Versions: immutable, found by their beginning, trimmed but never the head."""

from __future__ import annotations

import pytest

from streamer.errors import ConfigurationError, InvariantError
from streamer.model import Sums, advance
from streamer.model.codec import VersionHeader, decode_version, state_id
from streamer.store import Wish, checkpoints, promotions, versions
from tests.store.helpers import CONFIG, NOW_MS, delta, opened, raw, run, step

TOPIC = "transactions"


def header(created_at: str = "2023-11-14T22:13:20.123Z", reason: str = "fit") -> VersionHeader:
    return VersionHeader("", created_at, reason, CONFIG.hash)


def test_without_any_version_the_head_is_zero(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            head = await store.head()
            assert head.id == state_id(Sums.zero(CONFIG))
            assert head.header.parent == ""
            assert head.sums.transactions_seen == 0
            assert await store.versions() == []
            assert await store.lineage(5) == []

    run(scenario())


def test_versions_are_trimmed_oldest_first(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace, versions_kept=3) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            saved = []
            for n in range(6):
                base = n * 10 or None
                saved.append(
                    (await store.checkpoint(step(base, n * 10 + 10, now_ms=NOW_MS + n))).head
                )
            infos = await store.versions()
            assert [info.id for info in infos] == [head.id for head in reversed(saved[3:])]
            assert [info.is_head for info in infos] == [True, False, False]
            assert [info.transactions_seen for info in infos] == [60, 50, 40]
            blobs = [k async for k in redis.scan_iter(f"streamer:{{{namespace}}}:model:version:*")]
            assert len(blobs) == 3

    run(scenario())


@pytest.mark.parametrize("versions_kept", [1, 2])
def test_the_head_is_never_trimmed_though_its_clock_is_behind(redis_url, namespace, versions_kept):
    async def scenario():
        async with opened(redis_url, namespace, versions_kept=versions_kept) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            for n in range(5):
                base = n * 10 or None
                saved = (
                    await store.checkpoint(step(base, n * 10 + 10, now_ms=NOW_MS - 1000 * n))
                ).head
                assert (await store.head()).id == saved.id
                assert saved.id in [info.id for info in await store.versions()]
                assert len(await store.versions()) <= versions_kept

    run(scenario())


def test_what_the_last_promotions_replaced_is_kept_however_many_versions_follow(
    redis_url, namespace
):
    """A bad promotion is found minutes later, when the two versions kept are long newer ones."""

    async def scenario():
        async with opened(redis_url, namespace, versions_kept=2) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            candidate = (await store.checkpoint(step(None, 10))).head
            replaced = (await store.checkpoint(step(10, 20, now_ms=NOW_MS + 1))).head
            promoted = await store.set_head(Wish(candidate.id, "bad", "ana", NOW_MS + 2))
            for i in range(20, 60, 10):
                await store.checkpoint(step(i, i + 10, now_ms=NOW_MS + i))
            left = [version.id for version in await store.versions()]
            assert left[-1] == replaced.id
            assert len(left) == 3
            assert promoted not in left
            bad = (await store.head()).id
            await store.set_head(Wish(replaced.id, "rollback", "ana", NOW_MS + 100))
            for i in range(60, 75, 5):
                await store.checkpoint(step(i, i + 5, now_ms=NOW_MS + 100 + i))
            left = [version.id for version in await store.versions()]
            assert left[2:] == [bad, replaced.id]

    run(scenario())


def test_a_head_that_was_stored_long_before_it_became_one_is_not_trimmed(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace, versions_kept=1) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            same = advance(Sums.zero(CONFIG), delta(10), CONFIG)
            stored = await store.put_version(same, header("2020-01-01T00:00:00Z"))
            assert (await store.checkpoint(step(None, 10))).head.id == stored
            assert (await store.head()).id == stored

    run(scenario())


def test_what_somebody_stored_waits_for_its_promotion_however_many_versions_follow(
    redis_url, namespace
):
    """Ten of them: the eleventh takes the place of the first, unless that was stored again."""

    async def scenario():
        async with opened(redis_url, namespace, versions_kept=2) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            brought = []
            for n in range(1, 12):
                sums = advance(Sums.zero(CONFIG), delta(n), CONFIG)
                brought.append(await store.put_version(sums, header("2020-01-01T00:00:00Z")))
                if n == 10:
                    again = advance(Sums.zero(CONFIG), delta(1), CONFIG)
                    assert (
                        await store.put_version(again, header("2020-01-01T00:00:00Z")) == brought[0]
                    )
            for i in range(20, 80, 10):
                base = i if i > 20 else None
                head = (await store.checkpoint(step(base, i + 10, now_ms=NOW_MS + i))).head
            left = {version.id for version in await store.versions()}
            assert left & set(brought) == set(brought) - {brought[1]}
            assert head.id in left
            assert len(left) == 12
            assert await store.set_head(Wish(brought[0], "good", "ana", NOW_MS + 100))

    run(scenario())


def test_a_version_stored_again_while_a_checkpoint_trims_it_is_kept(
    redis_url, namespace, monkeypatch
):
    """The checkpoint has read what it may trim, and must look again."""
    monkeypatch.setattr(versions, "_BROUGHT_KEPT", 1)

    async def scenario():
        async with opened(redis_url, namespace, versions_kept=1) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            old = advance(Sums.zero(CONFIG), delta(3), CONFIG)
            stored = await store.put_version(old, header("2020-01-01T00:00:00Z"))
            other = advance(Sums.zero(CONFIG), delta(4), CONFIG)
            await store.put_version(other, header("2020-01-02T00:00:00Z"))
            original = checkpoints.trimmable

            async def interrupted(*args):
                found = await original(*args)
                monkeypatch.setattr(checkpoints, "trimmable", original)
                assert stored in found
                await store.put_version(old, header("2020-01-01T00:00:00Z"))
                return found

            monkeypatch.setattr(checkpoints, "trimmable", interrupted)
            await store.checkpoint(step(None, 10))
            assert stored in {version.id for version in await store.versions()}

    run(scenario())


def interrupt_first_read(monkeypatch, interruption, module=versions):
    """Run ``interruption`` once, between naming a version and reading its file."""
    original = module.blob_of

    async def interrupted(*args):
        monkeypatch.setattr(module, "blob_of", original)
        await interruption()
        return await original(*args)

    monkeypatch.setattr(module, "blob_of", interrupted)


def test_a_head_trimmed_while_it_is_read_is_read_again(redis_url, namespace, monkeypatch):
    async def scenario():
        async with opened(redis_url, namespace, versions_kept=1) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            interrupt_first_read(monkeypatch, lambda: store.checkpoint(step(10, 15)))
            assert (await store.head()).sums.transactions_seen == 15

    run(scenario())


def test_a_version_trimmed_while_it_is_promoted_is_unknown(redis_url, namespace, monkeypatch):
    async def scenario():
        async with opened(redis_url, namespace, versions_kept=2) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            first = (await store.checkpoint(step(None, 10))).head
            await store.checkpoint(step(10, 15, now_ms=NOW_MS + 1))
            third = step(15, 20, now_ms=NOW_MS + 2)
            interrupt_first_read(monkeypatch, lambda: store.checkpoint(third), promotions)
            with pytest.raises(ConfigurationError, match="one of the 2 stored"):
                await store.set_head(Wish(first.id, "rollback", "ana", NOW_MS))
            assert (await store.head()).sums.transactions_seen == 20

    run(scenario())


def test_an_evicted_head_is_a_broken_invariant(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            saved = (await store.checkpoint(step(None, 10))).head
            await redis.delete(f"streamer:{{{namespace}}}:model:version:{saved.id}")
            with pytest.raises(InvariantError, match="maxmemory-policy must be noeviction"):
                await store.checkpoint(step(10, 20))

    run(scenario())


def test_a_rollback_is_recorded_and_learning_goes_on_from_there(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            first = (await store.checkpoint(step(None, 10))).head
            second = (await store.checkpoint(step(10, 20, now_ms=NOW_MS + 1))).head
            assert await store.trials.promoted_at_ms() is None
            await store.set_head(Wish(first.id[:12], "rollback", "ana", NOW_MS + 2))
            assert (await store.head()).id == first.id
            assert await store.trials.promoted_at_ms() == NOW_MS + 2
            assert (await store.lineage(1))[0] == {
                "version": first.id,
                "parent": first.header.parent,
                "reason": "rollback",
                "who": "ana",
                "at": "2023-11-14T22:13:20.125Z",
                "transactions_seen": "10",
                "replaced": second.id,
            }
            await store.set_head(Wish(first.id, "rollback", "ana", NOW_MS + 3))
            assert len(await store.lineage(10)) == 3
            assert await store.trials.promoted_at_ms() == NOW_MS + 2
            third = (await store.checkpoint(step(20, 25))).head
            assert third.header.parent == first.id
            assert third.sums.transactions_seen == 15
            assert third.header.offsets == {"transactions/0": 25}

    run(scenario())


def test_an_unknown_version_is_named(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            for wanted in ("beef", ""):
                with pytest.raises(
                    ConfigurationError, match=f"one of the 0 stored, got '{wanted}'"
                ):
                    await store.version(wanted)
                with pytest.raises(ConfigurationError, match="streamer model list"):
                    await store.set_head(Wish(wanted, "promotion", "ana", NOW_MS))

    run(scenario())


def test_a_beginning_must_be_unambiguous(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            # Of 17 hexadecimal ids two begin with the same digit.
            ids = [await store.put_version(delta(n), header()) for n in range(17)]
            digits = [version_id[0] for version_id in ids]
            shared = next(digit for digit in digits if digits.count(digit) > 1)
            with pytest.raises(ConfigurationError, match=f"unambiguous, got '{shared}'"):
                await store.version(shared)
            blob, found = await store.version(ids[0][:20])
            assert found.id == ids[0]
            assert decode_version(blob, CONFIG)[0].transactions_seen == 0

    run(scenario())


def test_a_stored_version_is_immutable(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            version_id = await store.put_version(delta(3), header(reason="fit"))
            later = header("2024-01-01T00:00:00Z", reason="import")
            assert await store.put_version(delta(3), later) == version_id
            [info] = await store.versions()
            assert (info.reason, info.transactions_seen, info.is_head) == ("fit", 3, False)
            await store.set_head(Wish(version_id, "promotion", "ana", NOW_MS))
            assert (await store.head()).sums.transactions_seen == 3

    run(scenario())


def test_limits_must_be_positive(redis_url, namespace):
    async def scenario():
        with pytest.raises(ConfigurationError, match="versions_kept must be >= 1, got 0"):
            async with opened(redis_url, namespace, versions_kept=0):
                pass

    run(scenario())
