"""Faults in an order that makes likely what chance alone brings about in one seed of hundreds."""

from __future__ import annotations

from typing import Any, Final

from tests.simulation.payments import LOG_LENGTH, N_PARTITIONS
from tests.simulation.scenario import Fault, Story

__all__ = ["STORIES", "story_of"]


def _bursts(at_s: float) -> tuple[Fault, ...]:
    return tuple(Fault(at_s, "burst", partition, 0.0) for partition in range(N_PARTITIONS))


_SHORT: Final[dict[str, Any]] = {"max_batch": 4, "checkpoint_max_transactions": 12}

_ONE: Final[dict[str, Any]] = _SHORT | {"n_workers": 1, "n_partitions": 1}

STORIES: Final[dict[str, Story]] = {
    "connections break": Story((Fault(0.0, "redis breaks connections", 0, 30.0),)),
    # A partition with histories is claimed, and they cannot be looked up when its first batch comes.
    "claimed without histories": Story(
        (
            Fault(5.0, "kill", 0, 0.0),
            *_bursts(5.5),
            Fault(5.6, "redis away at claim", 0, 4.0),
            Fault(15.0, "burst", 0, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1},
    ),
    # Three merge at a time, again and again.
    "rivals of the head": Story(
        tuple(fault for i in range(4) for fault in _bursts(3.0 + 2 * i)),
        is_alone=True,
        changes=_SHORT | {"n_workers": 3, "n_partitions": N_PARTITIONS, "length": LOG_LENGTH},
    ),
    # A worker has a checkpoint under way when Redis goes, and then loses its session: when Redis is
    # back, its partition may be another's.
    "rivals": Story((Fault(3.0, "redis away", 0, 9.0), Fault(4.5, "cut off", 0, 14.0))),
    # What the first life publishes no checkpoint holds.  The second replays it with a model that moves
    # on from checkpoint to checkpoint, publishes alerts that the first did not, and is killed too.
    "killed during the replay": Story(
        (
            Fault(4.0, "redis away", 0, 6.0),
            Fault(5.0, "burst", 0, 0.0),
            Fault(9.0, "kill", 0, 0.0),
            Fault(9.1, "kill at checkpoint", 1, 0.0),
            Fault(18.0, "kill at checkpoint", 1, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1, "n_partitions": 1, "length": LOG_LENGTH},
    ),
    # Nearly every payment is to alert, some lives know only from their topics what is on them.
    "killed in a flood": Story(
        (
            *_bursts(3.0),
            Fault(3.2, "flood", 0, 20.0),
            Fault(4.0, "redis away", 0, 4.0),
            Fault(6.0, "kill", 0, 0.0),
            Fault(11.0, "kill at checkpoint", 1, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1},
    ),
    # Checkpoints wait for Kafka while their partitions are released, to be done again: for longer than
    # a release waits for them, and partitions that are saved together wait for the first of them.
    "alerts given up": Story(
        tuple(
            fault
            for i in range(3)
            for fault in (
                Fault(3.0 + 20 * i, "burst", i, 0.0),
                Fault(3.3 + 20 * i, "broker away", 0, 14.0),
            )
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1, "n_partitions": N_PARTITIONS, "length": LOG_LENGTH},
    ),
    # One worker has batches in hand, or alerts in its queue, while another takes over.
    "stands still": Story(
        (*_bursts(4.0), Fault(4.4, "freeze", 0, 14.0)),
        is_alone=True,
        changes=_SHORT | {"n_workers": 2, "is_static": False},
    ),
    "cut off": Story(
        (*_bursts(4.0), Fault(4.4, "cut off", 0, 14.0)),
        is_alone=True,
        changes=_SHORT | {"n_workers": 2, "is_static": False},
    ),
    # What was read is known; of what was not, the end that Kafka told.
    "made again": Story((Fault(5.0, "recreated", 0, 0.0),), is_alone=True, changes=_ONE),
    # The new log is longer than the checkpoint when the next worker comes.
    "made again meanwhile": Story(
        (Fault(5.0, "kill", 0, 0.0), Fault(5.1, "recreated", 0, 0.0), *_bursts(5.2)),
        is_alone=True,
        changes=_ONE,
    ),
    # The worker is still there, and reads the new log before it has looked at the topic's id.
    "made again behind the back": Story(
        (Fault(2.6, "recreated", 0, 0.0), *_bursts(2.7)),
        is_alone=True,
        changes=_ONE | {"is_mute": True},
    ),
    # Alerts are out of a partition that no checkpoint knows, and their topic is another one then.
    "made again before the first checkpoint": Story(
        (
            Fault(2.5, "flood", 0, 3.0),
            Fault(3.0, "redis away", 0, 6.0),
            Fault(4.6, "kill", 0, 0.0),
            Fault(4.8, "recreated", 0, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1, "n_partitions": 2},
    ),
    # Somebody has asked for the log of a partition of which nothing is saved; when it is decided, the
    # topic is another one and has been read.
    "made again while somebody decides": Story(
        (
            Fault(1.7, "kill", 0, 0.0),
            Fault(3.9, "passed over", 0, 0.0),
            Fault(4.2, "recreated", 0, 0.0),
            *_bursts(4.3),
        ),
        is_alone=True,
        changes=_ONE,
    ),
    "cut": Story((Fault(5.0, "truncated", 0, 0.0),), is_alone=True, changes=_ONE),
    # What is restored was saved before the cut, under offsets that the log has again.
    "cut, and Redis is older": Story(
        (Fault(4.0, "truncated", 0, 0.0), *_bursts(9.0), Fault(13.0, "redis restored", 0, 0.0)),
        is_alone=True,
        changes=_ONE,
    ),
    "expired meanwhile": Story(
        (Fault(5.0, "kill", 0, 0.0), *_bursts(5.1), Fault(5.2, "retention", 0, 0.0)),
        is_alone=True,
        changes=_ONE,
    ),
    "passed over": Story(
        (*_bursts(4.0), Fault(4.2, "passed over", 0, 0.0)), is_alone=True, changes=_ONE
    ),
    # It grows and is read on while somebody decides.
    "passed over while read": Story(
        tuple(Fault(3.0 + 5 * i, "passed over", 0, 0.0) for i in range(4)),
        is_alone=True,
        changes=_ONE | {"length": LOG_LENGTH},
    ),
    "Redis is older": Story(
        (*_bursts(7.0), Fault(8.0, "redis restored", 1, 0.0)), is_alone=True, changes=_ONE
    ),
    "Redis is emptied": Story(
        (Fault(5.0, "redis emptied", 0, 0.0), *_bursts(5.1)), is_alone=True, changes=_ONE
    ),
    "verdicts made again": Story(
        (Fault(5.0, "recreated", 1, 0.0),), is_alone=True, changes=_ONE | {"has_verdicts": True}
    ),
    # A batch of the old topic waits for Redis while the new one is claimed already.
    "verdicts wait": Story(
        (Fault(2.0, "redis away", 0, 4.0), Fault(4.8, "recreated", 1, 0.0)),
        is_alone=True,
        changes=_ONE | {"has_verdicts": True},
    ),
    "verdicts passed over": Story(
        (
            Fault(5.0, "redis away", 0, 2.0),
            Fault(5.1, "passed over", 1, 0.0),
            Fault(5.2, "burst", 1, 0.0),
        ),
        is_alone=True,
        changes=_ONE | {"has_verdicts": True},
    ),
    # Two workers merge into a canary, one dies meanwhile, and it is made the head by itself.
    "canary": Story(
        (
            *_bursts(4.0),
            Fault(5.0, "canary", 2, 8.0),
            *(fault for i in range(5) for fault in _bursts(7.0 + i)),
            Fault(9.5, "kill", 0, 0.0),
            Fault(12.0, "redis breaks connections", 0, 3.0),
            *_bursts(16.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 2, "n_partitions": N_PARTITIONS, "length": LOG_LENGTH},
    ),
    # Deltas are under way when the canary ends.
    "canary ended": Story(
        (
            *_bursts(4.0),
            Fault(5.0, "canary", 1, 60.0),
            *_bursts(7.0),
            Fault(8.0, "redis away", 0, 2.0),
            Fault(10.5, "canary ended", 0, 0.0),
            *_bursts(10.6),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 2, "n_partitions": N_PARTITIONS, "length": LOG_LENGTH},
    ),
}
_EVERY: Final = 8
"""Every so many seeds one tells a story."""


def story_of(seed: int) -> Story | None:
    """Return the story that a seed tells of itself."""
    if seed % _EVERY != _EVERY - 1:
        return None
    return list(STORIES.values())[seed // _EVERY % len(STORIES)]
