"""What a store ought to hold of each partition: which records are done, and what was declared lost.

Kept beside Redis and copied with it, so that after a restore it says what the older copy lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from streamer.contract.ledger import Ledger
from streamer.store.stored import PartitionRecord
from tests.simulation.payments import TOPIC, Kind, Place, kind_of, payment_of

__all__ = ["Account", "Books", "Declared", "VerdictAccount", "declared_losses"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A loss as the lineage tells of it."""

    first_offset: int
    next_offset: int
    cause: str

    def offsets(self) -> range:
        return range(self.first_offset, self.next_offset)


def declared_losses(
    lineage: Sequence[tuple[bytes, Mapping[bytes, bytes]]], p: int
) -> list[Declared]:
    """Return what the lineage declares lost of a partition, oldest first."""
    name = f"{TOPIC}/{p}".encode()
    return [
        Declared(int(entry[b"first_offset"]), int(entry[b"next_offset"]), entry[b"cause"].decode())
        for _, entry in lineage
        if entry[b"reason"] == b"loss" and entry[b"partition"] == name
    ]


@dataclass(slots=True)
class Account:
    """What one store holds of a partition of payments."""

    partition: int
    record: PartitionRecord = field(
        default_factory=lambda: PartitionRecord(None, Ledger(), 0, None)
    )
    done: list[Place] = field(default_factory=list)
    """In the order in which the ledger has counted them."""
    lost: set[Place] = field(default_factory=set)
    repeated: set[Place] = field(default_factory=set)
    """Of what is done, payments that had been there before."""
    n_declared: int = 0
    never_read: int = 0
    """The log began here when the partition was first read."""
    _known: set[Place] = field(default_factory=set)
    _payments: set[str] = field(default_factory=set)

    def copy(self) -> Account:
        """Return what a copy of Redis holds."""
        return replace(
            self,
            done=list(self.done),
            lost=set(self.lost),
            repeated=set(self.repeated),
            _known=set(self._known),
            _payments=set(self._payments),
        )

    def is_done(self, place: Place) -> bool:
        return place in self._known

    def add(self, places: Sequence[Place]) -> dict[str, int]:
        """Take in what a checkpoint holds, and return how its ledger must grow by it."""
        grown = {"scored": 0, "dead_lettered": 0, "skipped": 0, "repeated": 0}
        for place in places:
            self.done.append(place)
            self._known.add(place)
            kind = kind_of(self.partition, place)
            if kind is not Kind.VALID:
                grown["dead_lettered" if kind is Kind.BAD else "skipped"] += 1
                continue
            payment = payment_of(self.partition, place)
            assert payment is not None
            if payment in self._payments:
                self.repeated.add(place)
                grown["repeated"] += 1
            else:
                self._payments.add(payment)
                grown["scored"] += 1
        return grown

    def read(self) -> list[Place]:
        """Return what entities are made of, in order."""
        return [place for place in self.done if place not in self.repeated]

    def growth(self, record: PartitionRecord, names: Mapping[str, Any]) -> dict[str, int]:
        """Return by how much the ledger of ``record`` is beyond the one that is known."""
        before, after = self.record.ledger, record.ledger
        return {name: getattr(after, name) - getattr(before, name) for name in names}


@dataclass(slots=True)
class VerdictAccount:
    """What one store holds of a partition of verdicts: by place in its stream, what it is."""

    record: PartitionRecord = field(
        default_factory=lambda: PartitionRecord(None, Ledger(), 0, None)
    )
    stored: list[Place] = field(default_factory=list)
    lost: set[Place] = field(default_factory=set)
    passed: set[Place] = field(default_factory=set)
    """What has been read and is no verdict."""

    def copy(self) -> VerdictAccount:
        """Return what a copy of Redis holds."""
        return replace(self, stored=list(self.stored), lost=set(self.lost), passed=set(self.passed))


@dataclass(slots=True)
class Books:
    """Everything that one store holds, by partition."""

    payments: dict[int, Account]
    verdicts: VerdictAccount

    @classmethod
    def empty(cls, n_partitions: int) -> Books:
        """Return what a store holds that has just begun."""
        return cls({p: Account(p) for p in range(n_partitions)}, VerdictAccount())

    def copy(self) -> Books:
        """Return what a copy of Redis holds."""
        payments = {p: account.copy() for p, account in self.payments.items()}
        return Books(payments, self.verdicts.copy())
