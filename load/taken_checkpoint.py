"""What a worker would save of a partition, taken out of its state as the stream does."""

from __future__ import annotations

from typing import NamedTuple

from streamer.errors import InvariantError
from streamer.model import Sums
from streamer.pipeline import PartitionState, PipelineConfig
from streamer.store import Checkpoint
from streamer.stream.checkpoints.taking import take_changed

__all__ = ["Place", "taken"]


class Place(NamedTuple):
    """Where a partition's state is saved, by whom, and up to where it was before."""

    topic: str
    partition: int
    generation: int
    base_offset: int | None
    owner: str


def taken(state: PartitionState, config: PipelineConfig, place: Place, now_ms: int) -> Checkpoint:
    """Return what is to be saved of ``state``, IN/OUT, which has it no more; it must have payments."""
    if state.next_offset is None:
        raise InvariantError(f"partition {place.partition} must have payments, got none")
    entities, removed = take_changed(state)
    delta, state.delta = state.delta, Sums.zero(config.model)
    return Checkpoint(
        topic=place.topic,
        partition=place.partition,
        generation=place.generation,
        base_offset=place.base_offset,
        next_offset=state.next_offset,
        ledger=state.ledger,
        alerts_position=None,
        delta=delta,
        entities=entities,
        removed=removed,
        owner=place.owner,
        now_ms=now_ms,
        lessons=state.verdicts.record.take(),
    )
