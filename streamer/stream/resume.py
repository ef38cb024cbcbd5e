"""Where to go on reading a partition: what Redis, the consumer group and the log say, and what follows.

A pure function of facts.  Where they cannot all be true, somebody has lost something: Redis its data,
the log its end or its beginning.  What is gone is declared as a `Loss`; what would be a guess is a
`PartitionFaultError` that names the way out.

Invariant: going on at the returned offset with the returned losses accounts for every offset from the
stored one on, or, where nothing is stored, from 0 to what the group had committed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from streamer.errors import StreamerError
from streamer.ledger import Ledger, Loss
from streamer.store import LogBounds, PartitionRecord

__all__ = ["Committed", "PartitionFaultError", "Resumption", "beyond_the_end", "resume"]


_METADATA: Final = re.compile(r"store=([^;]*);epoch=(\d{1,9})")


class PartitionFaultError(StreamerError):
    """One partition cannot be read on from where it was; the others can."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the consumer group has committed; ``store_id`` names the store that it came from, if any,
    ``epoch`` the partition's (`LogIdentity`) at that time."""

    offset: int
    store_id: str = ""
    epoch: int = 0

    @property
    def metadata(self) -> str:
        """The text that goes to Kafka with the offset.

        It ends with a zero byte: confluent-kafka reads on until there is one, beyond the text's end.

        >>> Committed(7, "a1", 2).metadata
        'store=a1;epoch=2\\x00'
        """
        return f"store={self.store_id};epoch={self.epoch}\0"

    @classmethod
    def told(cls, offset: int, metadata: str) -> Committed:
        """Return what `metadata` has made of it; another's text says nothing.

        >>> Committed.told(7, "store=a1;epoch=2")
        Committed(offset=7, store_id='a1', epoch=2)
        """
        match = _METADATA.fullmatch(metadata.partition("\0")[0])
        return cls(offset) if match is None else cls(offset, match[1], int(match[2]))


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
    """Return where to go on with ``partition``, or raise `PartitionFaultError`."""
    if record.offset is not None:
        return _from_record(topic, partition, record.offset, record, committed, log)
    if committed is None:
        return Resumption(log.beginning, None)
    return _without_record(topic, partition, committed, log, store_id)


def _from_record(
    topic: str,
    partition: int,
    offset: int,
    record: PartitionRecord,
    committed: Committed | None,
    log: LogBounds,
) -> Resumption:
    known_id = record.log.topic_id
    if known_id and log.topic_id and known_id != log.topic_id:
        raise PartitionFaultError(
            f"topic {topic} must be the one that partition {partition} was read from, topic id "
            f"{known_id}, got {log.topic_id}: it was deleted and created again; "
            + _way_out(topic, partition)
        )
    if offset > log.end:
        raise beyond_the_end(topic, partition, "stored offset", offset, log)
    notices = []
    if committed is not None and committed.offset > offset:
        notices.append(
            f"Redis is older than what Kafka was told: partition {partition} is stored at {offset}, "
            f"committed at {committed.offset}; what lies between is read again"
        )
    if offset >= log.beginning:
        return Resumption(offset, offset, notice="; ".join(notices), epoch=record.log.epoch)
    loss = Loss(offset, log.beginning, "retention")
    notices.append(_deleted(partition, loss))
    start = log.beginning
    return Resumption(start, start, (loss,), "; ".join(notices), record.log.epoch)


def _without_record(
    topic: str, partition: int, committed: Committed, log: LogBounds, store_id: str
) -> Resumption:
    offset = committed.offset
    if offset > log.end:
        raise beyond_the_end(topic, partition, "committed offset", offset, log)
    losses = [Loss(0, offset, "store")] if offset else []
    notices = [
        f"Redis is not the one that this service left: it holds nothing of partition {partition}, "
        f"which was processed up to {offset} with store {committed.store_id or 'unknown'}, "
        f"now {store_id}; histories and counts before are lost, reading goes on at "
        f"{max(offset, log.beginning)}"
    ]
    if offset < log.beginning:
        losses.append(Loss(offset, log.beginning, "retention"))
        notices.append(_deleted(partition, losses[-1]))
    start = max(offset, log.beginning)
    # The epoch went with the store, and alerts of an earlier one are on their topic.
    return Resumption(start, start, tuple(losses), "; ".join(notices), committed.epoch)


def _deleted(partition: int, loss: Loss) -> str:
    return (
        f"{len(loss)} records of partition {partition} were deleted before they were read, offsets "
        f"{loss.first_offset} to {loss.next_offset - 1}; raise the topic's retention"
    )


def beyond_the_end(
    topic: str, partition: int, what: str, offset: int, log: LogBounds
) -> PartitionFaultError:
    """Return the error for an offset that the log does not reach any more."""
    return PartitionFaultError(
        f"{what} of {topic}/{partition} must be in the log, {log.beginning} to {log.end}, "
        f"got {offset}: the log was truncated or created again; {_way_out(topic, partition)}"
    )


def _way_out(topic: str, partition: int) -> str:
    return (
        f"say where to go on with `streamer partition reset {partition} --topic {topic} "
        "--to beginning|end|OFFSET --reason TEXT`"
    )
