"""What is known of the chains from elsewhere than where they lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streamer.audit.audit_entry import Head

__all__ = ["Anchors", "Known"]


class Known(NamedTuple):
    """The hash of an entry, its time at the latest, and who says so."""

    sequence: int
    hash: str
    at_ms: int
    by: str


@dataclass(frozen=True, slots=True)
class Anchors:
    """What is known of the chains from elsewhere.

    ``heads`` were read before the entries, ``heads_after`` afterwards; ``waiting`` are the numbers that
    lie in Redis and not yet on the topic.  ``begins`` are the number and the hash before it from which
    a file has a chain.  What is older than ``removed_ms`` may have been removed by retention;
    ``since_ms`` is where reading began.  ``is_topic``: who is in no head and no link is a finding.
    ``source`` is where the heads come from.
    """

    heads: Mapping[str, Head] = field(default_factory=dict)
    heads_after: Mapping[str, Head] = field(default_factory=dict)
    waiting: Mapping[str, Collection[int]] = field(default_factory=dict)
    begins: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    removed_ms: int = 0
    since_ms: int = 0
    until_ms: int | None = None
    is_topic: bool = True
    source: str = "the head in Redis"
