"""What a fetch brought of a partition, and how its fetches stand by what aiokafka knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from streamer.contract.batch import Record
from streamer.stream.kafka.turns import Standing

__all__ = ["FetchState", "Fetched", "fetch_state_of", "standing_of"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch brought of a partition, offsets ``first`` to ``next`` exclusively, or an error."""

    reading: int
    first: int
    next: int
    records: Sequence[Record]
    error: Exception | None = None


class FetchState(NamedTuple):
    """How a partition's fetches stand.

    ``lag`` counts the offsets of committed records beyond a position, None where Kafka has not said;
    ``answered_ms`` is the wall clock's time of its last answer, 0 for never; ``is_waiting`` whether an
    answer waits to be taken, so that no other is asked for.
    """

    lag: int | None
    answered_ms: int
    is_waiting: bool


def fetch_state_of(state: Any, position: int, *, is_waiting: bool) -> FetchState:
    """Return how it stands by aiokafka's ``state``, with what lies beyond ``position``."""
    end = _end_of(state)
    if end is None:
        return FetchState(None, 0, is_waiting)
    return FetchState(max(end - position, 0), state.timestamp or 0, is_waiting)


def standing_of(state: Any) -> Standing:
    """Return whether more of a partition is to come than has been fetched, by aiokafka's ``state``."""
    end = _end_of(state) if state.has_valid_position else None
    return Standing.IDLE if end is not None and end <= state.position else Standing.AWAITED


def _end_of(state: Any) -> int | None:
    """Return the offset behind the last committed record; None where Kafka has not said."""
    # A broker without transactions knows no last stable offset.
    is_known = state.lso is not None and state.lso >= 0
    end: int | None = state.lso if is_known else state.highwater
    return None if state.highwater is None else end
