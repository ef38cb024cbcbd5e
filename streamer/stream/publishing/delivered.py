"""Where the alerts of one partition lie on one topic, as far as a checkpoint has to know.

Invariants:
* A position never passes an alert whose transaction no checkpoint holds, whichever life published it.
* Bounded: of a long outage without checkpoints neighbours are taken together, which can only make a
  recovery read more than it had to.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

__all__ = ["AlertPlaces", "Delivered"]

# One position is wanted of them, and more than these are only gathered while Redis is away.
_MAX_RUNS: Final = 1_024
Run = tuple[int, int, int, int]
"""Lowest and highest offset of transactions, lowest and highest place of their alerts."""


class Delivered:
    """What this process has put on a topic for a partition, and Kafka has acknowledged."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, offset: int, place: int) -> None:
        """Note that the alert of the transaction at ``offset`` lies at ``place``."""
        self._runs.append((offset, offset, place, place))
        if len(self._runs) > _MAX_RUNS:
            runs = self._runs
            self._runs = [_joined(runs[i : i + 2]) for i in range(0, len(runs), 2)]

    def position(self, next_offset: int, previous: int | None, *, is_waiting: bool) -> int | None:
        """Return the place from which on every alert lies that a recovery from ``next_offset`` needs.

        ``previous`` is the last checkpoint's, None the beginning.  ``is_waiting``: the topic holds
        alerts of ``next_offset`` or beyond from an earlier life, which are behind ``previous``.
        """
        later = [run for run in self._runs if run[1] >= next_offset]
        earlier = [run for run in self._runs if run[1] < next_offset]
        position = previous
        if later:
            position = min(run[2] for run in later)
        elif earlier:
            position = max(run[3] for run in earlier) + 1
        if is_waiting:
            # Kept, since they say where to go on once nothing is waited for any more.
            self._runs = ([_joined(earlier)] if earlier else []) + later
            return None if previous is None or position is None else min(previous, position)
        self._runs = later
        return position


class AlertPlaces:
    """The same of every partition of the source, on the topics of alerts and of those held back."""

    def __init__(self, alerts_topic: str, overflow_topic: str) -> None:
        self.topics: Final = (alerts_topic, overflow_topic)
        # By topic and source partition.
        self._delivered: dict[tuple[str, int], Delivered] = defaultdict(Delivered)

    def add(self, topic: str, partition: int, offset: int, place: int) -> None:
        """Note that the alert of a transaction lies at ``place`` of ``topic``."""
        self._delivered[topic, partition].add(offset, place)

    def positions(
        self,
        partition: int,
        next_offset: int,
        previous: tuple[int | None, int | None],
        is_waiting: tuple[bool, bool],
    ) -> tuple[int | None, int | None]:
        """Return the positions on both topics that a checkpoint is to name.

        As `Delivered.position` says for each of the two.  Every alert before ``next_offset`` must have
        been delivered; those beyond it that have not lie behind those that have.
        """
        alerts, overflow = (
            self._delivered[topic, partition].position(next_offset, position, is_waiting=waits)
            for topic, position, waits in zip(self.topics, previous, is_waiting, strict=True)
        )
        return alerts, overflow

    def forget(self, partition: int) -> None:
        """Drop what is known of a partition."""
        for topic in self.topics:
            self._delivered.pop((topic, partition), None)


def _joined(runs: list[Run]) -> Run:
    first, last, low, high = zip(*runs, strict=True)
    return min(first), max(last), min(low), max(high)
