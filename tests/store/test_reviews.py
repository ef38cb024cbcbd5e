"""Claims and verdicts of several people on a few alerts: one holder, one verdict, in any order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.messages import Alert, Center, Source, Transaction
from streamer.store import Begun, Review, ReviewStore
from streamer.store.judged_alerts import JudgedAlert, judged_alert

_SPACES = count()
T0 = datetime(2026, 3, 14, 2, 12, tzinfo=UTC)
PEOPLE = "mona", "noor", "lea"
HOUR_MS = 3_600_000


def alert(number: int, score: float = 0.999, severity: str = "high") -> tuple[Alert, bytes]:
    """Return an alert without reasons, as seen ``number`` minutes after two, and its message."""
    payment = Transaction(f"t-{number}", "card-1", 10.0, "EUR", T0)
    made = Alert(
        alert_id=f"a-{number}",
        transaction=payment,
        score=score,
        distance=1.0,
        distance_sq=1.0,
        threshold=0.5,
        severity=severity,  # type: ignore[arg-type]
        reasons=[],
        other_contribution=0.0,
        nearest_center=Center(0, 0.5, []),
        model_version="0f",
        source=Source("transactions", 0, number),
        event_time=T0,
        scored_at=T0.replace(minute=number),
        mode="normal",
    )
    return made, msgspec.json.encode(made)


def entry_of(review: Review) -> JudgedAlert:
    """Return what the log keeps of a verdict."""
    made, _ = alert(1)
    made = msgspec.structs.replace(made, alert_id=review.alert_id)
    said = review.who, review.verdict, review.decided_ms
    return judged_alert(made, *said, is_correction=bool(review.overrules))


def on_store(url: str, work: Callable[[ReviewStore], Awaitable[Any]], capacity: int = 1_000) -> Any:
    """Return what ``work`` makes of a namespace of its own."""

    async def run() -> Any:
        store = ReviewStore.open(
            url,
            timeout_s=30.0,
            namespace=f"reviews-{next(_SPACES)}",
            capacity=capacity,
            most_claims=20,
            rng=np.random.default_rng(7),
        )
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def verdict(alert_id: str, who: str, key: str, what: str = "fraud", at_ms: int = 1_000) -> Review:
    return Review(alert_id, key, what, who, at_ms)  # type: ignore[arg-type]


def test_an_alert_that_is_read_again_comes_once_also_after_it_was_judged(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        twice = [alert(1), alert(2), alert(1)]
        assert await store.alerts.add(twice, 0) == 2
        begun = await store.reviews.begin(verdict("a-1", "mona", "k1"), HOUR_MS)
        assert begun.review is not None
        await store.reviews.acknowledged(begun.review, entry_of(begun.review))
        added = await asyncio.gather(*(store.alerts.add(twice, 1) for _ in range(5)))
        assert added == [0] * 5
        counts, rows = await store.alerts.rows()
        assert [row.alert_id for row in rows] == ["a-2"]
        assert (counts.open, counts.arrived, counts.judged, counts.dropped) == (1, 2, 1, 0)

    on_store(redis_url, work)


def test_the_oldest_make_room_but_not_what_somebody_has(redis_url: str) -> None:
    """Room for 3; 1 is the oldest and claimed, so 2 and 3 go when 4 and 5 come."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(n) for n in (1, 2, 3)], 0)
        await store.claims.claim("a-1", "mona", HOUR_MS)
        await store.alerts.add([alert(n) for n in (4, 5)], 0)
        counts, rows = await store.alerts.rows()
        assert {row.alert_id for row in rows} == {"a-1", "a-4", "a-5"}
        assert (counts.open, counts.dropped) == (3, 2)
        assert await store.alerts.alert("a-2") is None
        assert await store.alerts.was_here("a-2")
        assert await store.alerts.add([alert(2)], 0) == 0

    on_store(redis_url, work, capacity=3)


def test_an_alert_whose_verdict_is_not_confirmed_makes_no_room_without_its_claim(
    redis_url: str,
) -> None:
    """Room for 2; 1 is the oldest and was judged while Kafka was away, so 2 goes when 3 comes."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1), alert(2)], 0)
        first = verdict("a-1", "mona", "k")
        await store.reviews.given_up(await store.reviews.begin(first, HOUR_MS))
        await store.claims.release("a-1", "mona")
        await store.alerts.add([alert(3)], 0)
        _, rows = await store.alerts.rows()
        assert {row.alert_id for row in rows} == {"a-1", "a-3"}
        assert (await store.reviews.begin(first, HOUR_MS)).outcome == "send"

    on_store(redis_url, work, capacity=2)


def test_severity_ranks_before_score(redis_url: str) -> None:
    async def work(store: ReviewStore) -> list[str]:
        wanted = [alert(1, 1.0, "medium"), alert(2, 0.99, "critical"), alert(3, 1.0, "high")]
        await store.alerts.add([*wanted, alert(4, 0.995, "critical")], 0)
        _, rows = await store.alerts.rows()
        return [row.alert_id for row in rows]

    assert on_store(redis_url, work) == ["a-4", "a-2", "a-3", "a-1"]


def test_a_claim_ends_by_itself_and_then_is_anybodys(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        assert (await store.claims.claim("a-1", "mona", 150)).holder == "mona"
        assert (await store.claims.claim("a-1", "noor", HOUR_MS)).holder == "mona"
        while (await store.claims.holders(["a-1"])) == ["mona"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await store.claims.claim("a-1", "noor", HOUR_MS)).holder == "noor"
        begun = await store.reviews.begin(verdict("a-1", "mona", "k"), HOUR_MS)
        assert (begun.outcome, begun.holder) == ("held", "noor")

    on_store(redis_url, work)


def test_of_many_who_open_one_alert_at_once_one_gets_it(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        people = [f"reviewer-{n}" for n in range(30)]
        claims = [store.claims.claim("a-1", who, HOUR_MS) for who in people]
        holders = {claimed.holder for claimed in await asyncio.gather(*claims)}
        assert len(holders) == 1
        assert await store.claims.holders(["a-1"]) == list(holders)

    on_store(redis_url, work)


def test_the_same_form_sent_at_once_is_sent_by_one_and_goes_on_as_it_was(redis_url: str) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        forms = [verdict("a-1", "mona", "k", at_ms=1_000 + n) for n in range(10)]
        begun = await asyncio.gather(*(store.reviews.begin(each, HOUR_MS) for each in forms))
        assert Counter(each.outcome for each in begun) == {"send": 1, "sending": 9}
        [attempt] = [each for each in begun if each.outcome == "send"]
        first = attempt.review
        assert first is not None
        # Kafka did not acknowledge: the next attempt is the same decision, of the same time.
        await store.reviews.given_up(attempt)
        again = await store.reviews.begin(verdict("a-1", "mona", "k", at_ms=9_000), HOUR_MS)
        assert again == Begun("send", first)
        await store.reviews.acknowledged(first, entry_of(first))
        assert (await store.reviews.begin(forms[0], HOUR_MS)).outcome == "sent"
        other = await store.reviews.begin(verdict("a-1", "noor", "k2"), HOUR_MS)
        assert (other.outcome, other.review and other.review.who) == ("closed", "mona")

    on_store(redis_url, work)


def test_a_verdict_that_never_arrived_may_be_replaced_by_a_later_one(redis_url: str) -> None:
    """In case it had arrived: the later decision stands."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        first = verdict("a-1", "mona", "k1", "fraud", at_ms=5_000)
        await store.reviews.given_up(await store.reviews.begin(first, HOUR_MS))
        begun = await store.reviews.begin(
            verdict("a-1", "mona", "k2", "legitimate", 4_000), HOUR_MS
        )
        assert begun.review is not None
        assert (begun.outcome, begun.review.verdict) == ("send", "legitimate")
        assert begun.review.decided_ms == 5_001

    on_store(redis_url, work)


def test_an_attempt_whose_time_was_over_ends_no_other(redis_url: str) -> None:
    """The first lock has expired, the second attempt is under way when the first is given up."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        wanted = verdict("a-1", "mona", "k")
        late = await store.reviews.begin(wanted, HOUR_MS)
        sending = store.client.keys.review("sending", "a-1")
        await store.client.pipelined([("DEL", sending)], atomic=False)
        second = await store.reviews.begin(wanted, HOUR_MS)
        await store.reviews.given_up(late)
        assert (await store.reviews.begin(wanted, HOUR_MS)).outcome == "sending"
        assert not await store.reviews.still(late)
        assert await store.reviews.still(second)
        await store.reviews.given_up(second)
        assert not await store.reviews.still(second)
        assert (await store.reviews.begin(wanted, HOUR_MS)).outcome == "send"

    on_store(redis_url, work)


def test_nobody_gets_more_alerts_than_agreed_and_those_that_ended_do_not_count(
    redis_url: str,
) -> None:
    """Of twenty, one is let go and one judged, so that two more are hers: 21 and 22, and no 23rd."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(n) for n in range(1, 24)], 0)
        opened = [store.claims.claim(f"a-{n}", "mona", HOUR_MS) for n in range(1, 22)]
        claimed = await asyncio.gather(*opened)
        assert [each.holder for each in claimed].count("mona") == 20
        [refused] = [each for each in claimed if each.holder == ""]
        assert len(refused.others) == 20
        hers = sorted(refused.others)
        assert (await store.claims.claim(hers[0], "mona", HOUR_MS)).holder == "mona"
        await store.claims.release(hers[0], "mona")
        begun = await store.reviews.begin(verdict(hers[1], "mona", "k"), HOUR_MS)
        assert begun.review is not None
        await store.reviews.acknowledged(begun.review, entry_of(begun.review))
        free = sorted({f"a-{n}" for n in range(1, 24)} - {*hers})
        found = [await store.claims.claim(each, "mona", HOUR_MS) for each in free]
        assert [each.holder for each in found] == ["mona", "mona", ""]
        assert (await store.claims.claim(free[2], "noor", HOUR_MS)).holder == "noor"

    on_store(redis_url, work)


@pytest.mark.parametrize(("what", "comment"), [("legitimate", ""), ("fraud", "edited")])
def test_another_decision_in_the_same_form_is_sent_in_place_of_what_did_not_arrive(
    redis_url: str, what: str, comment: str
) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        first = verdict("a-1", "mona", "k", "fraud", at_ms=5_000)
        await store.reviews.given_up(await store.reviews.begin(first, HOUR_MS))
        wanted = msgspec.structs.replace(
            verdict("a-1", "mona", "k", what, at_ms=4_000), comment=comment
        )
        begun = await store.reviews.begin(wanted, HOUR_MS)
        assert begun.review is not None
        assert (begun.outcome, begun.review.verdict) == ("send", what)
        assert (begun.review.comment, begun.review.decided_ms) == (comment, 5_001)
        # The first attempt hears of Kafka after all: that marks nothing.
        assert await store.reviews.acknowledged(first, entry_of(first)) == Begun(
            "closed", begun.review
        )
        assert await store.reviews.review("a-1") == begun.review
        await store.reviews.acknowledged(begun.review, entry_of(begun.review))
        assert (await store.reviews.begin(wanted, HOUR_MS)).outcome == "sent"
        assert (await store.reviews.begin(first, HOUR_MS)).outcome == "closed"

    on_store(redis_url, work)


def test_a_verdict_is_overruled_at_any_time_by_anybody_who_was_shown_it(redis_url: str) -> None:
    """An hour later, by the other verdict; of two who were shown the same the first is heard."""

    async def work(store: ReviewStore) -> None:
        reviews = store.reviews
        assert (await reviews.overrule(verdict("a-1", "noor", "k2"), 5_000)).outcome == "gone"
        await store.alerts.add([alert(1)], 0)
        first = verdict("a-1", "mona", "k1", "fraud", at_ms=5_000)
        await reviews.begin(first, HOUR_MS)
        # What was not acknowledged is not overruled.
        early = verdict("a-1", "noor", "k2", "legitimate", at_ms=6_000)
        assert (await reviews.overrule(early, 5_000)).outcome == "sending"
        await reviews.acknowledged(first, entry_of(first))
        same = verdict("a-1", "noor", "k2", "fraud", at_ms=HOUR_MS)
        assert (await reviews.overrule(same, 5_000)).outcome == "closed"
        # The clock of the second console is behind.
        wanted = verdict("a-1", "noor", "k2", "legitimate", at_ms=4_000)
        assert (await reviews.overrule(wanted, 4_999)).outcome == "closed"
        begun = await reviews.overrule(wanted, 5_000)
        assert (begun.outcome, begun.review and begun.review.overrules) == ("send", "fraud")
        assert begun.review is not None
        assert begun.review.decided_ms == 5_001
        assert (await reviews.overrule(wanted, 5_000)).outcome == "sending"
        await reviews.given_up(begun)
        again = await reviews.overrule(wanted, 5_000)
        assert (again.outcome, again.review) == ("send", begun.review)
        await reviews.acknowledged(begun.review, entry_of(begun.review))
        assert (await reviews.overrule(wanted, 5_000)).outcome == "sent"
        late = verdict("a-1", "lea", "k3", "legitimate", at_ms=HOUR_MS)
        assert (await reviews.overrule(late, 5_000)).outcome == "closed"
        back = verdict("a-1", "mona", "k4", "fraud", at_ms=HOUR_MS)
        assert (await reviews.overrule(back, 5_001)).outcome == "send"
        assert (await store.alerts.counts()).judged == 1

    on_store(redis_url, work)


@pytest.mark.parametrize(
    ("who", "after_ms", "outcome"),
    [("mona", 60_000, "send"), ("mona", 60_001, "late"), ("noor", 1, "closed")],
)
def test_a_verdict_is_corrected_by_who_gave_it_within_a_minute_and_once(
    redis_url: str, who: str, after_ms: int, outcome: str
) -> None:
    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1)], 0)
        first = verdict("a-1", "mona", "k1", "fraud", at_ms=5_000)
        await store.reviews.begin(first, HOUR_MS)
        await store.reviews.acknowledged(first, entry_of(first))
        at_ms = 5_000 + after_ms
        wanted = verdict("a-1", who, "undo-k1", at_ms=at_ms)
        begun = await store.reviews.correct(wanted, at_ms)
        assert begun.outcome == outcome
        if begun.outcome != "send" or begun.review is None:
            return
        assert (begun.review.verdict, begun.review.overrules) == ("legitimate", "fraud")
        assert begun.review.decided_ms > first.decided_ms
        await store.reviews.acknowledged(begun.review, entry_of(begun.review))
        assert (await store.reviews.correct(wanted, at_ms)).outcome == "sent"
        third = verdict("a-1", who, "undo-undo", at_ms=at_ms)
        assert (await store.reviews.correct(third, at_ms)).outcome == "closed"
        assert (await store.alerts.counts()).judged == 1

    on_store(redis_url, work)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "release", "expire", "judge", "take"]),
        st.sampled_from(PEOPLE),
        st.integers(1, 2),
    ),
    max_size=25,
)


@given(steps=_STEPS)
def test_no_steps_of_anybody_give_an_alert_to_two_or_two_verdicts_to_one(
    redis_url: str, steps: list[tuple[str, str, int]]
) -> None:
    """A model of two dictionaries beside Redis: holders, and who judged."""

    async def work(store: ReviewStore) -> None:
        await store.alerts.add([alert(1), alert(2)], 0)
        holders: dict[str, str] = {}
        judged: dict[str, str] = {}
        for n, (step, who, number) in enumerate(steps):
            alert_id = f"a-{number}"
            holder, is_open = holders.get(alert_id, ""), alert_id not in judged
            if step == "claim":
                expected = (holder or who) if is_open else ""
                assert (await store.claims.claim(alert_id, who, HOUR_MS)).holder == expected
                if expected:
                    holders[alert_id] = expected
            elif step == "release":
                assert await store.claims.release(alert_id, who) == (holder == who)
                if holder == who:
                    del holders[alert_id]
            elif step == "take":
                named = PEOPLE[PEOPLE.index(who) - 1]
                expected = who if holder == named else holder
                assert (await store.claims.take(alert_id, who, named, HOUR_MS)).holder == expected
                if expected:
                    holders[alert_id] = expected
            elif step == "expire":
                key = store.client.keys.review("claim", alert_id)
                await store.client.pipelined([("PEXPIRE", key, 0)], atomic=False)
                holders.pop(alert_id, None)
            else:
                begun = await store.reviews.begin(verdict(alert_id, who, f"k{n}"), HOUR_MS)
                if not is_open:
                    assert begun.outcome == "closed"
                    assert begun.review is not None
                    assert begun.review.who == judged[alert_id]
                elif holder not in ("", who):
                    assert (begun.outcome, begun.holder) == ("held", holder)
                else:
                    assert begun.review is not None
                    await store.reviews.acknowledged(begun.review, entry_of(begun.review))
                    judged[alert_id] = who
                    holders.pop(alert_id, None)
            told = await store.claims.holders(["a-1", "a-2"])
            assert told == [holders.get("a-1", ""), holders.get("a-2", "")]

    on_store(redis_url, work)
