"""The queue in which nothing tells what the model says of an alert: pure.

What is drawn from below the threshold differs from other alerts in rank, severity, reasons and in that
it is in no wave.  So a row has none of these, and its place is a hash of its id.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from collections.abc import Sequence
from typing import Final

import msgspec

from streamer.store import QueueRow

__all__ = ["TELLING", "BlindRows", "blinded", "rank_of", "with_others"]

TELLING: Final = "severity", "reason", "ranked_by"
"""The filters that would tell."""

_SEVERITIES: Final = {"medium": 1, "high": 2, "critical": 3}


def blinded(row: QueueRow) -> QueueRow:
    """Return a row with nothing that an alert of the same payment could differ in.

    >>> row = QueueRow("a-1", "high", 0.99, 5.0, "EUR", 1, 2, "distance", "amount", wave_id="w")
    >>> blinded(row) == QueueRow("a-1", "", 0.0, 5.0, "EUR", 1, 2, "")
    True
    """
    return msgspec.structs.replace(
        row,
        severity="",
        score=0.0,
        ranked_by="",
        feature="",
        sentence="",
        wave_id="",
        wave_alerts=1,
    )


class BlindRows:
    """Blind rows in their order, each made once while its alert is open."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._made: dict[str, tuple[bytes, QueueRow]] = {}
        self._kept: tuple[Sequence[QueueRow], list[QueueRow]] | None = None

    def of(self, rows: Sequence[QueueRow]) -> list[QueueRow]:
        """Return ``rows`` blinded, in the order of their hashes; the same list for the same one."""
        if self._kept is None or self._kept[0] is not rows:
            made, known = {}, self._made
            for row in rows:
                made[row.alert_id] = known.get(row.alert_id) or (self.place(row), blinded(row))
            self._made = made
            placed = sorted(made.values(), key=lambda each: each[0])
            self._kept = rows, [row for _, row in placed]
        return self._kept[1]

    def place(self, row: QueueRow) -> bytes:
        """Return where a row stands among others: the same for all consoles of a service."""
        return hashlib.sha256(f"{self._salt}:{row.alert_id}".encode()).digest()


def rank_of(row: QueueRow) -> float:
    """Return what rows that are not blind are ordered by, the first lowest."""
    return -(2 * _SEVERITIES[row.severity] + row.score)


def with_others(
    rows: Sequence[QueueRow], others: Sequence[QueueRow], blind: BlindRows | None
) -> list[QueueRow]:
    """Return ``rows`` with ``others``, each where it would stand were it one of them."""
    found = list(rows)
    for row in others:
        if blind is None:
            insort(found, row, key=rank_of)
        else:
            insort(found, blinded(row), key=blind.place)
    return found
