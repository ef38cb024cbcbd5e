"""What an operator's reset has to declare, from what the log was and is.

Written down once more, from the runbook's words and not from the product's code: what was lost with the
old log is what it was known to have beyond the place that had been read; of the log that is there now,
what lies before the place to go on.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.store import PartitionRecord, ResetRequest
from tests.simulation.accounts import Declared

__all__ = ["Expected", "expected_of"]


@dataclass(frozen=True, slots=True)
class Expected:
    """``gone`` are offsets of the log as it was left, which had the id ``topic_id``, ``passed_over``
    of the one that is there; ``first`` is where the latter was left.  ``is_new`` when the offsets may
    mean other records now."""

    gone: list[Declared]
    passed_over: list[Declared]
    topic_id: str
    first: int
    epoch: int
    is_new: bool
    is_store_behind: bool


def expected_of(stored: PartitionRecord, request: ResetRequest, target: int) -> Expected:
    """Return what a reset of ``stored`` to ``target`` must do."""
    bounds, committed = request.bounds, request.committed
    offset, epoch = stored.offset, stored.log.epoch
    topic_id, end = stored.log.topic_id, stored.log.end or 0
    is_behind = (
        committed is not None
        and not request.is_feedback
        and (offset is None or committed.epoch > epoch)
    )
    if is_behind and committed is not None:
        # Redis knows less than Kafka was told: that counts.
        offset, epoch, topic_id, end = committed.offset, committed.epoch, committed.topic_id, 0
    first = bounds.beginning if offset is None else offset
    is_recreated = topic_id not in ("", bounds.topic_id)
    is_cut = not is_recreated and first > bounds.end
    gone = []
    if is_behind and stored.offset is None:
        gone += _loss(0, first if is_recreated or is_cut else min(first, target), "store")
    if is_recreated or is_cut:
        gone += _loss(first, end, "recreated" if is_recreated else "truncated")
        first = bounds.beginning if is_recreated else bounds.end
    passed_over = _loss(first, min(target, bounds.beginning), "retention")
    passed_over += _loss(max(first, bounds.beginning), target, "operator")
    return Expected(gone, passed_over, topic_id, first, epoch, is_recreated or is_cut, is_behind)


def _loss(first: int, following: int, cause: str) -> list[Declared]:
    return [Declared(first, following, cause)] if following > first else []
