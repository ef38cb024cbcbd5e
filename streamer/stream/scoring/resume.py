"""Where to go on reading a partition: what Redis, the consumer group and the log say, and what follows.

A pure function of facts.  Where they cannot all be true, somebody has lost something: Redis its data,
the log its end or its beginning.  What is gone is declared as a `Loss`; what would be a guess is a
`PartitionFaultError` that names the way out.

Invariant: going on at the returned offset with the returned losses accounts for every offset from the
stored one on, or, where nothing is stored, from 0 to what the group had committed.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.contract.ledger import Ledger, Loss
from streamer.errors import StreamerError
from streamer.store import Committed, LogBounds, PartitionRecord

__all__ = ["PartitionFaultError", "Resumption", "resume"]


class PartitionFaultError(StreamerError):
    """One partition cannot be read on from where it was; the others can."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """Go on at ``offset``.

    ``next_offset`` is where the partition has come to, losses included; None where it was never read,
    and then its counts begin at ``offset``.  ``notice`` is for the log and for people; empty when all
    is as it was left.
    """

    offset: int
    next_offset: int | None
    losses: tuple[Loss, ...] = ()
    notice: str = ""
    epoch: int = 0

    def count(self, ledger: Ledger) -> Ledger:
        """Return ``ledger`` with the losses in it."""
        n_lost = sum(len(loss) for loss in self.losses)
        return ledger + Ledger(consumed=n_lost, lost=n_lost)


def resume(
    topic: str,
    partition: int,
    record: PartitionRecord,
    committed: Committed | None,
    log: LogBounds,
    store_id: str,
) -> Resumption:
    """Return where to go on with ``partition``, or raise `PartitionFaultError`.

    Of a partition of the feedback without ``committed``: verdicts that Redis lacks are read again.
    """
    if record.offset is not None:
        return _from_record(topic, partition, record.offset, record, committed, log)
    if committed is None:
        return Resumption(log.beginning, None, epoch=record.log.begun(log.topic_id).epoch)
    return _without_record(topic, partition, committed, log, store_id)


def _from_record(
    topic: str,
    partition: int,
    offset: int,
    record: PartitionRecord,
    committed: Committed | None,
    log: LogBounds,
) -> Resumption:
    _check_log(topic, partition, "stored offset", offset, record.log.topic_id, log)
    notices = []
    epoch = record.log.epoch
    if committed is not None and committed.epoch > epoch:
        raise PartitionFaultError(
            f"Redis must not be older than the last reset of {topic}/{partition}, which began epoch "
            f"{committed.epoch}, got epoch {epoch}: its offset {offset} may be that of another record; "
            f"restore a newer state, or {_way_out(topic, partition)}"
        )
    # An offset of an epoch before says nothing of this one.
    if committed is not None and committed.epoch == epoch and committed.offset > offset:
        notices.append(
            f"Redis is older than what Kafka was told: partition {partition} is stored at {offset}, "
            f"committed at {committed.offset}; what lies between is read again"
        )
    if offset >= log.beginning:
        return Resumption(offset, offset, notice="; ".join(notices), epoch=record.log.epoch)
    loss = Loss(offset, log.beginning, "retention")
    notices.append(_deleted(topic, partition, loss))
    start = log.beginning
    return Resumption(start, start, (loss,), "; ".join(notices), record.log.epoch)


def _without_record(
    topic: str, partition: int, committed: Committed, log: LogBounds, store_id: str
) -> Resumption:
    offset = committed.offset
    _check_log(topic, partition, "committed offset", offset, committed.topic_id, log)
    losses = [Loss(0, offset, "store")] if offset else []
    notices = [
        f"Redis is not the one that this service left: it holds nothing of partition {partition}, "
        f"which was processed up to {offset} with store {committed.store_id or 'unknown'}, "
        f"now {store_id}; histories and counts before are lost, reading goes on at "
        f"{max(offset, log.beginning)}"
    ]
    if offset < log.beginning:
        losses.append(Loss(offset, log.beginning, "retention"))
        notices.append(_deleted(topic, partition, losses[-1]))
    start = max(offset, log.beginning)
    # The epoch went with the store, and alerts of an earlier one are on their topic.
    return Resumption(start, start, tuple(losses), "; ".join(notices), committed.epoch)


def _deleted(topic: str, partition: int, loss: Loss) -> str:
    return (
        f"{len(loss)} records of {topic}/{partition} were deleted before they were read, offsets "
        f"{loss.first_offset} to {loss.next_offset - 1}; raise the topic's retention"
    )


def _check_log(
    topic: str, partition: int, what: str, offset: int, known_id: str, log: LogBounds
) -> None:
    """Raise where ``offset``, read from the topic with the id ``known_id``, is not in ``log``."""
    # Where one of the two is not known, only an end that is too early can give another log away.
    if known_id and log.topic_id and known_id != log.topic_id:
        raise PartitionFaultError(
            f"topic {topic} must be the one that partition {partition} was read from, topic id "
            f"{known_id}, got {log.topic_id}: it was deleted and created again; "
            + _way_out(topic, partition)
        )
    if offset > log.end:
        raise PartitionFaultError(
            f"{what} of {topic}/{partition} must be in the log, {log.beginning} to {log.end}, "
            f"got {offset}: the log was truncated or created again; {_way_out(topic, partition)}"
        )


def _way_out(topic: str, partition: int) -> str:
    return (
        f"say where to go on with `streamer partition reset {partition} --topic {topic} "
        "--to beginning|end|OFFSET --reason TEXT`"
    )
