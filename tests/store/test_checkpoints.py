"""The atomic checkpoint: fenced, written once, and nothing in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.contract.ledger import Ledger, Loss
from streamer.errors import FencedError, InvariantError
from streamer.features.entities import EntityTable
from streamer.features.kinds import EntityKind
from streamer.features.packed import names_of
from streamer.indexing import fingerprints
from streamer.model import Scorer, Sums, learn_verdicts
from streamer.model.codec import state_id
from streamer.store import LogBounds, LogIdentity, ResetRequest, checkpoints, merging
from tests.store.helpers import CONFIG, NOW_MS, delta, opened, raw, run, step

TOPIC = "transactions"


def test_golden_layout_of_keys_and_fields(redis_url, namespace):
    async def scenario():
        entities = {"cards": {"card-1": b"\x01"}, "merchants": {"m-1": b"\x02"}}
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 3, "w1", NOW_MS)
            written = step(None, 10, partition=3, entities=entities, alerts_position=4)
            saved = (await store.checkpoint(written)).head
            prefix = f"streamer:{{{namespace}}}:".encode()
            keys = {
                key.removeprefix(prefix).decode() async for key in redis.scan_iter(prefix + b"*")
            }
            assert keys == {
                "identity",
                "model:head",
                "model:versions",
                f"model:version:{saved.id}",
                "lineage",
                "workers",
                "partitions",
                "partition:transactions:3",
                "cards:transactions:3",
                "merchants:transactions:3",
            }
            assert await redis.get(prefix + b"model:head") == saved.id.encode()
            assert await redis.hgetall(prefix + b"cards:transactions:3") == {b"card-1": b"\x01"}
            assert await redis.smembers(prefix + b"partitions") == {b"transactions:3"}
            assert await redis.zrange(prefix + b"model:versions", 0, -1, withscores=True) == [
                (saved.id.encode(), NOW_MS)
            ]
            assert await redis.hgetall(prefix + b"partition:transactions:3") == {
                b"generation": b"1",
                b"owner": b"w1",
                b"claimed_at_ms": b"1700000000123",
                b"saved_at_ms": b"1700000000123",
                b"offset": b"10",
                b"alerts_position": b"4",
                b"consumed": b"10",
                b"scored": b"10",
                b"dead_lettered": b"0",
                b"alerted": b"0",
                b"warming": b"0",
                b"repeated": b"0",
                b"skipped": b"0",
                b"lost": b"0",
                b"overflowed": b"0",
                b"recent_alerts": b"",
                b"budgets": b"",
                b"debt": b"0.0",
                b"told_cards": b"",
                b"waves": b"",
                b"epoch": b"0",
                b"topic_id": b"",
                b"entity_format": b"2",
            }
            assert await store.lineage(10) == [
                {
                    "version": saved.id,
                    "parent": state_id(Sums.zero(CONFIG)),
                    "reason": "merge",
                    "who": "w1",
                    "at": "2023-11-14T22:13:20.123Z",
                    "transactions_seen": "10",
                    "transactions_new": "10",
                    "partition": "transactions/3",
                    "generation": "1",
                    "next_offset": "10",
                }
            ]

    run(scenario())


def test_a_head_that_is_known_is_not_read_again_and_gives_the_same_version(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            known = await store.checkpoint(step(None, 10))
            before = store.commands["GET"]
            following = (await store.checkpoint(step(10, 30), known)).head
            # The store's identity, the head's id, what is watched and was replaced: no version.
            assert store.commands["GET"] - before == 4
            assert following.header.parent == known.head.id
            assert state_id((await store.head()).sums) == state_id(following.sums) == following.id
            assert following.sums.transactions_seen == 30

    run(scenario())


def test_a_head_that_another_has_moved_is_merged_with_whatever_was_known(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.claim(TOPIC, 1, "w1", NOW_MS)
            known = await store.checkpoint(step(None, 10))
            await store.checkpoint(step(None, 5, partition=1))
            following = (await store.checkpoint(step(10, 12), known)).head
            assert following.sums.transactions_seen == 17

    run(scenario())


def test_a_claim_returns_what_was_saved_and_counts_up(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            first = await store.claim(TOPIC, 0, "w1", NOW_MS)
            assert (first.generation, first.offset, first.alerts_position) == (1, None, None)
            assert first.ledger == Ledger()
            await store.checkpoint(step(None, 10, alerts_position=2))
            second = await store.claim(TOPIC, 0, "w2", NOW_MS)
            assert (second.generation, second.offset, second.alerts_position) == (2, 10, 2)
            assert second.ledger == Ledger(consumed=10, scored=10)
            assert await store.partitions() == {(TOPIC, 0): second}
            assert await store.totals() == second.ledger

    run(scenario())


def test_the_first_claims_say_of_which_topic_they_are(redis_url, namespace):
    """Until there is a checkpoint another topic is another epoch; then only a reset says so."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            logs = []
            for topic_id in ("one", "one", "two"):
                await store.claim(TOPIC, 0, "w1", NOW_MS, LogIdentity(0, topic_id))
                logs.append((await store.partition(TOPIC, 0)).log)
            assert logs == [LogIdentity(0, "one"), LogIdentity(0, "one"), LogIdentity(1, "two")]
            saved = replace(step(None, 10), generation=3, log=LogIdentity(1, "two", 10))
            await store.checkpoint(saved)
            await store.claim(TOPIC, 0, "w1", NOW_MS, LogIdentity(1, "three"))
            assert (await store.partition(TOPIC, 0)).log == LogIdentity(1, "two", 10)

    run(scenario())


def test_of_two_claimers_the_older_is_fenced(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as old, opened(redis_url, namespace) as new:
            await old.claim(TOPIC, 0, "w1", NOW_MS)
            await new.claim(TOPIC, 0, "w2", NOW_MS)
            with pytest.raises(FencedError, match="1 by 'w1', got 2 by 'w2'; claim the partition"):
                await old.checkpoint(step(None, 10))
            assert (await new.head()).sums.transactions_seen == 0
            saved = (await new.checkpoint(step(None, 7, generation=2, owner="w2"))).head
            assert saved.sums.transactions_seen == 7

    run(scenario())


def test_an_older_claimer_of_the_same_offsets_is_not_told_that_it_saved_them(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.claim(TOPIC, 0, "w2", NOW_MS)
            await store.checkpoint(step(None, 10, generation=2, owner="w2"))
            with pytest.raises(FencedError):
                await store.checkpoint(step(None, 10))

    run(scenario())


def test_a_claim_between_the_reads_and_the_write_fences(redis_url, namespace, monkeypatch):
    async def scenario():
        async with opened(redis_url, namespace) as old, opened(redis_url, namespace) as new:
            await old.claim(TOPIC, 0, "w1", NOW_MS)
            original = checkpoints.trimmable

            async def interrupted(*args, **kwargs):
                monkeypatch.setattr(checkpoints, "trimmable", original)
                await new.claim(TOPIC, 0, "w2", NOW_MS)
                return await original(*args, **kwargs)

            monkeypatch.setattr(checkpoints, "trimmable", interrupted)
            with pytest.raises(FencedError):
                await old.checkpoint(step(None, 10))
            assert (await new.head()).sums.transactions_seen == 0

    run(scenario())


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schedule=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), max_size=20))
def test_concurrent_checkpoints_of_different_partitions_lose_nothing(
    redis_url, namespace, schedule
):
    """Each partition's worker has a connection of its own; all write the same head."""
    namespace = f"{namespace}-{abs(hash(tuple(schedule)))}"

    async def worker(partition):
        sizes = [size for at, size in schedule if at == partition]
        rng = np.random.default_rng(partition)
        async with opened(redis_url, namespace, rng=rng) as store:
            base = (await store.claim(TOPIC, partition, "w1", NOW_MS)).offset
            generation = (await store.partitions())[TOPIC, partition].generation
            for size in sizes:
                following = (base or 0) + size
                await store.checkpoint(
                    step(base, following, partition=partition, generation=generation)
                )
                base = following
            return base

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            # Hypothesis may run one schedule twice.
            async for key in redis.scan_iter(f"streamer:{{{namespace}}}:*"):
                await redis.delete(key)
            offsets = await asyncio.gather(*(worker(partition) for partition in range(4)))
            head = await store.head()
            n_total = sum(size for _, size in schedule)
            assert head.sums.transactions_seen == n_total
            assert (await store.totals()).scored == n_total
            assert head.header.offsets == {
                f"{TOPIC}/{partition}": offset
                for partition, offset in enumerate(offsets)
                if offset is not None
            }
            lineage = await store.lineage(100)
            assert len(lineage) == len(schedule)
            # Each version is built on the one before it: no branch, so nothing was overwritten.
            assert [entry["parent"] for entry in lineage[:-1]] == [
                entry["version"] for entry in lineage[1:]
            ]

    run(scenario())


def test_a_repeated_checkpoint_changes_nothing(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            first = (await store.checkpoint(step(None, 10))).head
            again = (await store.checkpoint(step(None, 10))).head
            assert again.id == first.id
            assert len(await store.lineage(10)) == 1

    run(scenario())


def test_a_checkpoint_from_another_offset_is_a_broken_invariant(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            with pytest.raises(InvariantError, match=r"must be 5, from which .* got 10"):
                await store.checkpoint(step(5, 20))
            with pytest.raises(InvariantError, match=r"must be None, .* got 10"):
                await store.checkpoint(step(None, 20))
            assert (await store.head()).sums.transactions_seen == 10

    run(scenario())


def test_without_transactions_no_version_is_made_but_the_rest_is_saved(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            nothing = Sums.zero(CONFIG)
            # Ten dead letters, and then a change of a card without any offset.
            await store.checkpoint(step(None, 10, learned=nothing))
            cards = {"cards": {"card-1": b"\x01"}}
            await store.checkpoint(step(10, 10, learned=nothing, entities=cards))
            assert await store.versions() == []
            assert (await store.partitions())[TOPIC, 0].offset == 10
            assert await store.load_entities(TOPIC, 0, {"cards": ["card-1"]}) == cards

    run(scenario())


def test_what_verdicts_taught_is_merged_though_no_payment_came(redis_url, namespace):
    """With one dead letter that moves the offset, and without: offered again they are merged once."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            lessons = Sums.zero(CONFIG)
            version = Scorer.of("", (await store.head()).sums, CONFIG)
            vectors = np.full((3, CONFIG.n_inputs + 2), 0.5, dtype=np.float32)
            frauds, weights = np.array([1.0, 0.0, 0.0]), np.ones(3)
            learn_verdicts(lessons, version, vectors, np.arange(3), frauds, weights)
            for base, n_verdicts in ((10, 3), (11, 6), (11, 9)):
                taught = step(base, 11, learned=lessons)
                for _ in range(2):
                    cursors = {"fraud-feedback/0": n_verdicts}
                    await store.checkpoint(replace(taught, cursors=cursors))
                    assert (await store.partitions())[TOPIC, 0].cursors == cursors
                    assert (await store.head()).sums.verdicts_learned == n_verdicts
            assert (await store.head()).sums.transactions_seen == 10

    run(scenario())


def test_a_crash_between_the_reads_and_the_write_leaves_nothing(redis_url, namespace, monkeypatch):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            before = {key async for key in redis.scan_iter(f"streamer:{{{namespace}}}:*")}
            record = await store.partitions()

            def crash(*_):
                raise MemoryError

            with monkeypatch.context() as patch:
                patch.setattr(merging, "advance", crash)
                with pytest.raises(MemoryError):
                    await store.checkpoint(step(None, 10, entities={"cards": {"c": b"\x01"}}))
            assert {key async for key in redis.scan_iter(f"streamer:{{{namespace}}}:*")} == before
            assert await store.partitions() == record
            assert (await store.checkpoint(step(None, 10))).head.sums.transactions_seen == 10

    run(scenario())


def test_a_checkpoint_must_balance_and_span_its_transactions():
    with pytest.raises(InvariantError, match="ledger of transactions/0 must balance, got 1"):
        replace(step(None, 10), ledger=Ledger(consumed=10, scored=9))
    with pytest.raises(
        InvariantError, match="must span its transactions, got 6 in offsets 5 to 10"
    ):
        step(5, 10, learned=delta(6))
    with pytest.raises(InvariantError, match="got 0 in offsets 10 to 5"):
        step(10, 5, learned=delta(0))


def test_an_entity_kind_cannot_take_the_name_of_another_key(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            with pytest.raises(InvariantError, match="got 'partition'"):
                await store.load_entities(TOPIC, 0, {"partition": ["0"]})

    run(scenario())


def test_entity_tables_survive_a_round_trip_in_chunks(redis_url, namespace):
    kind = EntityKind("cards", {"payments": 3600.0})
    cards = fingerprints([f"card-é{i}" for i in range(12_001)])
    keys = names_of(cards)

    async def scenario():
        table = EntityTable(kind, 20_000)
        rows = table.rows(cards, to_change=True)
        table.records["time_ms"][rows] = NOW_MS + np.arange(len(keys))
        table.records["payments"][rows] = np.random.default_rng(1).normal(size=len(keys))
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 12_001, entities={"cards": table.take_changed()}))
            wanted = {"cards": [*keys, "17"], "merchant_verdicts": [keys[0]], "merchants": []}
            found = await store.load_entities(TOPIC, 0, wanted)
        assert found["cards"]["17"] is None
        assert found["merchant_verdicts"] == {keys[0]: None}
        assert found["merchants"] == {}
        loaded = EntityTable(kind, 20_000)
        loaded.load(found["cards"])
        back = loaded.rows(cards)
        # The one that is not stored has an empty row now: there is nothing more to look up.
        assert len(loaded) == len(keys) + 1
        assert loaded.records[back].tobytes() == table.records[rows].tobytes()

    run(scenario())


@pytest.mark.parametrize("told", [None, "3"])
def test_entities_of_another_format_are_refused_at_the_claim(
    redis_url: str, redis_namespace: str, told: str | None
) -> None:
    """The first one was not told; nothing is claimed, and a reset does not make it another one."""

    async def scenario() -> None:
        key = f"streamer:{{{redis_namespace}}}:partition:{TOPIC}:0"
        async with opened(redis_url, redis_namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(replace(step(None, 10), generation=2))
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            if told is None:
                await redis.hdel(key, "entity_format")
            else:
                await redis.hset(key, "entity_format", told)
            for _ in range(2):
                with pytest.raises(
                    InvariantError, match=rf"format 2, got {told or 1}: .*NAMESPACE"
                ):
                    await store.claim(TOPIC, 0, "w2", NOW_MS)
                log = LogBounds(0, 30)
                await store.reset(ResetRequest(TOPIC, 0, "end", log, "ann", "x"), NOW_MS)
            assert (await store.partition(TOPIC, 0)).owner == "w1"

    run(scenario())


def test_a_loss_is_in_the_lineage_in_the_same_step(redis_url: str, redis_namespace: str) -> None:
    """Which offsets, why, and who found out; the checkpoint's own entry comes after it."""

    async def scenario() -> None:
        async with opened(redis_url, redis_namespace) as store:
            await store.claim("transactions", 0, "w1", NOW_MS)
            lost = Loss(4, 7, "retention")
            await store.checkpoint(replace(step(None, 10), losses=(lost,)))
            merge, loss = await store.lineage(10)
            assert merge["reason"] == "merge"
            assert {name: loss[name] for name in ("reason", "cause", "who", "partition")} == {
                "reason": "loss",
                "cause": "retention",
                "who": "w1",
                "partition": "transactions/0",
            }
            assert (loss["first_offset"], loss["next_offset"]) == ("4", "7")

    run(scenario())
