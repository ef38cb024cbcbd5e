"""What workers answered to /readyz, in as few lines as there are causes, each with its heading.

The headings are the table of "First, always" in the runbook: whoever is woken should not look it up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from streamer.status.facts import EndpointStatus

__all__ = ["HEADINGS", "answers", "heading_of"]

# The first that is found in a line decides.
HEADINGS: Final = (
    ("neither Redis nor the group remembers", "redis-empty-and-the-log-cut-or-made-anew"),
    ("must hold what a worker wrote", "foreign-bytes-or-another-format-in-redis"),
    ("twice as often as agreed", "the-fuse-blew"),
    ("Redis is older", "redis-came-back-older"),
    ("Redis must not be older", "redis-came-back-older"),
    ("Redis is not the one that this service left", "redis-came-back-empty"),
    ("were deleted before they were read", "retention-overtook-the-worker"),
    ("feedback is faulted", "feedback-topic-deleted-and-made-again"),
    ("it was deleted and created again", "topic-deleted-and-made-again"),
    ("committed offset of", "redis-empty-and-the-log-cut-or-made-anew"),
    ("stored offset of", "log-shorter-than-the-checkpoint"),
    ("must have at least", "partitions-added"),
    ("scoring goes on from memory", "redis-away-hung-or-slow"),
    ("Redis at ", "redis-away-hung-or-slow"),
    ("must answer fetches", "a-partition-stands-still"),
    ("must advance", "a-partition-stands-still"),
    ("must be checkpointed", "a-partition-stands-still"),
    ("must exist", "a-partition-stands-still"),
    ("the consumer group must answer", "kafka-away"),
    ("Kafka at ", "kafka-away"),
    ("to be claimed", "worker-killed-frozen-out-of-memory"),
    ("joining the consumer group", "worker-killed-frozen-out-of-memory"),
)
_CLAIM: Final = re.compile(r"partition (\d+) of (\S+) waits to be claimed(.*)")
_AWAY: Final = re.compile(r"scoring goes on from memory and checkpoints wait, for (\d+) s: (.*)")


def heading_of(line: str) -> str:
    """Return the heading of the runbook that a line of /readyz leads to."""
    for words, heading in HEADINGS:
        if words in line:
            return heading
    return "first-always"


def answers(endpoints: Iterable[EndpointStatus]) -> Iterator[tuple[str, str]]:
    """Return what is wrong at the workers, and the heading for it."""
    away: dict[str, list[tuple[str, int]]] = {}
    for each in endpoints:
        if each.error is not None:
            yield f"{each.url} does not answer: {each.error}", "worker-killed-frozen-out-of-memory"
        for line in _joined(each.because):
            yield f"{each.url} is not ready: {line}", heading_of(line)
        for line in each.warnings:
            if found := _AWAY.fullmatch(line):
                away.setdefault(found[2], []).append((each.url, int(found[1])))
            else:
                yield f"{each.url} warns: {line}", heading_of(line)
    for error, places in away.items():
        urls = ", ".join(url for url, _ in places)
        warn = "warns" if len(places) == 1 else "warn"
        longest_s = max(seconds for _, seconds in places)
        line = f"scoring goes on from memory and checkpoints wait, for {longest_s} s: {error}"
        yield f"{urls} {warn}: {line}", heading_of(line)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Partitions that wait to be claimed for the same reason are one line: a rebalance has them all."""
    waiting: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if found := _CLAIM.fullmatch(line):
            waiting.setdefault((found[2], found[3]), []).append(found[1])
        else:
            yield line
    for (topic, why), partitions in waiting.items():
        one = len(partitions) == 1
        which = f"partition {partitions[0]}" if one else f"partitions {', '.join(partitions)}"
        yield f"{which} of {topic} {'waits' if one else 'wait'} to be claimed{why}"
