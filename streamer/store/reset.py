"""An operator's decision where a partition goes on, and what that loses.

For a log that was truncated or made anew under its name, or to pass over records on purpose; of either
input topic.  Pure: `streamer.store.resetting` shows it and does it.

Invariants:
* The ledger stays balanced: what is passed over is counted as consumed and as lost, with its cause.
  Partitions of the feedback have no ledger; what they lose is in the lineage alone.
* Where an offset may come to mean another record the epoch grows, and with it every alert id; the
  places of verdicts (`streamer.store.feedback`) go on growing.
* The generation grows: a worker that has the partition is fenced and goes on from the new offset.
* A log is taken for another one only where nobody has moved the partition since before it was asked
  for: else what was asked for may be the older one, and all that was read since be read again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamer.contract.ledger import Ledger, Loss, LossCause
from streamer.errors import ConfigurationError
from streamer.store.committed import Committed
from streamer.store.stored import LogIdentity, PartitionRecord

__all__ = ["LogBounds", "Reset", "ResetRequest", "plan_reset"]


@dataclass(frozen=True, slots=True)
class LogBounds:
    """A log as the broker has it now: its first offset, the one after its last, and the topic's id.

    ``topic_id`` is empty where the broker has none.  The topic has ``n_partitions``.
    """

    beginning: int
    end: int
    topic_id: str = ""
    n_partitions: int = 1


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """``to`` is ``beginning``, ``end`` or an offset; ``may_repeat`` allows to read records again.

    ``committed`` is what the consumer group has committed, None where it has nothing;
    ``is_feedback`` says that the topic holds verdicts.  ``seen`` is the partition as it was before its
    log was asked for: who reads on meanwhile comes beyond the end that was told, or reads another topic
    of that name.
    """

    topic: str
    partition: int
    to: str
    bounds: LogBounds
    who: str
    reason: str
    may_repeat: bool = False
    committed: Committed | None = None
    is_feedback: bool = False
    seen: PartitionRecord | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset does to one partition.

    ``before`` is how it was left, as far as anybody knows: by Redis, or where ``is_store_behind`` by
    the group's commit, which says nothing of what was counted.  ``losses_before`` are offsets of the
    epoch before, ``losses_after`` of the one after.  ``n_repeated`` records have been read before and
    are read again; ``is_loss_known`` is False where nobody knows how many records were lost.
    """

    before: PartitionRecord
    after: PartitionRecord
    losses_before: tuple[Loss, ...]
    losses_after: tuple[Loss, ...]
    n_repeated: int
    is_other_log: bool
    is_loss_known: bool
    is_store_behind: bool = False

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self.losses_before + self.losses_after

    @property
    def n_lost(self) -> int:
        return sum(map(len, self.losses))


def plan_reset(stored: PartitionRecord, request: ResetRequest) -> Reset:
    """Return what ``request`` would do to ``stored``; ConfigurationError where it must not."""
    bounds, target = request.bounds, _target(request)
    before = _as_left(stored, request)
    is_store_behind = before is not stored
    known_id, offset = before.log.topic_id, before.offset
    is_recreated = bool(known_id and bounds.topic_id and known_id != bounds.topic_id)
    # A log cannot have lost what was read from it unless it is another one or was cut.
    is_cut = not is_recreated and offset is not None and offset > bounds.end
    is_other_log = is_recreated or is_cut
    if is_other_log:
        _check_seen(stored, request)
    start = bounds.beginning if offset is None else offset
    gone = []
    if stored.offset is None and is_store_behind:
        # What is read again of the same log is not lost.
        gone.append(Loss(0, start if is_other_log else min(start, target), "store"))
    if is_other_log:
        cause: LossCause = "recreated" if is_recreated else "truncated"
        gone.append(Loss(start, before.log.end or 0, cause))
        # Of a cut log nobody knows where the new records begin; of a new one all are new.
        start = bounds.beginning if is_recreated else bounds.end
    passed_over = [
        Loss(start, min(target, bounds.beginning), "retention"),
        Loss(max(start, bounds.beginning), target, "operator"),
    ]
    n_repeated = 0 if is_recreated else max(start - target, 0)
    if n_repeated and not request.may_repeat:
        raise _repeats(request, offset, target, n_repeated, is_cut)
    losses_before, losses_after = _real(gone), _real(passed_over)
    # Who allows repeats where nothing is stored knows of an earlier life that nobody else remembers.
    is_backward = is_recreated or (request.may_repeat if offset is None else target < offset)
    return Reset(
        before,
        _after(before, request, target, is_backward, (*losses_before, *losses_after)),
        losses_before,
        losses_after,
        n_repeated,
        is_other_log,
        is_loss_known=_is_loss_known(stored, before, is_other_log),
        is_store_behind=is_store_behind,
    )


def _check_seen(stored: PartitionRecord, request: ResetRequest) -> None:
    """Raise where the partition is not as it was before its log was asked for."""
    seen = request.seen
    if seen is None or (seen.offset, seen.log) == (stored.offset, stored.log):
        return
    before, now = (
        f"{'none' if record.offset is None else record.offset} of topic id {record.log.topic_id!r}"
        for record in (seen, stored)
    )
    raise ConfigurationError(
        f"offset of {request.topic}/{request.partition} must be as it was when its log was asked for, "
        f"{before}, got {now}: it was read on meanwhile; say it again"
    )


def _as_left(stored: PartitionRecord, request: ResetRequest) -> PartitionRecord:
    """Return how the partition was left: Kafka may have been told more than Redis holds."""
    committed = request.committed
    # Verdicts that Redis has lost are read again, whatever was committed of them.
    if committed is None or request.is_feedback:
        return stored
    if stored.offset is not None and stored.log.epoch >= committed.epoch:
        return stored
    log = LogIdentity(committed.epoch, committed.topic_id)
    return replace(stored, offset=committed.offset, log=log)


def _after(
    before: PartitionRecord,
    request: ResetRequest,
    target: int,
    is_backward: bool,
    losses: tuple[Loss, ...],
) -> PartitionRecord:
    n_lost = 0 if request.is_feedback else sum(map(len, losses))
    bounds = request.bounds
    return replace(
        before,
        offset=target,
        generation=before.generation + 1,
        ledger=before.ledger + Ledger(consumed=n_lost, lost=n_lost),
        log=LogIdentity(before.log.epoch + is_backward, bounds.topic_id, bounds.end),
        # The next verdict's place is where the last one's was, or behind.
        shift=before.shift + max((before.offset or 0) - target, 0),
    )


def _is_loss_known(stored: PartitionRecord, before: PartitionRecord, is_other_log: bool) -> bool:
    if before is not stored and stored.offset is not None:
        # Redis is older than the last reset, and does not say from where that went on.
        return False
    return not is_other_log or (
        before.log.end is not None and before.log.end >= (before.offset or 0)
    )


def _real(losses: list[Loss]) -> tuple[Loss, ...]:
    return tuple(loss for loss in losses if loss.next_offset > loss.first_offset)


def _target(request: ResetRequest) -> int:
    bounds = request.bounds
    if request.to in ("beginning", "end"):
        return bounds.beginning if request.to == "beginning" else bounds.end
    is_number = request.to.isascii() and request.to.isdigit()
    if not is_number or not bounds.beginning <= int(request.to) <= bounds.end:
        raise ConfigurationError(
            f"--to must be beginning, end or an offset from {bounds.beginning} to {bounds.end}, which "
            f"{request.topic}/{request.partition} has now, got {request.to}"
        )
    return int(request.to)


def _repeats(
    request: ResetRequest, offset: int | None, target: int, n_repeated: int, is_cut: bool
) -> ConfigurationError:
    what = (
        f"the log was cut below {offset} and ends at {request.bounds.end} now: up to {n_repeated} "
        "records may have been read before"
        if is_cut
        else f"{n_repeated} records of the same log have been read before"
    )
    again = "stored and learned" if request.is_feedback else "learned and alerted"
    return ConfigurationError(
        f"--to must be at or after what was read of {request.topic}/{request.partition}, got {target}; "
        f"{what} and would be {again} again; give --again to read them nevertheless"
    )
