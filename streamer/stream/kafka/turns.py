"""Whose turn it is: in which order a worker takes what has been fetched of its partitions.

What a version has learned, and which payments it scores, depends on the order in which partitions are
read.  So over a backlog they take turns, a piece of the log each, and the order is a function of the
logs alone: not of which broker answers first, nor of where a fetch ends.

Invariants:
* A partition that has nothing to read is passed over at once, so that who has caught up waits for
  nobody.
* What has been fetched waits for what is late for `PATIENCE_S` at most, and for the same partition not
  again until something of it has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

__all__ = ["PATIENCE_S", "PIECE", "Standing", "Turns"]

PATIENCE_S: Final = 1.0
"""A claim takes a few tenths of a second, a fetch of a megabyte less."""
PIECE: Final = 4_000
"""Offsets of a turn, about what a fetch brings: in smaller ones a batch costs more than its records."""


class Standing(Enum):
    """How it stands with a partition."""

    READY = "what comes next has been fetched"
    QUEUED = "what was taken before waits to be scored"
    AWAITED = "there is more, or nobody knows yet"
    IDLE = "all has been read"


class Turns:
    """Decides which partition is next; a partition is whatever sorts."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._turn: Any = None
        self._is_over = True
        self._late: set[Any] = set()
        self._waiting_since: float | None = None

    def next(self, standings: Mapping[Any, Standing]) -> Any:
        """Return whose next piece is to be taken; None while that has to be waited for."""
        for partition in self._in_turn(sorted(standings)):
            standing = standings[partition]
            if standing is Standing.READY:
                self._late.discard(partition)
                self._waiting_since = None
                return partition
            if standing is Standing.QUEUED:
                return None
            if standing is Standing.AWAITED and partition not in self._late:
                if Standing.READY not in standings.values() or self._is_patient():
                    return None
                self._late.add(partition)
        return None

    def took(self, partition: Any, first: int, following: int) -> None:
        """Note that offsets ``first`` to ``following``, exclusively, were taken of a partition."""
        self._turn = partition
        self._is_over = first // PIECE != following // PIECE

    def _in_turn(self, partitions: list[Any]) -> list[Any]:
        if self._turn is None:
            return partitions
        before = [each for each in partitions if each < self._turn]
        behind = [each for each in partitions if each > self._turn]
        own = [each for each in partitions if each == self._turn]
        return behind + before + own if self._is_over else own + behind + before

    def _is_patient(self) -> bool:
        now = self._monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since < PATIENCE_S
