"""A partition set to another offset: what is lost is counted, what is read again is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import ConfigurationError, FencedError
from streamer.ledger import Ledger, Loss
from streamer.store import LogBounds, LogIdentity, PartitionRecord, ResetRequest
from streamer.store.reset import plan_reset
from tests.store.helpers import NOW_MS, opened, raw, run, step

TOPIC = "transactions"


def stored(offset: int | None, log: LogIdentity) -> PartitionRecord:
    n = offset or 0
    return PartitionRecord(
        offset, Ledger(consumed=n, scored=n), 3, alerts_position=4, owner="w1", log=log
    )


def request(to: str, bounds: LogBounds, *, may_repeat: bool = False) -> ResetRequest:
    return ResetRequest(TOPIC, 0, to, bounds, "ann", "why not", may_repeat)


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
)
def test_whatever_is_asked_for_the_ledger_balances_and_no_offset_means_two_records(
    offset, beginning, length, place, topic_id, old_end
):
    bounds = LogBounds(beginning, beginning + length, topic_id)
    target = str(beginning + min(place, length))
    log = LogIdentity(2, "old", old_end)
    plan = plan_reset(stored(offset, log), request(target, bounds, may_repeat=True))
    after = plan.after
    assert after.ledger.imbalance == 0
    assert after.ledger.lost == plan.n_lost == sum(map(len, plan.losses))
    assert all(len(loss) > 0 for loss in plan.losses)
    assert bounds.beginning <= after.offset <= bounds.end
    if after.log.epoch == 2:
        assert offset is None or after.offset >= offset
        assert topic_id != "new"


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
