"""What is stored of one writer, in few words however long it is: runs of entries in a row.

A run is entries whose numbers go up by one and of which each names the hash of the one before.  A
chain with which nothing is wrong is one run; each alteration breaks it in a few places.  40 bytes an
entry are held, so that a year of a busy console fits.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from streamer.audit.stored_entry import PARTITION_BITS, StoredEntry

__all__ = ["Rival", "Run", "WriterLog"]

_HASH_BYTES: Final = 32
# Beyond so many runs nothing of the chain is in order, and which of them moved says nothing.
_MOST_RUNS: Final = 2_000


@dataclass(slots=True)
class Run:
    """Entries ``first`` to ``last``.

    ``previous`` is what the first names as the hash before it, ``previous_ms`` as that entry's time.
    """

    first: int
    previous: str
    previous_ms: int
    first_ms: int
    last_ms: int
    hashes: bytearray
    places: array[int]

    @classmethod
    def of(cls, entry: StoredEntry, sequence: int) -> Run:
        """Return a run of one entry."""
        hashes, places = bytearray(bytes.fromhex(entry.hash)), array("q", [entry.place])
        times_ms = entry.previous_ms, entry.at_ms, entry.at_ms
        return cls(sequence, entry.previous, *times_ms, hashes, places)

    @property
    def last(self) -> int:
        return self.first + len(self.places) - 1

    @property
    def last_hash(self) -> str:
        return self.hashes[-_HASH_BYTES:].hex()

    def has(self, sequence: int) -> bool:
        return self.first <= sequence <= self.last

    def hash_of(self, sequence: int) -> str:
        at = (sequence - self.first) * _HASH_BYTES
        return self.hashes[at : at + _HASH_BYTES].hex()

    def place_of(self, sequence: int) -> int:
        return self.places[sequence - self.first]

    def follows(self, entry: StoredEntry) -> bool:
        """Whether an entry is the one after the run's last."""
        return entry.sequence == self.last + 1 and entry.previous == self.last_hash

    def extend(self, entry: StoredEntry) -> None:
        self.hashes += bytes.fromhex(entry.hash)
        self.places.append(entry.place)
        self.last_ms = entry.at_ms


@dataclass(frozen=True, slots=True)
class Rival:
    """A sound entry with the number of one that came before it, and another content."""

    sequence: int
    hash: str
    place: int


@dataclass(slots=True)
class WriterLog:
    """What is stored of one writer, in the order in which it is stored."""

    runs: list[Run] = field(default_factory=list)
    damaged: list[StoredEntry] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)
    repeated: list[tuple[int, int]] = field(default_factory=list)

    def add(self, entry: StoredEntry) -> None:
        """Take the next entry that is stored."""
        sequence = entry.sequence
        if not entry.is_sound or sequence is None:
            self.damaged.append(entry)
            return
        if self.runs and self.runs[-1].follows(entry):
            self.runs[-1].extend(entry)
            return
        for run in self.runs:
            if not run.has(sequence):
                continue
            if run.hash_of(sequence) == entry.hash:
                self.repeated.append((sequence, entry.place))
            else:
                self.rivals.append(Rival(sequence, entry.hash, entry.place))
            return
        self.runs.append(Run.of(entry, sequence))

    @property
    def by_number(self) -> list[Run]:
        """The runs by the numbers of their entries."""
        return sorted(self.runs, key=lambda run: run.first)

    @property
    def n_entries(self) -> int:
        """Entries with a number of their own."""
        return sum(len(run.places) for run in self.runs)

    def run_of(self, sequence: int) -> Run | None:
        """Return the run that has an entry."""
        return next((run for run in self.runs if run.has(sequence)), None)

    def holes(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return the ranges from ``first`` to ``last`` of which no sound entry is stored."""
        found, at = [], first
        for run in self.by_number:
            if at <= min(run.first - 1, last):
                found.append((at, min(run.first - 1, last)))
            at = max(at, run.last + 1)
        return [*found, (at, last)] if at <= last else found

    def moved(self) -> list[Run]:
        """Return the fewest runs that are to be moved for the others to be in order."""
        runs = self._as_stored()
        if len(runs) < 2 or len(runs) > _MOST_RUNS:
            return runs[1:] if len(runs) > _MOST_RUNS else []
        kept = _heaviest_in_order(runs)
        return [run for n, run in enumerate(runs) if n not in kept]

    def _as_stored(self) -> list[Run]:
        """Return the runs as they are stored; of several partitions that of the lowest number first.

        Partitions are read one by one, so that where a writer's lie in two, as when the topic was given
        more of them, nothing is known of the order between them.
        """
        parts: dict[int, list[Run]] = {}
        for run in self.runs:
            parts.setdefault(run.places[0] >> PARTITION_BITS, []).append(run)
        ordered = sorted(parts.values(), key=lambda part: min(run.first for run in part))
        return [run for part in ordered for run in part]


def _heaviest_in_order(runs: Sequence[Run]) -> set[int]:
    """Return which of ``runs`` are in order and have the most entries together."""
    weights, before = [0] * len(runs), [-1] * len(runs)
    for n, run in enumerate(runs):
        best = max(
            (m for m in range(n) if runs[m].first < run.first),
            key=lambda m: weights[m],
            default=-1,
        )
        before[n] = best
        weights[n] = len(run.places) + (weights[best] if best >= 0 else 0)
    at = max(range(len(runs)), key=lambda n: weights[n])
    kept = set()
    while at >= 0:
        kept.add(at)
        at = before[at]
    return kept
