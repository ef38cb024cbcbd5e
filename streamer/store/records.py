"""What goes into Redis and comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamer.ledger import Ledger
from streamer.model import Sums
from streamer.model.codec import VersionHeader

__all__ = ["Checkpoint", "ModelHead", "PartitionRecord", "VersionInfo"]


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """What is stored of a partition.

    ``offset`` is the first one not processed, None before the first checkpoint.  ``generation``
    counts the claims of the partition: a checkpoint with an older one is refused.
    """

    offset: int | None
    ledger: Ledger
    generation: int
    alerts_position: int | None


@dataclass(frozen=True, slots=True)
class ModelHead:
    """The current model version."""

    id: str
    sums: Sums
    header: VersionHeader


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One stored version, without its arrays."""

    id: str
    parent: str
    created_at: str
    reason: str
    transactions_seen: int
    is_head: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The progress of one partition from ``base_offset`` to ``next_offset``, to be made durable.

    ``ledger`` is the partition's total, ``delta`` what it has learned since its last checkpoint,
    ``entities`` the packed states that have changed since, by kind.
    """

    topic: str
    partition: int
    generation: int
    base_offset: int | None
    next_offset: int
    ledger: Ledger
    alerts_position: int | None
    delta: Sums
    entities: Mapping[str, Mapping[str, bytes]]
    owner: str
    now_ms: int
