"""Claims of several alerts at once, while others claim and judge them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from streamer.store import Joint, Review, ReviewStore
from tests.store.test_reviews import HOUR_MS, alert, entry_of, on_store

IDS = ["a-1", "a-2", "a-3", "a-4"]


def test_of_two_who_claim_a_wave_at_once_each_alert_has_one_holder(redis_url: str) -> None:
    async def work(store: ReviewStore) -> Any:
        await store.alerts.add([alert(n) for n in range(1, 5)], 1_000)
        await store.claims.claim("a-2", "lea", HOUR_MS)
        tries = [
            store.waves.claim(ids, who, HOUR_MS)
            for who, ids in (("mona", IDS), ("noor", IDS[::-1]), ("mona", IDS[:1]))
        ]
        told = await asyncio.gather(*tries)
        return told, await store.claims.holders(IDS)

    told, holders = on_store(redis_url, work)
    first, second, _ = told
    assert holders[1] == "lea"
    assert len({*holders} - {"lea"}) == 1
    for found in (first, second):
        assert [found.holders[each] for each in IDS] == holders
    assert len(first.new) + len(second.new) + len(told[2].new) == 3


def test_what_was_judged_is_nobodys_and_what_is_let_go_of_is_free(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(n) for n in range(1, 4)], 1_000)
        review = Review("a-1", "k", "fraud", "mona", 1_000)
        await store.reviews.begin(review, HOUR_MS)
        await store.reviews.acknowledged(review, entry_of(review))
        claimed = await store.waves.claim(IDS, "noor", HOUR_MS)
        assert claimed.holders == {"a-1": "", "a-2": "noor", "a-3": "noor", "a-4": ""}
        assert claimed.new == ("a-2", "a-3")
        assert await store.waves.release(IDS, "mona") == []
        assert await store.waves.release(IDS, "noor") == ["a-2", "a-3"]
        assert await store.claims.holders(IDS) == [""] * 4

    on_store(redis_url, work)


def test_what_was_judged_at_once_is_known_to_who_did_it(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        joint = Joint("k", "card-0f", "fraud", "mona", 1_000, ["a-1", "a-2"])
        await store.waves.note(joint)
        assert await store.waves.joint("mona", "k") == joint
        assert await store.waves.joint("noor", "k") is None
        # What is known of a form stays as it was.
        other = msgspec.structs.replace(joint, verdict="legitimate")
        assert await store.waves.begin(other) == joint
        assert await store.waves.begin(msgspec.structs.replace(other, key="k2")) != joint

    on_store(redis_url, work)


def test_by_ticks_nobody_has_more_than_agreed_and_what_is_let_go_of_makes_room(
    redis_url: str,
) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(n) for n in range(1, 5)], 1_000)
        assert (await store.waves.tick(IDS[:2], "lea", HOUR_MS, 2)).new == ("a-1", "a-2")
        refused = await store.waves.tick(IDS[1:3], "lea", HOUR_MS, 2)
        assert (refused.holders, refused.new, refused.others) == ({}, (), ("a-1",))
        assert await store.claims.holders(IDS) == ["lea", "lea", "", ""]
        # The same again are no more than before; a wave of the queue is not of the ticks.
        assert (await store.waves.tick(IDS[:2], "lea", HOUR_MS, 2)).holders == dict.fromkeys(
            IDS[:2], "lea"
        )
        assert (await store.waves.claim(IDS[3:], "lea", HOUR_MS)).new == ("a-4",)
        await store.waves.release(IDS[:1], "lea")
        assert (await store.waves.tick(IDS[1:3], "lea", HOUR_MS, 2)).new == ("a-3",)

    on_store(redis_url, work)
