"""Where to go on: every combination of what Redis, the group and the log may say."""

from __future__ import annotations

import pytest

from streamer.contract.ledger import Ledger, Loss
from streamer.store import Committed, LogBounds, LogIdentity, PartitionRecord
from streamer.stream.scoring.resume import PartitionFaultError, Resumption, resume


def record(offset: int | None, topic_id: str = "one", epoch: int = 0) -> PartitionRecord:
    return PartitionRecord(offset, Ledger(), 1, None, log=LogIdentity(epoch, topic_id))


def go_on(
    offset: int | None,
    committed: Committed | None = None,
    log: LogBounds | None = None,
    topic_id: str = "one",
    epoch: int = 0,
) -> Resumption:
    log = LogBounds(0, 100, "one") if log is None else log
    return resume("payments", 3, record(offset, topic_id, epoch), committed, log, "s1")


def test_what_was_never_read_is_read_from_the_beginning_of_its_log() -> None:
    """Nothing stored, nothing committed: counts begin where the log does."""
    assert go_on(None, log=LogBounds(7, 100, "one")) == Resumption(7, None)


@pytest.mark.parametrize("offset", [0, 40, 100])
def test_a_stored_offset_in_the_log_is_where_to_go_on(offset: int) -> None:
    """Up to the end of the log, where the next record will be."""
    assert go_on(offset, Committed(min(offset, 40), "s1")) == Resumption(offset, offset)


def test_records_deleted_before_they_were_read_are_a_loss() -> None:
    """Stored 40, the log begins at 60: 20 records are gone."""
    found = go_on(40, log=LogBounds(60, 100, "one"))
    assert (found.offset, found.next_offset) == (60, 60)
    assert found.losses == (Loss(40, 60, "retention"),)
    assert "20 records of payments/3" in found.notice
    assert found.count(Ledger(40, 40)) == Ledger(consumed=60, scored=40, lost=20)


def test_an_emptied_redis_goes_on_in_the_epoch_that_kafka_was_told() -> None:
    """Epoch 0's alert at 50 is another record's than epoch 1's."""
    found = go_on(None, Committed(40, "old", epoch=1))
    assert (found.offset, found.epoch) == (40, 1)


def test_what_goes_to_kafka_with_an_offset_comes_back_and_another_s_text_says_nothing() -> None:
    """Store, epoch and topic id; a release before told no topic, and another tool nothing."""
    told = Committed(7, "a1", 2, "2EvXBC+uQf20w/cUSmlIwg")
    assert Committed.told(7, told.metadata) == told
    assert Committed.told(7, "store=a1;epoch=2") == Committed(7, "a1", 2)
    assert Committed.told(7, "by hand") == Committed(7)


def test_an_offset_beyond_the_end_is_a_fault_that_names_the_way_out() -> None:
    """Stored 101 of 100: nobody knows which records those at 0 to 99 are."""
    with pytest.raises(
        PartitionFaultError,
        match=r"0 to 100, got 101: .*`streamer partition reset 3 --topic payments --to",
    ):
        go_on(101)


def test_another_topic_under_the_same_name_is_a_fault_even_when_it_is_longer() -> None:
    """The offset fits and the topic id does not."""
    with pytest.raises(PartitionFaultError, match=r"topic id one, got two: .*created again"):
        go_on(40, log=LogBounds(0, 100, "two"))


@pytest.mark.parametrize(("stored", "now"), [("", "two"), ("one", "")])
def test_a_topic_id_that_one_side_does_not_know_proves_nothing(stored: str, now: str) -> None:
    """A record of an earlier release, or a broker without topic ids."""
    assert go_on(40, log=LogBounds(0, 100, now), topic_id=stored).offset == 40


@pytest.mark.parametrize("store_id", ["", "s0", "s1"])
def test_an_empty_redis_loses_what_was_committed_and_says_so(store_id: str) -> None:
    """Nothing stored, 40 committed: 40 offsets are gone, and reading goes on at 40."""
    found = go_on(None, Committed(40, store_id))
    assert (found.offset, found.next_offset) == (40, 40)
    assert found.losses == (Loss(0, 40, "store"),)
    assert "Redis is not the one that this service left" in found.notice
    assert found.count(Ledger()) == Ledger(consumed=40, lost=40)


def test_an_empty_redis_and_retention_are_two_losses() -> None:
    """40 committed, the log begins at 60."""
    found = go_on(None, Committed(40), LogBounds(60, 100, "one"))
    assert found.losses == (Loss(0, 40, "store"), Loss(40, 60, "retention"))
    assert (found.offset, found.count(Ledger()).lost) == (60, 60)


def test_an_empty_redis_and_a_log_that_ends_earlier_is_a_fault() -> None:
    """40 committed of 30."""
    with pytest.raises(PartitionFaultError, match="committed offset of payments/3"):
        go_on(None, Committed(40), LogBounds(0, 30, "one"))


def test_an_older_redis_is_gone_on_with_where_it_is_and_told() -> None:
    """Stored 30, committed 40: ten records are read again, exactly as before."""
    found = go_on(30, Committed(40, "s1"))
    assert (found.offset, found.losses) == (30, ())
    assert "Redis is older" in found.notice


def test_an_empty_redis_and_another_topic_is_a_fault() -> None:
    """40 committed of the topic "one", and the topic is "two" now, which is longer."""
    with pytest.raises(PartitionFaultError, match=r"topic id one, got two: .* partition reset 3"):
        go_on(None, Committed(40, "s0", 0, "one"), LogBounds(0, 100, "two"))


def test_a_commit_from_before_a_reset_is_no_sign_of_an_older_redis() -> None:
    """Set back to 30 in epoch 1; 40 was committed in epoch 0."""
    assert go_on(30, Committed(40, "s1", 0), epoch=1) == Resumption(30, 30, epoch=1)


def test_a_redis_from_before_the_last_reset_is_a_fault() -> None:
    """Its offset 30 in epoch 0 may be another record's than that which epoch 1 begins with."""
    with pytest.raises(PartitionFaultError, match=r"which began epoch 1, got epoch 0: .* restore"):
        go_on(30, Committed(40, "s1", 1))


def test_another_topic_than_was_claimed_before_the_first_checkpoint_begins_an_epoch() -> None:
    """Alerts that are out are on the other topic's records: offset 5 there is none of these."""
    found = go_on(None, log=LogBounds(0, 100, "two"), topic_id="one", epoch=1)
    assert (found.offset, found.next_offset, found.epoch) == (0, None, 2)
