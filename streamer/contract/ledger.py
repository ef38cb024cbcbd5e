"""The ledger of one partition: what came in, and what became of it.

Invariant: consumed = scored + dead_lettered + repeated + skipped + lost; alerted and overflowed are
parts of scored, warming too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import add, attrgetter
from typing import Final, Literal

__all__ = ["Ledger", "Loss", "LossCause"]

LossCause = Literal["retention", "recreated", "truncated", "store", "operator"]
"""Deleted before it was read; the topic is a new one; the log ends earlier than it did; what Redis
held of it is gone; passed over by an operator."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Offsets of a partition of which nothing will be known, or nothing is known any more."""

    first_offset: int
    next_offset: int
    cause: LossCause

    def __len__(self) -> int:
        return self.next_offset - self.first_offset


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of offsets since the partition was first read.

    ``repeated`` transactions had been scored before; ``skipped`` offsets hold no payment: refunds,
    declines and the like, or no record for a reader at all (transaction markers, aborted transactions,
    compaction); ``lost`` ones were gone before they were read.  ``warming`` transactions were scored
    before there were any centers, and cannot alert; ``overflowed`` ones would have alerted beyond what
    reviewers agreed to.

    >>> day = Ledger(consumed=10, scored=8, dead_lettered=1, alerted=2, repeated=1)
    >>> (day + Ledger(consumed=1)).imbalance
    1
    """

    consumed: int = 0
    scored: int = 0
    dead_lettered: int = 0
    alerted: int = 0
    warming: int = 0
    repeated: int = 0
    skipped: int = 0
    lost: int = 0
    overflowed: int = 0

    @property
    def imbalance(self) -> int:
        """Records of which nobody knows what became of them; anything but 0 is a defect."""
        known = self.scored + self.dead_lettered + self.repeated + self.skipped + self.lost
        return self.consumed - known

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(*map(add, _counts(self), _counts(other)))


_counts: Final = attrgetter(*(field.name for field in fields(Ledger)))
