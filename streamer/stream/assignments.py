"""What a worker holds of one assigned partition."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.pipeline import PartitionState
from streamer.store import Checkpoint, LogIdentity

__all__ = ["Assigned"]


@dataclass(slots=True)
class Assigned:
    """One assigned partition of the transactions topic.

    ``generation`` is the fencing token that Redis gave out with the claim; ``kafka_generation`` the
    consumer group's, which batches carry.  ``base_offset`` is the last checkpoint's offset (None
    before the first), ``pending`` a checkpoint whose outcome is not known yet.  Times are of the
    monotonic clock, in seconds.
    """

    topic: str
    partition: int
    state: PartitionState
    generation: int
    kafka_generation: int
    base_offset: int | None
    alerts_position: int | None
    has_stored: bool
    checkpointed_at: float
    advanced_at: float
    pending: Checkpoint | None = None
    lag: int = 0
    overflow_position: int | None = None
    log: LogIdentity = field(default_factory=LogIdentity)

    @property
    def has_progress(self) -> bool:
        """Whether anything has been processed that no checkpoint holds."""
        return self.pending is not None or self.state.next_offset != self.base_offset
