"""What became of the verdicts that were sent: those that cannot be used, on the topic of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from tests.faults.traffic import Sent
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service

__all__ = ["are_read", "verdict_faults"]

_FIRST_FEW: Final = 5
_POLL_S: Final = 0.2


def verdict_faults(service: Service, sent: Sequence[Sent], say: Callable[[str], None]) -> int:
    """Return how many verdicts are dead letters and should not be, or should and are not.

    Nothing waits for the feedback topic to be read to its end, so this does.
    """
    if not sent:
        return 0
    wanted = {(r.partition, r.offset) for r in sent if r.kind == "bad verdict"}
    deadline = time.monotonic() + DEADLINE_S
    while not are_read(service, sent) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    found = _found(service)
    for what, places in (
        ("no dead letter for the verdict", wanted - found),
        ("a verdict is a dead letter and should not be:", found - wanted),
    ):
        for partition, offset in sorted(places)[:_FIRST_FEW]:
            say(f"{what} partition {partition}, offset {offset}")
    return len(wanted ^ found)


def are_read(service: Service, sent: Sequence[Sent]) -> bool:
    """Whether every verdict has been read: what cannot be used is on its topic by then."""
    topic = service.settings.feedback_topic
    stored = service.ask(lambda store: store.partitions())
    return all(
        (topic, r.partition) in stored and (stored[topic, r.partition].offset or 0) > r.offset
        for r in sent
    )


def _found(service: Service) -> set[tuple[int, int]]:
    topic = service.settings.feedback_dead_letters_topic
    return {
        (int(headers["streamer-source-partition"]), int(headers["streamer-source-offset"]))
        for _, headers in service.dead_letters(topic)
    }
