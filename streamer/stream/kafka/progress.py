"""Does every partition that is read come forward?  What Kafka answers, what waits, what was processed.

Heartbeats say nothing of that: a fetch may hang while they are answered, a partition may have lost its
leader, a topic may be gone, and what waits there is not known then.  So two things are looked at for
each partition: when a fetch of it was answered last, and since when records wait behind the same place.

A partition with nothing to read is well as long as its fetches are answered, which they are within
moments.  Records that wait only for an open transaction, and what lies under markers of transactions
or was deleted, is nothing to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from faust.types import TP

from streamer.stream.kafka.fetch_state import FetchState

__all__ = ["STALLED_AFTER_S", "Progress", "Stall"]

# A checkpoint, a rebalance or another leader take a few seconds; a minute would be noticed by customers
# first.
STALLED_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Stall:
    """A partition that stands still, since a monotonic time; ``waiting`` is None where a fetch is not
    answered, so that nobody knows."""

    tp: TP
    since: float
    waiting: int | None


@dataclass(slots=True)
class _Course:
    """One reading of a partition; the times are when it was last well in each respect."""

    reading: int
    answered_ms: int
    answered_at: float
    position: int
    moved_at: float
    lag: int | None


class Progress:
    """Remembers how each partition that is read comes along."""

    def __init__(self) -> None:
        self._courses: dict[TP, _Course] = {}
        self.missing: frozenset[str] = frozenset()
        """Input topics that Kafka does not have."""

    def note(self, now: float, tp: TP, reading: int, position: int, state: FetchState) -> bool:
        """Note how a partition stands; return whether Kafka has answered a fetch since the last time.

        ``position`` is where what has been processed ends, and what the lag of ``state`` counts from.
        """
        lag, answered_ms = state.lag, state.answered_ms
        course = self._courses.get(tp)
        if course is None or course.reading != reading:
            self._courses[tp] = _Course(reading, answered_ms, now, position, now, lag)
            return False
        # Unequal and not greater: this is a wall clock, which may be set back.
        is_answered = answered_ms not in {0, course.answered_ms}
        course.answered_ms = answered_ms
        if is_answered or state.is_waiting:
            course.answered_at = now
        if position != course.position or lag == 0:
            course.position, course.moved_at = position, now
        course.lag = lag
        return is_answered

    def keep(self, tps: Iterable[TP]) -> None:
        """Forget every partition but these."""
        wanted = set(tps)
        self._courses = {tp: course for tp, course in self._courses.items() if tp in wanted}

    def stalls(self, now: float) -> list[Stall]:
        """Return the partitions that stand still, in order."""
        found = []
        for tp, course in sorted(self._courses.items()):
            if now - course.answered_at > STALLED_AFTER_S:
                found.append(Stall(tp, course.answered_at, None))
            elif course.lag and now - course.moved_at > STALLED_AFTER_S:
                found.append(Stall(tp, course.moved_at, course.lag))
        return found
