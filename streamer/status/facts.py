"""What is known of a service at one moment.  What nobody could be asked is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Change", "EndpointStatus", "ModelStatus", "PartitionStatus", "Status", "WorkerStatus"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker that has said in Redis that it lives, and how many seconds ago.

    ``policy`` is the one that it goes by, empty where it has not said.
    """

    name: str
    seen_s: float
    is_alive: bool
    policy: str = ""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition of the transactions topic.

    ``owner`` is empty before the first claim, ``offset`` None before the first checkpoint;
    ``beginning`` and ``end`` are those of its log.
    """

    partition: int
    owner: str
    offset: int | None
    beginning: int | None
    end: int | None
    checkpoint_age_s: float | None
    imbalance: int
    scored: int
    alerted: int
    dead_lettered: int
    lost: int

    @property
    def lag(self) -> int | None:
        """Records that wait, None where Kafka did not answer."""
        if self.end is None or self.beginning is None:
            return None
        return self.end - (self.beginning if self.offset is None else self.offset)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The current version; ``moved`` are sentences on the features that drift.

    ``warmup`` is after how many payments the first one may alert.
    """

    version: str
    age_s: float | None
    is_warming: bool
    transactions_seen: int
    warmup: int
    ranked_by: str
    budget_requested: float
    budget_achieved: float
    per_hour_requested: float | None
    per_hour_achieved: float | None
    drift_reference: str
    moved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """What a worker's /readyz said; ``error`` where it did not answer."""

    url: str
    is_ready: bool
    because: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the lineage that is no merge: when, how many seconds ago, what, who, and on what."""

    at: str
    age_s: float
    reason: str
    who: str
    details: str


@dataclass(frozen=True, slots=True)
class Status:
    """A service.  ``redis_error`` and ``kafka_error`` say why what they would have told is missing.

    ``policy`` is the id of the one in force, empty before the first.
    """

    at: str
    namespace: str
    topic: str
    n_partitions: int | None
    workers: tuple[WorkerStatus, ...] = ()
    partitions: tuple[PartitionStatus, ...] = ()
    model: ModelStatus | None = None
    policy: str = ""
    changes: tuple[Change, ...] = ()
    endpoints: tuple[EndpointStatus, ...] = ()
    redis_error: str | None = None
    kafka_error: str | None = None
    kept_otherwise: tuple[str, ...] = ()
    """Topics that the broker keeps otherwise than is stated, a sentence each."""
