"""What the console keeps of a card's alerts and of their versions: bounded, with verdicts."""

from __future__ import annotations

from typing import Any

import msgspec

from streamer.store import Review, ReviewStore
from streamer.store.kept_versions import _MOST
from tests.store.test_reviews import alert, entry_of, on_store

NOW_MS = 1_773_454_320_000


def at(number: int, minute: int, card_id: str = "card-1") -> Any:
    """Return alert ``number`` on a payment ``minute`` minutes after two, and its message."""
    made, _ = alert(number)
    made = msgspec.structs.replace(
        made,
        event_time=made.event_time.replace(minute=minute),
        transaction=msgspec.structs.replace(made.transaction, card_id=card_id, latitude=52.5),
    )
    return made, msgspec.json.encode(made)


def test_alerts_stand_under_their_card_by_the_time_of_their_payments_with_verdicts(
    redis_url: str,
) -> None:
    async def work(store: ReviewStore) -> Any:
        await store.alerts.add([at(1, 5), at(2, 3), at(3, 9, "card-2"), at(4, 7)], NOW_MS)
        await store.alerts.add([at(2, 3)], NOW_MS)
        sent, begun = (Review(f"a-{n}", f"k-{n}", "fraud", "mona", NOW_MS) for n in (2, 4))
        for review in (sent, begun):
            await store.reviews.begin(review, 3_600_000)
        await store.reviews.acknowledged(sent, entry_of(sent))
        return await store.cards.of("card-1"), await store.cards.of("card-3")

    found, nothing = on_store(redis_url, work)
    assert [(each.alert_id, each.verdict) for each in found] == [
        ("a-2", "fraud"),
        ("a-1", ""),
        ("a-4", ""),
    ]
    assert (found[0].amount, found[0].latitude, found[0].longitude) == (10.0, 52.5, None)
    assert nothing == []


def test_of_a_card_the_forty_latest_are_kept_and_go_with_the_time(redis_url: str) -> None:
    async def work(store: ReviewStore) -> Any:
        await store.alerts.add([at(n, n) for n in range(50)], NOW_MS)
        found = await store.cards.of("card-1")
        pattern = store.client.keys.review("card", "*")
        [key] = [key async for key in store.client.redis.scan_iter(pattern)]
        return found, await store.client.redis.pttl(key)

    found, left_ms = on_store(redis_url, work)
    assert [each.alert_id for each in found] == [f"a-{n}" for n in range(10, 50)]
    assert 29 * 86_400_000 < left_ms <= 30 * 86_400_000


def test_the_versions_of_the_latest_alerts_outlive_the_streams_trimming(redis_url: str) -> None:
    async def work(store: ReviewStore) -> Any:
        kept, keys = store.kept_versions, store.client.keys
        names = [f"{n:064x}" for n in range(_MOST + 2)]
        for n, name in enumerate(names):
            await store.client.pipelined([("SET", keys.version(name), name)], atomic=False)
            await kept.keep([name, name], NOW_MS + n)
        await kept.keep([names[5]], NOW_MS + 1_000)
        await kept.keep(["never stored"], NOW_MS)
        trimmed = [("DEL", keys.version(name)) for name in names]
        await store.client.pipelined(trimmed, atomic=False)
        blobs = [await kept.blob(name) for name in names]
        return names, blobs, await kept.blob("never stored")

    names, blobs, never = on_store(redis_url, work)
    # One more makes room: that which was never stored has a place too.
    assert blobs == [None] * 3 + [name.encode() for name in names[3:]]
    assert never is None
