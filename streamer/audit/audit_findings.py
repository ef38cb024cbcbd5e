"""What a check of the audit topic has to say, in words that name the entry and its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec

from streamer.audit.stored_entry import PARTITION_BITS

__all__ = [
    "FINDING_KINDS",
    "NOTE_KINDS",
    "Checked",
    "Finding",
    "FindingKind",
    "NoteKind",
    "WriterSummary",
    "numbers",
    "on_line",
    "on_topic",
]

FindingKind = Literal[
    "changed", "dropped", "reordered", "cut", "missing", "forked", "added", "unanchored"
]
FINDING_KINDS: Final[tuple[FindingKind, ...]] = get_args(FindingKind)
"""What nothing but a fault or a hand does: one of them is enough for exit code 1."""

NoteKind = Literal["repeated", "removed", "waiting"]
NOTE_KINDS: Final[tuple[NoteKind, ...]] = get_args(NoteKind)
"""What happens by itself: sent twice, older than the retention, not yet on the topic."""


class Finding(msgspec.Struct, frozen=True):
    """One of them: entries ``first`` to ``last`` of ``writer``, at ``place``, "" where it has none."""

    kind: FindingKind | NoteKind
    writer: str
    first: int
    last: int
    place: str
    told: str

    @property
    def is_note(self) -> bool:
        """Whether it happens by itself."""
        return self.kind in NOTE_KINDS


class WriterSummary(msgspec.Struct, frozen=True):
    """A chain as it is stored: its first and last number, and the hash of the last."""

    writer: str
    first: int
    last: int
    n_entries: int
    hash: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found."""

    findings: tuple[Finding, ...]
    writers: tuple[WriterSummary, ...]
    n_entries: int

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing but notes."""
        return all(each.is_note for each in self.findings)


def numbers(first: int, last: int) -> str:
    """Return entries in words.

    >>> numbers(3, 3), numbers(3, 5)
    ('entry 3', 'entries 3 to 5')
    """
    return f"entry {first}" if first == last else f"entries {first} to {last}"


Places = Callable[[int], str]


def on_topic(place: int) -> str:
    """Return a place as partition/offset.

    >>> on_topic((2 << 48) | 17)
    '2/17'
    """
    return f"{place >> PARTITION_BITS}/{place & ((1 << PARTITION_BITS) - 1)}"


def on_line(place: int) -> str:
    """Return a place in a file."""
    return f"line {place}"
