"""Second opinions in Redis: one of several at once, no more than agreed, nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from streamer.durations import DAY_MS
from streamer.store import Review, ReviewStore, reviews
from streamer.store.open_alerts import row_of
from streamer.store.twice_judged import Twice
from tests.store.test_reviews import HOUR_MS, alert, entry_of, on_store, verdict

LATER_MS = 100_000


async def judged(store: ReviewStore, number: int, who: str = "mona") -> Review:
    """Judge an alert fraud, and draw it for a second opinion."""
    wanted = verdict(f"a-{number}", who, f"k{number}")
    begun = await store.reviews.begin(wanted, HOUR_MS)
    assert begun.review is not None
    made, _ = alert(number)
    drawn = Twice(row_of(made), who, wanted.decided_ms)
    await store.reviews.acknowledged(begun.review, entry_of(begun.review), drawn)
    return begun.review


async def opinion(store: ReviewStore, who: str, what: str = "fraud", task: Any = "second") -> Any:
    wanted = verdict("a-1", who, f"by {who}", what, LATER_MS)
    return await store.twice.begin(wanted, task, HOUR_MS, is_lead=task == "ruling")


async def pending_of(store: ReviewStore) -> list[tuple[str, str]]:
    return [(each.row.alert_id, each.state) for each in await store.twice.pending()]


def test_of_many_who_give_a_second_opinion_at_once_one_is_kept(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        await judged(store, 1)
        assert (await opinion(store, "mona")).outcome == "closed"
        people = [f"reviewer-{n}" for n in range(10)]
        begun = await asyncio.gather(*(opinion(store, who) for who in people))
        found = Counter(each.outcome for each in begun)
        assert (found["send"], found["sending"] + found["held"]) == (1, 9)
        [attempt] = [each for each in begun if each.outcome == "send"]
        kept = attempt.review
        assert (await store.twice.acknowledged(kept, "second", entry_of(kept))).outcome == "sent"
        assert (await store.twice.acknowledged(kept, "second", entry_of(kept))).outcome == "sent"
        log = store.client.keys.review("pairs")
        assert await store.client.pipelined([("XLEN", log)], atomic=False) == [1]
        again = await opinion(store, kept.who)
        assert (again.outcome, again.review) == (
            "sent",
            msgspec.structs.replace(kept, is_sent=True),
        )
        [pair] = await store.twice.pairs()
        assert (pair.first_who, pair.second_who, pair.first, pair.second) == (
            *("mona", kept.who),
            *("fraud", "fraud"),
        )
        assert await pending_of(store) == []

    on_store(redis_url, work)


def test_an_opinion_that_never_arrived_is_sent_as_it_was_or_replaced_by_a_later_one(
    redis_url: str,
) -> None:
    """Then it is no split's, and a ruling on it is by neither."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        await judged(store, 1)
        first = await opinion(store, "noor", "legitimate")
        await store.reviews.given_up(first)
        assert (await opinion(store, "noor", "legitimate")).review == first.review
        await store.client.pipelined(
            [("DEL", *(store.client.keys.review(n, "a-1") for n in ("claim", "sending")))],
            atomic=False,
        )
        other = await opinion(store, "lea", "legitimate")
        assert (other.outcome, other.review.decided_ms) == ("send", LATER_MS + 1)
        late = await store.twice.acknowledged(first.review, "second", entry_of(first.review))
        assert late.outcome == "closed"
        await store.twice.acknowledged(other.review, "second", entry_of(other.review))
        assert await pending_of(store) == [("a-1", "split")]
        for who in ("mona", "lea"):
            assert (await opinion(store, who, task="ruling")).outcome == "closed"
        ruling = await opinion(store, "lars", "fraud", "ruling")
        await store.twice.acknowledged(ruling.review, "ruling", entry_of(ruling.review))
        assert await pending_of(store) == []
        # It confirms the first verdict, which stands as it was.
        review = await store.reviews.review("a-1")
        assert review is not None
        assert (review.who, review.overrules) == ("mona", "")
        assert [each.who for each in await store.judged.latest()] == ["mona"]
        [pair] = await store.twice.pairs()
        assert (pair.ruling, pair.ruled_by) == ("fraud", "lars")

    on_store(redis_url, work)


def test_a_ruling_is_later_than_the_verdict_before_it_where_a_clock_is_behind(
    redis_url: str,
) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        first = await judged(store, 1)
        # Taken back by a console whose clock is ahead of the lead's.
        undo = verdict("a-1", "mona", f"undo-{first.key}", at_ms=LATER_MS + 500)
        begun = await store.reviews.correct(undo, 2_000)
        assert begun.review is not None
        await store.reviews.acknowledged(begun.review, entry_of(begun.review))
        second = await opinion(store, "noor", "fraud")
        await store.twice.acknowledged(second.review, "second", entry_of(second.review))
        assert await pending_of(store) == [("a-1", "split")]
        ruling = await opinion(store, "lea", "fraud", "ruling")
        assert ruling.review.decided_ms == LATER_MS + 501

    on_store(redis_url, work)


def test_what_is_drawn_while_too_many_wait_is_counted_and_asked_of_nobody(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "MOST_PENDING", 1)

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1), alert(2)], 0)
        await judged(store, 1)
        await judged(store, 2)
        assert await pending_of(store) == [("a-1", "waiting")]
        assert await store.twice.not_asked() == 1
        assert await store.twice.of("a-2") is None

    on_store(redis_url, work)


def test_an_alert_that_waits_is_kept_for_thirty_days_also_after_its_verdict_is_taken_back(
    redis_url: str,
) -> None:
    """Others for a day; what nobody gave an opinion on by then is asked of nobody."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        first = await judged(store, 1)
        undo = verdict("a-1", "mona", f"undo-{first.key}", at_ms=2_000)
        begun = await store.reviews.correct(undo, 2_000)
        assert begun.review is not None
        await store.reviews.acknowledged(begun.review, entry_of(begun.review))
        place = store.client.keys.review("alert", "a-1")
        [left_ms] = await store.client.pipelined([("PTTL", place)], atomic=False)
        assert 29 * DAY_MS < left_ms <= 30 * DAY_MS
        assert await pending_of(store) == [("a-1", "waiting")]
        gone = store.client.keys.review("twice", "a-1")
        await store.client.pipelined([("DEL", gone)], atomic=False)
        assert await pending_of(store) == []
        assert (await store.claims.look("a-1")).is_open is False

    on_store(redis_url, work)


def test_what_waits_is_kept_with_its_alert_and_what_has_lost_it_is_nobodys(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        await judged(store, 1)
        keys = [store.client.keys.review(name, "a-1") for name in ("alert", "verdict", "twice")]
        for key in keys[:2]:
            await store.client.pipelined([("PEXPIRE", key, HOUR_MS)], atomic=False)
        said = await opinion(store, "noor", "legitimate")
        for key in keys[:2]:
            [left_ms] = await store.client.pipelined([("PTTL", key)], atomic=False)
            assert left_ms > 29 * DAY_MS
            await store.client.pipelined([("PEXPIRE", key, HOUR_MS)], atomic=False)
        await store.twice.acknowledged(said.review, "second", entry_of(said.review))
        left = await store.client.pipelined([("PTTL", key) for key in keys], atomic=False)
        assert min(left) > 29 * DAY_MS
        await store.client.pipelined([("DEL", keys[0])], atomic=False)
        assert not (await store.claims.claim("a-1", "lea", HOUR_MS)).is_open

    on_store(redis_url, work)
