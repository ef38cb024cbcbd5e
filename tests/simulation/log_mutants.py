"""The protocol, broken where a log is not the one that was left, or Redis is not: see `mutants`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from streamer.store import (
    Checkpoint,
    Committed,
    LogIdentity,
    PartitionRecord,
    Reset,
    ResetRequest,
    checkpoints,
    feedback,
    resetting,
)
from streamer.store.identity import Identity
from streamer.stream.scoring import claiming
from streamer.stream.scoring import resume as resuming
from streamer.stream.scoring.claiming import Claiming

__all__ = ["LOG_MUTANTS"]


@contextmanager
def _planned(change: Any) -> Iterator[None]:
    plan_reset = resetting.plan_reset

    def mutated(*args: Any) -> Reset:
        plan = plan_reset(*args)
        return replace(plan, after=change(plan))

    with patch.object(resetting, "plan_reset", mutated):
        yield


@contextmanager
def reset_does_not_declare() -> Iterator[None]:
    """What a reset passes over is missing from ledger and lineage."""
    plan_reset = resetting.plan_reset

    def mutated(*args: Any) -> Reset:
        plan = plan_reset(*args)
        after = replace(plan.after, ledger=plan.before.ledger)
        return replace(plan, after=after, losses_before=(), losses_after=())

    with patch.object(resetting, "plan_reset", mutated):
        yield


@contextmanager
def reset_goes_by_an_old_end() -> Iterator[None]:
    """A log that was read on while somebody decided is taken for one that was cut."""
    plan_reset = resetting.plan_reset

    def mutated(stored: PartitionRecord, request: ResetRequest) -> Reset:
        return plan_reset(stored, replace(request, seen=None))

    with patch.object(resetting, "plan_reset", mutated):
        yield


@contextmanager
def reset_goes_by_an_old_topic() -> Iterator[None]:
    """A topic that was made again and read while somebody decided is taken for the older one."""
    plan_reset = resetting.plan_reset

    def mutated(stored: PartitionRecord, request: ResetRequest) -> Reset:
        is_other = stored.log.topic_id != request.bounds.topic_id
        return plan_reset(stored, replace(request, seen=None) if is_other else request)

    with patch.object(resetting, "plan_reset", mutated):
        yield


@contextmanager
def reset_begins_no_epoch() -> Iterator[None]:
    """Offsets that mean other records now make the same alert ids."""
    with _planned(lambda plan: replace(plan.after, log=replace(plan.after.log, epoch=0))):
        yield


@contextmanager
def reset_does_not_fence() -> Iterator[None]:
    """Whoever has the partition may save what it read before the reset."""
    with _planned(lambda plan: replace(plan.after, generation=plan.before.generation)):
        yield


@contextmanager
def places_of_verdicts_begin_again() -> Iterator[None]:
    """Verdicts of a topic made again get the places of those that were there."""
    with _planned(lambda plan: replace(plan.after, shift=plan.before.shift)):
        yield


@contextmanager
def reset_of_verdicts_is_not_noticed() -> Iterator[None]:
    """Whoever read them before the reset goes on storing."""
    with patch.object(feedback, "_check", lambda *_: None):
        yield


@contextmanager
def topic_id_is_not_compared() -> Iterator[None]:
    """Offsets of a topic that is no more are taken for those of its successor."""
    check_log = resuming._check_log

    def mutated(topic: str, partition: int, what: str, offset: int, _: str, log: Any) -> None:
        check_log(topic, partition, what, offset, "", log)

    with patch.object(resuming, "_check_log", mutated):
        yield


@contextmanager
def log_of_a_checkpoint_is_not_looked_at() -> Iterator[None]:
    """What was read of a topic's successor is saved as the topic's."""

    async def mutated(*_: Any) -> bool:
        return True

    with patch.object(Claiming, "is_same_log", mutated):
        yield


@contextmanager
def end_of_the_log_is_not_looked_at() -> Iterator[None]:
    """A log that ends before the checkpoint is waited for, without a word."""
    with patch.object(resuming, "_check_log", lambda *_: None):
        yield


@contextmanager
def deleted_records_are_not_declared() -> Iterator[None]:
    """What retention took is passed over in silence."""
    resume = claiming.resume

    def mutated(*args: Any) -> Any:
        return replace(resume(*args), losses=())

    with patch.object(claiming, "resume", mutated):
        yield


@contextmanager
def older_epoch_is_taken() -> Iterator[None]:
    """A Redis from before a reset is believed, whatever Kafka was told since."""
    resume = claiming.resume

    def mutated(
        topic: str, partition: int, record: PartitionRecord, committed: Committed | None, *rest: Any
    ) -> Any:
        if committed is not None and record.offset is not None:
            committed = replace(committed, epoch=record.log.epoch)
        return resume(topic, partition, record, committed, *rest)

    with patch.object(claiming, "resume", mutated):
        yield


@contextmanager
def first_claim_names_no_topic() -> Iterator[None]:
    """Alerts on a topic's first records keep those of its successor from alerting."""

    def mutated(self: LogIdentity, topic_id: str) -> LogIdentity:
        return replace(self, topic_id=topic_id)

    with patch.object(LogIdentity, "begun", mutated):
        yield


@contextmanager
def older_redis_is_taken() -> Iterator[None]:
    """A checkpoint goes on top of whatever is stored."""
    is_saved = checkpoints._is_saved

    def mutated(stored: PartitionRecord, offered: Checkpoint) -> bool:
        if stored.offset is not None and (offered.base_offset or 0) > stored.offset:
            stored = replace(stored, offset=offered.base_offset)
        return is_saved(stored, offered)

    with patch.object(checkpoints, "_is_saved", mutated):
        yield


@contextmanager
def another_redis_is_taken() -> Iterator[None]:
    """A worker saves into an emptied store what it has learned since its last checkpoint."""

    def mutated(_: PartitionRecord, __: Checkpoint) -> bool:
        return False

    with (
        patch.object(Identity, "_compare", lambda *_: None),
        patch.object(checkpoints, "_is_saved", mutated),
    ):
        yield


LOG_MUTANTS = {
    reset_does_not_declare: "made again",
    reset_goes_by_an_old_end: "passed over while read",
    reset_goes_by_an_old_topic: "made again while somebody decides",
    reset_begins_no_epoch: "made again",
    reset_does_not_fence: "passed over",
    places_of_verdicts_begin_again: "verdicts made again",
    reset_of_verdicts_is_not_noticed: "verdicts passed over",
    topic_id_is_not_compared: "made again meanwhile",
    log_of_a_checkpoint_is_not_looked_at: "made again behind the back",
    end_of_the_log_is_not_looked_at: "cut",
    deleted_records_are_not_declared: "expired meanwhile",
    first_claim_names_no_topic: "made again before the first checkpoint",
    older_epoch_is_taken: "cut, and Redis is older",
    older_redis_is_taken: "Redis is older",
    another_redis_is_taken: "Redis is emptied",
}
"""Each with the story in which it is likely to matter."""
