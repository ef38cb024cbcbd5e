"""A partition of an input topic, which may lose its beginning, its end, or everything.

Each time its records change a new writing begins: the same offset is another record from there on.

Invariants:
* Where a log is cut or made again, all that is behind is of the new writing.
* What a log has been is kept, for the checker.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from faust.types import TP

from streamer.contract.batch import StoredRecord
from tests.simulation.payments import TOPIC, Place, records, verdicts

__all__ = ["InputLog"]


@dataclass(frozen=True, slots=True)
class _Former:
    """What a log was before it changed."""

    topic_id: str
    segments: tuple[Place, ...]
    end: int


@dataclass(slots=True)
class InputLog:
    """The offsets from ``start`` to ``end``; ``read_to`` is how far anybody has fetched them."""

    topic_id: str
    start: int = 0
    end: int = 0
    read_to: int = 0
    n_writings: int = 1
    starts: set[int] = field(default_factory=lambda: {0})
    """Where it has ever begun."""
    was_cut: bool = False
    _segments: list[Place] = field(default_factory=lambda: [(0, 0)])
    _former: list[_Former] = field(default_factory=list)

    def place(self, offset: int) -> Place:
        """Return the place that ``offset`` stands for."""
        return _place(self._segments, offset)

    def records(self, tp: TP, first: int, end: int) -> list[StoredRecord]:
        """Return what a consumer gets between two offsets."""
        written = records if tp.topic == TOPIC else verdicts
        places = map(self.place, range(first, end))
        found = (written(tp.partition, writing)[offset] for writing, offset in places)
        return [entry for entry in found if entry is not None]

    def former_end(self, topic_id: str, offset: int) -> int:
        """Return where a log of ``topic_id`` ended that once reached beyond ``offset``; else 0."""
        ends = [f.end for f in self._former if f.topic_id == topic_id and f.end >= offset]
        return ends[-1] if ends else 0

    def former_place(self, topic_id: str, offset: int) -> Place:
        """Return the place of an offset that the log of ``topic_id`` had when it last reached it."""
        reaching = [f for f in self._former if f.topic_id == topic_id and f.end > offset]
        return _place(reaching[-1].segments, offset)

    def expire(self, start: int) -> None:
        """Let the log begin later."""
        self.start = start
        self.starts.add(start)

    def cut(self, end: int) -> None:
        """Let the log end earlier; what comes then is something else."""
        self._remember()
        self._segments = [s for s in self._segments if s[1] < end] or [(self._next(), 0)]
        if end:
            self._segments.append((self._next(), end))
        self.end, self.read_to = end, min(self.read_to, end)
        self.was_cut = True

    def recreate(self, topic_id: str) -> None:
        """Begin anew under another id."""
        self._remember()
        self._segments = [(self._next(), 0)]
        self.topic_id = topic_id
        self.start = self.end = self.read_to = 0
        self.was_cut = False

    def _remember(self) -> None:
        self._former.append(_Former(self.topic_id, tuple(self._segments), self.end))

    def _next(self) -> int:
        self.n_writings += 1
        return self.n_writings - 1


def _place(segments: list[Place] | tuple[Place, ...], offset: int) -> Place:
    index = bisect_right(segments, offset, key=lambda segment: segment[1]) - 1
    return segments[index][0], offset
