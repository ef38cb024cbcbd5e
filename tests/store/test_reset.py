"""A partition set to another offset: what is lost is counted, what is read again is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.ledger import Ledger, Loss
from streamer.errors import ConfigurationError, FencedError
from streamer.store import Committed, LogBounds, LogIdentity, PartitionRecord, ResetRequest
from streamer.store.reset import plan_reset
from tests.store.helpers import NOW_MS, UNREAD, opened, raw, run, step

TOPIC = "transactions"
FEEDBACK = "fraud-feedback"
FRAUD = {"verdict": "fraud"}


def stored(offset: int | None, log: LogIdentity) -> PartitionRecord:
    n = offset or 0
    return PartitionRecord(
        offset, Ledger(consumed=n, scored=n), 3, alerts_position=4, owner="w1", log=log
    )


def request(
    to: str, bounds: LogBounds, *, may_repeat: bool = False, committed: Committed | None = None
) -> ResetRequest:
    return ResetRequest(TOPIC, 0, to, bounds, "ann", "why not", may_repeat, committed)


def of_feedback(to: str, bounds: LogBounds, *, may_repeat: bool = False) -> ResetRequest:
    return ResetRequest(FEEDBACK, 0, to, bounds, "ann", "why not", may_repeat, is_feedback=True)


OLD = LogIdentity(epoch=0, topic_id="old", end=120)


@pytest.mark.parametrize(
    ("to", "bounds", "epoch", "losses"),
    [
        # Read to 100 of a log that reached 120: 20 were never read.  The new log has 30.
        ("beginning", LogBounds(0, 30, "new"), 1, [Loss(100, 120, "recreated")]),
        (
            "end",
            LogBounds(0, 30, "new"),
            1,
            [Loss(100, 120, "recreated"), Loss(0, 30, "operator")],
        ),
        (
            "300",
            LogBounds(0, 400, "new"),
            1,
            [Loss(100, 120, "recreated"), Loss(0, 300, "operator")],
        ),
        # The same log, cut to 80 and then grown to 90: what was not read of it is gone.
        ("end", LogBounds(0, 90, "old"), 1, [Loss(100, 120, "truncated")]),
        # The same log, passed over by 50, all of them there.
        ("150", LogBounds(0, 200, "old"), 0, [Loss(100, 150, "operator")]),
        # Deleted up to 140 before they were read; the rest to 150 is the operator's.
        (
            "150",
            LogBounds(140, 200, "old"),
            0,
            [Loss(100, 140, "retention"), Loss(140, 150, "operator")],
        ),
        ("beginning", LogBounds(140, 200, "old"), 0, [Loss(100, 140, "retention")]),
        # Where it is already.
        ("100", LogBounds(0, 200, "old"), 0, []),
        # A broker without topic ids: it is taken for the same log as long as it can be.
        ("end", LogBounds(0, 110, ""), 0, [Loss(100, 110, "operator")]),
    ],
)
def test_what_is_passed_over_is_lost_with_its_cause(to, bounds, epoch, losses):
    """The partition stands at 100 with 100 scored; the ledger stays balanced."""
    plan = plan_reset(stored(100, OLD), request(to, bounds))
    n_lost = sum(map(len, losses))
    assert list(plan.losses) == losses
    assert plan.after.ledger == Ledger(consumed=100 + n_lost, scored=100, lost=n_lost)
    assert plan.after.log == LogIdentity(epoch, bounds.topic_id, bounds.end)
    assert plan.after.generation == 4
    assert plan.n_repeated == 0


def test_going_back_in_the_same_log_needs_to_be_said_twice():
    bounds = LogBounds(0, 200, "old")
    with pytest.raises(ConfigurationError, match=r"60 records of the same log .* --again"):
        plan_reset(stored(100, OLD), request("40", bounds))
    plan = plan_reset(stored(100, OLD), request("40", bounds, may_repeat=True))
    assert (plan.after.offset, plan.n_repeated, plan.losses) == (40, 60, ())
    assert plan.after.log.epoch == 1


def test_in_a_log_that_was_cut_only_its_end_is_safe():
    """Nobody knows where the new records begin: up to 90 - 70 of them may have been read."""
    bounds = LogBounds(0, 90, "old")
    with pytest.raises(ConfigurationError, match=r"cut below 100 .* up to 20 records may"):
        plan_reset(stored(100, OLD), request("70", bounds))
    plan = plan_reset(stored(100, OLD), request("70", bounds, may_repeat=True))
    assert (plan.after.offset, plan.n_repeated) == (70, 20)


def test_the_loss_of_an_old_log_of_unknown_length_is_a_lower_bound():
    unknown = LogIdentity(0, "old", None)
    plan = plan_reset(stored(100, unknown), request("beginning", LogBounds(0, 30, "new")))
    assert (plan.losses, plan.is_loss_known) == ((), False)


def test_a_partition_that_was_never_read_loses_from_the_beginning_of_its_log():
    plan = plan_reset(stored(None, LogIdentity()), request("end", LogBounds(5, 30, "new")))
    assert plan.losses == (Loss(5, 30, "operator"),)
    assert plan.after.log.epoch == 0


@pytest.mark.parametrize("to", ["-1", "4", "31", "last", "", "٣"])
def test_a_place_outside_of_the_log_is_refused(to):
    with pytest.raises(ConfigurationError, match="an offset from 5 to 30"):
        plan_reset(stored(10, OLD), request(to, LogBounds(5, 30, "old")))


@given(
    st.none() | st.integers(0, 50),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["old", "new", ""]),
    st.none() | st.integers(0, 60),
    st.none() | st.builds(Committed, st.integers(0, 50), st.just("s"), st.integers(0, 4)),
)
def test_whatever_is_asked_for_the_ledger_balances_and_no_offset_means_two_records(
    offset, beginning, length, place, topic_id, old_end, committed
):
    bounds = LogBounds(beginning, beginning + length, topic_id)
    target = str(beginning + min(place, length))
    log = LogIdentity(2, "old", old_end)
    asked = request(target, bounds, may_repeat=True, committed=committed)
    plan = plan_reset(stored(offset, log), asked)
    after, before = plan.after, plan.before.log
    assert after.ledger.imbalance == 0
    assert after.ledger.lost == plan.n_lost == sum(map(len, plan.losses))
    assert all(len(loss) > 0 for loss in plan.losses)
    assert bounds.beginning <= after.offset <= bounds.end
    if after.log.epoch == before.epoch:
        assert plan.before.offset is None or after.offset >= plan.before.offset
        assert {before.topic_id, topic_id} != {"old", "new"}
    assert after.log.epoch >= before.epoch
    assert before.epoch >= (committed.epoch if offset is None and committed else log.epoch)


@pytest.mark.parametrize(
    ("to", "bounds", "epoch", "before", "after"),
    [
        # Cut below what was committed: where the new records begin nobody knows.
        ("end", LogBounds(0, 30, "old"), 3, [Loss(0, 40, "store")], []),
        # Another topic, read from its beginning or further on.
        ("beginning", LogBounds(0, 60, "new"), 3, [Loss(0, 40, "store")], []),
        ("10", LogBounds(5, 60, "new"), 3, [Loss(0, 40, "store")], [Loss(5, 10, "operator")]),
        # The same log: what is passed over is an operator's loss, what retention took is not.
        ("50", LogBounds(0, 60, "old"), 2, [Loss(0, 40, "store")], [Loss(40, 50, "operator")]),
        ("50", LogBounds(50, 60, "old"), 2, [Loss(0, 40, "store")], [Loss(40, 50, "retention")]),
    ],
)
def test_of_a_store_that_lost_it_all_the_commit_says_what_is_lost(to, bounds, epoch, before, after):
    """Nothing is stored; the group had committed 40 in epoch 2 of the topic "old"."""
    committed = Committed(40, "s0", 2, "old")
    plan = plan_reset(UNREAD, request(to, bounds, committed=committed))
    n_lost = sum(map(len, before + after))
    assert (list(plan.losses_before), list(plan.losses_after)) == (before, after)
    assert plan.after.ledger == Ledger(consumed=n_lost, lost=n_lost)
    assert plan.after.log == LogIdentity(epoch, bounds.topic_id, bounds.end)
    assert (plan.after.generation, plan.is_store_behind) == (1, True)
    # How much the old log still held nobody has written to Kafka.
    assert plan.is_loss_known is not plan.is_other_log


def test_an_emptied_store_may_have_all_of_the_same_log_read_again():
    """What is read again is not lost: of 40 committed the 25 before offset 25 are."""
    asked = request(
        "25", LogBounds(0, 60, "old"), may_repeat=True, committed=Committed(40, "s0", 0, "old")
    )
    plan = plan_reset(UNREAD, asked)
    assert (plan.losses, plan.n_repeated) == ((Loss(0, 25, "store"),), 15)
    assert plan.after.log.epoch == 1


def test_of_a_store_older_than_the_last_reset_the_commit_says_where_it_was():
    """Stored 100 in epoch 0, committed 70 in epoch 1: nobody knows how much lies between."""
    committed = Committed(70, "s0", 1, "old")
    plan = plan_reset(
        stored(100, OLD), request("end", LogBounds(0, 75, "old"), committed=committed)
    )
    assert plan.losses == (Loss(70, 75, "operator"),)
    assert (plan.after.log.epoch, plan.after.offset, plan.is_loss_known) == (1, 75, False)


def test_a_commit_of_an_epoch_before_or_of_this_one_changes_nothing():
    bounds = LogBounds(0, 200, "old")
    for committed in (Committed(20, "s0"), Committed(110, "s0")):
        plan = plan_reset(stored(100, OLD), request("150", bounds, committed=committed))
        assert plan == plan_reset(stored(100, OLD), request("150", bounds))


def test_a_reset_of_the_feedback_counts_in_no_ledger_and_keeps_places_growing():
    """Read to 100, of 120; the new log holds 30: place 100 is the next one's, as it was before."""
    before = PartitionRecord(100, Ledger(), 0, None, log=OLD, shift=7)
    plan = plan_reset(before, of_feedback("beginning", LogBounds(0, 30, "new")))
    assert plan.losses == (Loss(100, 120, "recreated"),)
    assert (plan.after.ledger, plan.after.shift) == (Ledger(), 107)
    # Passed over in the same log, places have a gap like offsets.
    plan = plan_reset(before, of_feedback("110", LogBounds(0, 120, "old")))
    assert (plan.after.shift, plan.after.log.epoch) == (7, 0)
    plan = plan_reset(before, of_feedback("60", LogBounds(0, 120, "old"), may_repeat=True))
    assert (plan.after.shift, plan.n_repeated) == (47, 40)


def test_a_reset_fences_the_owner_and_is_on_record(redis_url, namespace):
    """The next claim goes on from the new offset; the worker that had the partition is refused."""

    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10, alerts_position=4))
            done = await store.reset(request("25", LogBounds(0, 30, "id")), NOW_MS)
            assert done.losses == (Loss(10, 25, "operator"),)
            with pytest.raises(FencedError):
                await store.checkpoint(step(10, 20))
            record = await store.claim(TOPIC, 0, "w2", NOW_MS)
            assert (record.offset, record.generation, record.alerts_position) == (25, 3, 4)
            assert record.ledger == Ledger(consumed=25, scored=10, lost=15)
            assert record.log == LogIdentity(0, "id", 30)
            head = (await store.head()).id
            reset, loss, *_ = await store.lineage(10)
            assert loss["epoch"] == "0"
            assert reset == {
                "version": head,
                "reason": "reset",
                "why": "why not",
                "who": "ann",
                "at": "2023-11-14T22:13:20.123Z",
                "partition": "transactions/0",
                "from_offset": "10",
                "to_offset": "25",
                "epoch": "0",
                "generation": "2",
            }
            assert (loss["reason"], loss["cause"], loss["who"]) == ("loss", "operator", "ann")
            assert (loss["first_offset"], loss["next_offset"]) == ("10", "25")
            assert await redis.hget(f"streamer:{{{namespace}}}:partition:transactions:0", "owner")

    run(scenario())


def test_an_unknown_partition_is_not_set(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            for call in (
                lambda: store.planned_reset(request("end", LogBounds(0, 30))),
                lambda: store.reset(request("end", LogBounds(0, 30)), NOW_MS),
            ):
                with pytest.raises(ConfigurationError, match="got transactions/0"):
                    await call()
            assert await store.partitions() == {}

    run(scenario())


def test_a_partition_that_only_kafka_remembers_is_set_and_claimed_from_there(redis_url, namespace):
    """Nothing is stored, 40 were committed, the log was cut to 30."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            asked = request("end", LogBounds(0, 30, "id"), committed=Committed(40, "s0", 0, "id"))
            assert await store.planned_reset(asked) == await store.reset(asked, NOW_MS)
            assert [*await store.partitions()] == [(TOPIC, 0)]
            record = await store.claim(TOPIC, 0, "w1", NOW_MS)
            assert (record.offset, record.log) == (30, LogIdentity(1, "id", 30))
            assert record.ledger == Ledger(consumed=40, lost=40)
            _, loss = await store.lineage(10)
            assert (loss["cause"], loss["epoch"], loss["next_offset"]) == ("store", "0", "40")

    run(scenario())


def test_verdicts_of_a_topic_made_anew_are_stored_after_the_reset_each_once(redis_url, namespace):
    """Five of the old topic, three of the new one at the same offsets: eight, in one growing order."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            old = replace(UNREAD, log=LogIdentity(0, "old", 6))
            await store.add_feedback(FEEDBACK, 0, 5, [(n, FRAUD) for n in range(5)], old)
            known = replace(await store.partition(FEEDBACK, 0), log=LogIdentity(0, "old", 6))
            done = await store.reset(of_feedback("beginning", LogBounds(0, 3, "new")), NOW_MS)
            assert done.losses == (Loss(5, 6, "recreated"),)
            # Who still reads the old one stores nothing.
            with pytest.raises(FencedError, match="set to another offset"):
                await store.add_feedback(FEEDBACK, 0, 6, [(5, FRAUD)], known)
            now = await store.partition(FEEDBACK, 0)
            assert (now.offset, now.generation, now.log) == (0, 1, LogIdentity(1, "new", 3))
            new = [(n, FRAUD) for n in range(3)]
            assert await store.add_feedback(FEEDBACK, 0, 3, new, now) == 3
            assert await store.add_feedback(FEEDBACK, 0, 3, new, now) == 0
            read = await store.read_feedback(FEEDBACK, 0, 0, 100)
            assert [place for place, _ in read.entries] == list(range(8))
            assert (await store.read_feedback(FEEDBACK, 0, 5, 100)).entries == read.entries[5:]
            record = await store.partition(FEEDBACK, 0)
            assert (record.offset, record.n_stored, record.ledger) == (3, 8, Ledger())
            assert await store.totals() == Ledger()

    run(scenario())


def test_a_reset_counts_what_the_worker_did_meanwhile(redis_url, namespace):
    """Planned at 10, done at 18: 7 are lost and not 15."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            asked = request("25", LogBounds(0, 30, "id"))
            assert (await store.planned_reset(asked)).n_lost == 15
            await store.checkpoint(step(10, 18))
            assert (await store.reset(asked, NOW_MS)).n_lost == 7

    run(scenario())


def test_a_log_that_was_read_on_while_somebody_decided_is_not_taken_for_a_cut_one():
    """Seen at 10 of 10; the log has grown and is read up to 12: nothing was cut."""
    at_ten, at_twelve = (stored(offset, LogIdentity(0, "one", offset)) for offset in (10, 12))
    asked = replace(request("end", LogBounds(0, 10, "one")), seen=at_ten)
    with pytest.raises(ConfigurationError, match="it was read on meanwhile; say it again"):
        plan_reset(at_twelve, asked)
    assert plan_reset(at_twelve, replace(asked, seen=at_twelve)).is_other_log


def test_a_partition_at_the_same_offset_of_another_topic_is_not_where_it_was_seen():
    """Seen at 10 of a topic; since then set to its successor, which has grown and is read to 10."""
    seen, now = stored(10, LogIdentity(0, "one", 10)), stored(10, LogIdentity(1, "two", 10))
    asked = replace(request("end", LogBounds(0, 5, "two")), seen=seen)
    with pytest.raises(ConfigurationError, match="10 of topic id 'one', got 10 of topic id 'two'"):
        plan_reset(now, asked)


def test_a_topic_made_again_while_somebody_decided_is_not_read_twice(redis_url, namespace):
    """Decided on topic two, and three is there and read to 13: refused, its worker goes on."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS, LogIdentity(0, "one"))
            seen = await store.partition(TOPIC, 0)
            decided = replace(request("2", LogBounds(0, 2, "two")), seen=seen)
            assert (await store.planned_reset(decided)).is_other_log
            claimed = await store.claim(TOPIC, 0, "w1", NOW_MS, LogIdentity(0, "three"))
            three = replace(claimed.log, end=13)
            await store.checkpoint(replace(step(None, 13, generation=2), log=three))
            before = await store.partition(TOPIC, 0)
            told = "none of topic id 'one', got 13 of topic id 'three': it was read on meanwhile"
            with pytest.raises(ConfigurationError, match=told):
                await store.reset(decided, NOW_MS)
            assert await store.partition(TOPIC, 0) == before
            # Decided anew, on the topic that is there: of that the 13 have been read.
            anew = replace(request("2", LogBounds(0, 13, "three")), seen=before)
            with pytest.raises(ConfigurationError, match="11 records of the same log"):
                await store.reset(anew, NOW_MS)
            await store.checkpoint(replace(step(13, 20, generation=2), log=three))

    run(scenario())
