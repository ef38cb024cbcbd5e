"""The ledger of one partition: what came in, and what became of it.

Invariant: consumed = scored + dead_lettered, and alerted is a part of scored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of records since the partition was first read.

    ``warming`` transactions were scored before there were any centers, and cannot alert.

    >>> day = Ledger(consumed=10, scored=9, dead_lettered=1, alerted=2)
    >>> (day + Ledger(consumed=1)).imbalance
    1
    """

    consumed: int = 0
    scored: int = 0
    dead_lettered: int = 0
    alerted: int = 0
    warming: int = 0

    @property
    def imbalance(self) -> int:
        """Records of which nobody knows what became of them; anything but 0 is a defect."""
        return self.consumed - self.scored - self.dead_lettered

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))
